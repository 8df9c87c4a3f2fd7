"""The output: a path that follows the shot, versions, what exists."""

from __future__ import annotations

from ocio.frame_range import FrameRange
from tests.ui.presenters.desk import Desk, described, now
from tokenflow.scripted_job import usual_play
from ui.output_names import version_of


def test_the_path_follows_the_shot(started: Desk) -> None:
    output = started.panel.output
    assert output.path == str(started.output / "v001" / "sh010_v001.####.exr")
    assert output.version.value == 1
    other = str(started.folder / "shots" / "sh020" / "plate" / "sh020.####.exr")
    started.knobs.plates[other] = described(other)
    started.panel.shot.open(other)
    started.runner.advance(0)
    assert output.path.endswith("sh020/edit/v001/sh020_v001.####.exr")


def test_a_new_shot_gets_the_first_version_that_is_free(desk: Desk) -> None:
    desk.write_frames(str(desk.output / "v001" / "sh010_v001.####.exr"), 1001)
    desk.start()
    assert desk.panel.output.version.value == 2


def test_a_path_that_was_typed_stays_until_it_is_to_follow_again(started: Desk) -> None:
    output = started.panel.output
    output["path"].set("/mine/a_v009.####.exr")
    other = str(started.folder / "shots" / "sh020" / "plate" / "sh020.####.exr")
    started.knobs.plates[other] = described(other)
    started.panel.shot.open(other)
    started.runner.advance(0)
    assert output.path == "/mine/a_v009.####.exr"
    assert now(output.version) == 9
    output.follow_shot()
    started.runner.advance(0)
    assert now(output.version) == 1


def test_version_up_takes_the_next_that_is_free(started: Desk) -> None:
    output = started.panel.output
    started.write_frames(str(started.output / "v004" / "x.####.exr"), 1)
    output.version_up()
    started.runner.advance(0)
    assert output.path == str(started.output / "v005" / "sh010_v005.####.exr")


def test_a_version_that_a_waiting_job_is_to_write_is_not_free(started: Desk) -> None:
    output = started.panel.output
    started.knobs.script = usual_play(1000)
    started.panel.shot.set_missing("hold")
    started.panel.edit["prompt"].set("a red ball")
    started.panel.render.render()
    started.runner.advance(0.5)
    assert output.version.value == 2
    started.panel.edit["prompt"].set("a ball")
    started.panel.render.render()
    started.runner.advance(0.5)
    versions = {version_of(record.job.output.path) for record in started.client.jobs()}
    assert versions == {1, 2}
    assert now(output.version) == 3


def test_a_path_that_was_typed_or_is_to_be_replaced_does_not_move_on(started: Desk) -> None:
    output = started.panel.output
    started.write_frames(output.path, 1001)
    output.overwrite.set(True)
    output.move_on(output.path)
    started.runner.advance(0)
    assert now(output.version) == 1
    output.overwrite.set(False)
    output["path"].set(str(started.output / "v001" / "mine_v001.####.exr"))
    output.move_on(output.path)
    started.runner.advance(0)
    assert now(output.version) == 1
    output.follow_shot()
    started.runner.advance(0)
    output.set_version(1)
    output.move_on(output.path)
    started.runner.advance(0)
    assert now(output.version) == 2


def test_frames_that_exist_are_told(started: Desk) -> None:
    output = started.panel.output
    started.write_frames(output.path, 1001, 1002)
    output.look()
    started.runner.advance(0)
    assert output.existing.value == FrameRange.of([1001, 1002])


def test_an_empty_path_is_a_reason_and_a_wrong_strength_an_error(started: Desk) -> None:
    output = started.panel.output
    output["path"].set("")
    assert now(output.problems) == ("Say where the result goes.",)
    output["path"].set("/o/a.####.exr")
    output["strength"].set(2.0)
    assert output["strength"].error.value.startswith("Strength must be")
    output["strength"].set(0.5)
    assert output.problems.value == ()
    assert output.part().strength == 0.5
