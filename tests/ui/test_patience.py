"""The event loop runs on whatever the service does: slow, hung, gone, with a long queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.event_loop import EventLoop
from tests.ui.presenters.desk import described
from tokenflow.client import Health
from tokenflow.events import FrameWritten, Progress
from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.scripted_client import Knobs, ScriptedClient, _Part
from tokenflow.scripted_job import Play, Step, usual_play
from tokenflow.states import JobRecord, RunRequest
from ui.host import FolderHost
from ui.presenters.panel import PanelPresenter
from ui.qt_runner import QtRunner

PLATE = "/shots/plate.####.exr"
FRAMES = 2000


class HangingClient(ScriptedClient):
    """Answers nothing from the moment on at which it is told to hang."""

    def __init__(self, knobs: Knobs) -> None:
        super().__init__(knobs)
        self.hang = threading.Event()
        self.let_go = threading.Event()

    def health(self) -> Health:
        if self.hang.is_set():
            self.let_go.wait(20)
        return super().health()


@pytest.fixture
def client() -> Iterator[HangingClient]:
    knobs = Knobs()
    knobs.plates[PLATE] = described(PLATE, frames=f"1-{FRAMES}", missing="", last=FRAMES)
    made = HangingClient(knobs)
    yield made
    made.let_go.set()
    knobs.unreachable = True  # ends the streams of jobs that run for ever


@pytest.fixture
def panel(client: HangingClient, tmp_path: Path) -> Iterator[PanelPresenter]:
    made = PanelPresenter(lambda: client, QtRunner(), FolderHost(settings=tmp_path))
    yield made
    made.close()


def fill(client: ScriptedClient, count: int) -> None:
    for number in range(count):
        edit = Edit(prompt=f"job {number}")
        job = EditJob(plate=Plate(PLATE), edit=edit, output=Output(f"/o/{number}.####.exr"))
        record = JobRecord(f"{number:012x}", job, RunRequest(), "queued", float(number))
        client._parts[record.id] = _Part(number, record)


def test_a_slow_service_with_500_jobs_and_a_shot_of_2000_frames(
    panel: PanelPresenter, client: HangingClient, event_loop: EventLoop
) -> None:
    client.knobs.script = usual_play(1e6)
    fill(client, 500)
    client.knobs.delay = 0.3
    panel.start()
    panel.shot.open(PLATE)
    event_loop.turn_until(lambda: len(panel.jobs.rows.value) == 500)
    event_loop.turn_until(lambda: panel.shot.facts.value is not None)
    for frame in (1, 700, 2000):
        event_loop.measure(lambda frame=frame: panel.viewer.go_to(frame))  # type: ignore[misc]
    event_loop.measure(lambda: panel.shot.set_range(100, 1900))
    event_loop.measure(lambda: panel.timeline.select(300, 800))
    event_loop.measure(lambda: panel.edit["prompt"].set("a marble statue"))
    event_loop.measure(lambda: panel.edit.set_structure(0.8))
    event_loop.turn_for(2.5)


def test_thousands_of_events_of_a_job_that_ran_before_the_panel_came(
    panel: PanelPresenter, client: HangingClient, event_loop: EventLoop
) -> None:
    steps = [
        Step(0, event)
        for frame in range(1, FRAMES + 1)
        for event in (
            FrameWritten(frame, f"/o/a.{frame}.exr"),
            Progress("merge", frame, FRAMES),
            Progress("merge", frame, FRAMES),
        )
    ]
    client.knobs.script = lambda job, frames: Play((*steps, Step(1e6, Progress("merge", 1, 1))))
    client.submit(
        EditJob(plate=Plate(PLATE), edit=Edit(prompt="x"), output=Output("/o/a.####.exr"))
    )
    panel.start()
    panel.shot.open(PLATE)

    def all_heard() -> bool:
        rows = panel.jobs.rows.value
        return bool(rows) and len(panel.jobs.live(rows[0].id).written) == FRAMES

    event_loop.turn_until(all_heard)
    event_loop.turn_until(lambda: panel.shot.facts.value is not None)
    panel.show_job(panel.jobs.rows.value[0].id)
    event_loop.turn_for(0.5)
    assert len(panel.timeline.marks.value.done) == FRAMES


def test_a_service_that_hangs_and_one_that_is_gone(
    panel: PanelPresenter, client: HangingClient, event_loop: EventLoop
) -> None:
    panel.start()
    event_loop.turn_until(lambda: panel.service.client.value is not None)
    client.hang.set()
    panel.shot.open(PLATE)
    event_loop.turn_for(2.5)
    event_loop.turn_until(lambda: panel.shot.facts.value is not None)  # other calls go on
    client.let_go.set()
    client.knobs.unreachable = True
    event_loop.turn_until(lambda: panel.service.state.value.condition == "gone")
    event_loop.measure(panel.close)


def test_a_panel_that_is_closed_listens_to_no_job_though_it_runs_on(
    panel: PanelPresenter, client: HangingClient, event_loop: EventLoop
) -> None:
    client.knobs.script = usual_play(1e6)
    fill(client, 1)
    panel.start()
    event_loop.turn_until(listening)
    panel.close()
    event_loop.turn_until(lambda: not listening())
    assert client.jobs()[0].state == "running"


def listening() -> bool:
    """Whether a thread waits for events."""
    return any(thread.name == "tokenflow-events" for thread in threading.enumerate())
