"""Rendering: when it can be pressed, what it asks, how long it says it takes."""

from __future__ import annotations

import pytest

from ocio.frame_range import FrameRange
from tests.ui.presenters.desk import Desk, described, now
from tokenflow.job import EditJob
from tokenflow.states import JobState
from ui.presenters.render import RenderPresenter


@pytest.fixture
def render(started: Desk) -> RenderPresenter:
    """Everything is said that a render needs."""
    started.panel.shot.set_missing("hold")
    started.panel.edit["prompt"].set("a red ball")
    return started.panel.render


def jobs_of(desk: Desk, state: JobState | None = None) -> list[EditJob]:
    return [record.job for record in desk.client.jobs(state=state)]


def test_what_is_missing_is_said_in_sentences(desk: Desk) -> None:
    render = desk.panel.render
    assert render.reasons.value == ("The service is not there.", "Pick a shot.")
    desk.start()
    assert any("1009" in reason for reason in render.reasons.value)
    assert "Say what to make of the shot." in render.reasons.value
    assert not render.ready.value


def test_a_render_takes_the_whole_range_and_what_the_form_says(
    started: Desk, render: RenderPresenter
) -> None:
    assert render.ready.value
    assert render.count.value == 47
    path = started.panel.output.path
    render.render()
    started.runner.advance(1)
    (job,) = jobs_of(started)
    assert job.plate.path == started.plate
    assert job.edit.prompt == "a red ball"
    assert job.range.frames == FrameRange.parse("1001-1008,1010-1048")
    assert job.range.missing == "hold"
    assert job.output.path == path


def test_a_render_that_is_not_ready_queues_nothing(started: Desk) -> None:
    started.panel.render.render()
    started.runner.advance(1)
    assert jobs_of(started) == []


def test_frames_that_exist_stop_a_render_until_they_may_be_replaced(
    started: Desk, render: RenderPresenter
) -> None:
    started.write_frames(started.panel.output.path, 1001, 1002)
    started.panel.output.look()
    started.runner.advance(0)
    assert any("1001-1002" in reason for reason in render.reasons.value)
    started.panel.output.overwrite.set(True)
    assert render.ready.value
    render.render()
    question = render.question.value
    assert question is not None
    assert "2 frames" in question.sentence
    question.no()
    started.runner.advance(1)
    assert jobs_of(started) == []
    render.render()
    assert now(render.question) is not None
    question.yes()
    started.runner.advance(1)
    assert render.question.value is None
    assert started.client.jobs()[0].request.overwrite


def test_an_unknown_colour_space_stops_a_render(started: Desk, render: RenderPresenter) -> None:
    colour = described(started.plate)["color"] | {"colorspace": None}
    started.knobs.plates[started.plate] = described(started.plate, color=colour)
    started.panel.shot.inspect()
    started.runner.advance(0)
    assert "Choose the plate's colour space." in render.reasons.value
    started.panel.shot.set_colorspace("ACEScg")
    assert render.reasons.value == ()


def test_a_lost_service_stops_a_render_and_its_return_allows_it(
    started: Desk, render: RenderPresenter
) -> None:
    started.knobs.unreachable = True
    started.runner.advance(3)
    assert not now(render.ready)
    started.knobs.unreachable = False
    started.runner.advance(16)
    assert now(render.ready)


def test_no_time_is_guessed_before_the_first_job_and_afterwards_it_scales(
    started: Desk, render: RenderPresenter
) -> None:
    assert render.estimate(48) is None
    render.restore({"rates": {"2048×1080 auto": [0.01, 0.02, 9.0]}})
    assert render.estimate(10) == pytest.approx(0.02 * 10 * 100)
    started.panel.edit["steps"].set(25)
    assert render.seconds.value == pytest.approx(0.02 * 47 * 75)
    started.panel.edit["size"].set("512x288")
    assert now(render.seconds) is None


def test_a_finished_render_teaches_the_machines_speed(
    started: Desk, render: RenderPresenter
) -> None:
    render.render()
    started.runner.advance(5)
    assert jobs_of(started, "done")
    assert render.save()["rates"]["2048×1080 auto"]
    assert now(render.seconds) is not None


def test_the_command_is_that_of_the_job(started: Desk, render: RenderPresenter) -> None:
    command = render.copy_command()
    assert command.startswith(f"tokenflow edit '{started.plate}' -o ")
    assert "--prompt 'a red ball'" in command
    started.panel.edit["prompt"].set("")
    assert render.copy_command() == ""
