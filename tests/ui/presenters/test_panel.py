"""The panel as a whole: what it keeps, and that it leaves nothing running."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction

from ocio.frame_range import FrameRange
from tests.ui.presenters.desk import Desk, DeskHost, described
from tokenflow.scripted_job import usual_play
from ui.presenters.panel import PanelPresenter


def change_everything(desk: Desk) -> None:
    panel = desk.panel
    panel.shot.set_missing("hold")
    panel.shot.set_range(1010, 1030)
    panel.shot.set_colorspace("Linear Rec.709 (sRGB)")
    panel.shot.set_rate(Fraction(25))
    panel.edit["prompt"].set("a red ball")
    panel.edit.set_structure(0.25)
    panel.output["path"].set("/mine/v004/a_v004.####.exr")
    panel.output["strength"].set(0.5)
    panel.viewer.set_exposure(1.5)
    panel.viewer.go_to(1020)
    panel.set_layout({"splitter": [1, 2]})


def test_a_shot_that_is_opened_again_comes_back_as_it_was_left(started: Desk) -> None:
    change_everything(started)
    started.panel.tries.run()
    started.runner.advance(3)
    left = started.panel.save()
    started.panel.close()

    desk = Desk(started.folder)
    desk.client = started.client
    desk.start()
    desk.runner.advance(0.1)
    found = desk.panel.save()
    for part in ("shot", "edit", "output", "tries", "layout"):
        assert found[part] == left[part], part
    assert desk.panel.shot.frames.value == FrameRange.parse("1010-1030")
    assert desk.panel.viewer.exposure.value == 1.5
    desk.panel.close()


def test_a_hosts_project_brings_its_shot_back_by_itself(started: Desk) -> None:
    host = DeskHost(started.folder / "settings", project="/shows/a/comp.nk")
    first = PanelPresenter(started.connect, started.runner, host)
    first.start()
    first.shot.open(started.plate)
    started.runner.advance(2)
    first.edit["prompt"].set("a red ball")
    started.runner.advance(2)
    second = PanelPresenter(started.connect, started.runner, host)
    second.start()
    started.runner.advance(0.1)
    assert second.shot.facts.value is not None
    assert second.edit["prompt"].value.value == "a red ball"
    other = PanelPresenter(
        started.connect, started.runner, DeskHost(started.folder / "settings", "/shows/b/comp.nk")
    )
    other.start()
    started.runner.advance(0.1)
    assert other.shot.path.value == ""
    for panel in (first, second, other):
        panel.close()


def test_a_state_is_not_written_over_before_it_was_read(started: Desk) -> None:
    host = DeskHost(started.folder / "settings", project="/shows/a/comp.nk")
    first = PanelPresenter(started.connect, started.runner, host)
    first.edit["prompt"].set("a red ball")
    first.keep()
    started.runner.advance(0)
    second = PanelPresenter(started.connect, started.runner, host)
    second.start()
    second.keep()
    started.runner.advance(0)
    kept = json.loads(second.state_file("/shows/a/comp.nk").read_text())
    assert kept["edit"]["prompt"] == "a red ball"
    assert second.edit["prompt"].value.value == "a red ball"
    for panel in (first, second):
        panel.close()


def test_two_shots_in_one_folder_do_not_mix_their_ranges(started: Desk) -> None:
    started.panel.shot.set_range(1010, 1030)
    started.runner.advance(2)
    other = started.plate.replace("sh010_v012", "sh010_v013")
    started.knobs.plates[other] = described(other)
    started.panel.shot.open(other)
    started.runner.advance(0.1)
    assert started.panel.shot.whole_range
    assert started.panel.shot.path.value == other


def test_state_of_another_version_is_passed_over(started: Desk) -> None:
    started.panel.edit["prompt"].set("mine")
    started.panel.restore({"version": 99, "edit": {"prompt": "theirs"}})
    assert started.panel.edit["prompt"].value.value == "mine"


def test_state_that_cannot_be_read_is_told_and_stops_nothing(desk: Desk) -> None:
    told: list[str] = []
    desk.panel.notices.subscribe(told.append)
    file = desk.panel.state_file(str(desk.folder / "shots" / "sh010" / "plate"))
    file.parent.mkdir(parents=True)
    file.write_text("{half")
    desk.start()
    assert len(told) == 1
    assert desk.panel.shot.condition.value == "ready"


def test_the_state_is_json_and_holds_no_picture(started: Desk) -> None:
    started.panel.edit["prompt"].set("a red ball")
    started.panel.tries.run()
    started.runner.advance(3)
    text = json.dumps(started.panel.save())
    assert "PNG" not in text


def test_a_render_is_shown_while_it_runs_and_its_frames_anew_when_it_is_done(
    started: Desk,
) -> None:
    started.knobs.script = usual_play(10)
    started.panel.shot.set_missing("hold")
    started.panel.edit["prompt"].set("a red ball")
    started.panel.render.render()
    started.runner.advance(1)
    source = started.panel.viewer.edit.value
    assert source is not None
    assert source.job_id == started.panel.jobs.chosen.value
    started.runner.advance(20)
    later = started.panel.viewer.edit.value
    assert later is not None
    assert later.job_id == source.job_id
    assert later.revision > source.revision


def test_a_try_brings_its_frames_when_it_is_done_and_not_before(started: Desk) -> None:
    started.knobs.script = usual_play(10)
    started.panel.edit["prompt"].set("a red ball")
    started.panel.tries.run()
    started.runner.advance(3)
    assert started.panel.viewer.edit.value is None
    started.runner.advance(20)
    assert started.panel.viewer.edit.value is not None
    assert len(started.panel.viewer.frames.value) == 5


def test_closing_cancels_no_job(started: Desk) -> None:
    started.knobs.script = usual_play(100)
    started.panel.shot.set_missing("hold")
    started.panel.edit["prompt"].set("a red ball")
    started.panel.render.render()
    started.runner.advance(1)
    started.panel.close()
    started.panel.close()
    assert [record.state for record in started.client.jobs()] == ["running"]


def test_after_closing_nobody_listens_to_anything(started: Desk) -> None:
    panel = started.panel
    panel.close()
    values = [
        *(panel.service.client, panel.service.models, panel.shot.facts, panel.shot.frames),
        *(panel.jobs.rows, panel.jobs.chosen, panel.viewer.edit, panel.output.existing),
        *(field.value for field in panel.edit.fields.values()),
    ]
    assert [value.listeners for value in values] == [0] * len(values)  # type: ignore[attr-defined]
    assert started.runner.waiting == 0


def test_the_state_of_the_panel_needs_neither_qt_nor_any_library() -> None:
    code = (
        "import sys, ui.presenters.panel\n"
        "bad = {'PySide6', 'numpy', 'torch', 'OpenImageIO', 'PyOpenColorIO', 'PIL'}\n"
        "print(sorted(bad & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
