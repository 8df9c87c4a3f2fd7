"""Tries: a few frames, seen soon, kept with their settings."""

from __future__ import annotations

import pytest

from tests.ui.presenters.desk import Desk, described
from tokenflow.errors import OutOfMemory
from tokenflow.scripted_job import failing_play
from ui.presenters.tries import TriesPresenter


@pytest.fixture
def tries(started: Desk) -> TriesPresenter:
    """A try can be made although the render cannot: a frame is missing, frames exist."""
    started.panel.edit["prompt"].set("a red ball")
    return started.panel.tries


def test_a_try_is_a_job_of_five_keyframes_in_a_folder_of_its_own(
    started: Desk, tries: TriesPresenter
) -> None:
    tries.run()
    started.runner.advance(0.1)
    (job,) = [record.job for record in started.client.jobs()]
    assert job.edit.keyframe_interval == 1
    assert job.range.frames is not None
    assert [*job.range.frames] == [1001, 1014, 1025, 1036, 1048]
    assert job.output.path == str(started.output / "tries" / "001" / "sh010_v001.####.exr")
    assert tries.running.value


def test_a_finished_try_is_shown_with_its_frames_and_pictures(
    started: Desk, tries: TriesPresenter
) -> None:
    tries.run()
    started.runner.advance(3)
    (made,) = tries.tries.value
    assert made.state == "done"
    assert made.pictures is not None
    assert [*made.pictures] == [*made.frames]
    assert not tries.running.value
    viewer = started.panel.viewer
    assert tries.chosen.value == made.job_id
    assert [*viewer.frames.value] == [*made.frames]
    viewer.step(1)
    assert viewer.frame.value == 1014
    viewer.show_edit(None)
    assert len(viewer.frames.value) == 47
    assert tries.chosen.value == ""


def test_an_older_try_comes_back_with_its_settings(started: Desk, tries: TriesPresenter) -> None:
    edit = started.panel.edit
    tries.run()
    started.runner.advance(3)
    edit["prompt"].set("a blue cube")
    edit.set_structure(1.0)
    tries.run()
    started.runner.advance(3)
    newest, oldest = tries.tries.value
    assert (newest.number, oldest.number) == (2, 1)
    assert newest.prompt == "a blue cube"
    tries.pick(oldest.job_id)
    assert edit["prompt"].value.value == "a red ball"
    assert edit.structure.value == 0.5
    assert tries.chosen.value == oldest.job_id
    assert started.panel.viewer.shown.value[0].job_id == oldest.job_id


def test_a_newer_try_does_not_take_the_number_of_one_that_is_not_on_disk_yet(
    started: Desk, tries: TriesPresenter
) -> None:
    tries.run()
    tries.run()
    started.runner.advance(0.1)
    paths = {record.job.output.path for record in started.client.jobs()}
    assert len(paths) == 2


def test_a_failed_try_says_why(started: Desk, tries: TriesPresenter) -> None:
    started.knobs.script = failing_play(OutOfMemory("too little memory", hint="Take less."), 0.2)
    tries.run()
    started.runner.advance(3)
    (made,) = tries.tries.value
    assert made.state == "failed"
    assert made.trouble is not None
    assert made.trouble.code == "out_of_memory"
    assert made.pictures is None


def test_the_number_of_frames_has_ends(started: Desk, tries: TriesPresenter) -> None:
    tries.set_count(1)
    assert len(tries.frames.value) == 3
    tries.set_count(99)
    assert len(tries.frames.value) == 5
    started.panel.shot.set_range(1001, 1002)
    assert len(tries.frames.value) == 2


def test_nothing_is_tried_without_words_or_service(started: Desk, tries: TriesPresenter) -> None:
    assert tries.can_run
    started.panel.edit["prompt"].set("")
    assert not tries.can_run
    tries.run()
    started.runner.advance(1)
    assert started.client.jobs() == []
    started.panel.edit["prompt"].set("a ball")
    started.knobs.unreachable = True
    started.runner.advance(3)
    assert not tries.can_run


def test_tries_belong_to_their_shot(started: Desk, tries: TriesPresenter) -> None:
    tries.run()
    started.runner.advance(3)
    other = str(started.folder / "shots" / "sh020" / "plate" / "sh020.####.exr")
    started.knobs.plates[other] = described(other)
    started.panel.shot.open(other)
    started.runner.advance(0)
    assert tries.tries.value == ()


def test_a_try_that_is_removed_leaves_the_strip_and_the_viewer(
    started: Desk, tries: TriesPresenter
) -> None:
    tries.run()
    started.runner.advance(3)
    tries.remove(tries.tries.value[0].job_id)
    assert tries.tries.value == ()
    assert started.panel.viewer.edit.value is None
