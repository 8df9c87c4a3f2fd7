from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

from tests.tokenflow.service.work import LONG, quick_job
from tokenflow.events import Event, FrameWritten, Progress, StageFinished, StageStarted
from tokenflow.service.child import Child, Ending
from tokenflow.service.worker import PROGRESS_EVERY, Thinned


def thinned(events: list[tuple[float, Event]]) -> list[Event]:
    """Return what is left of events that come at these seconds."""
    now, said = 0.0, list[Event]()
    thin = Thinned(said.append, lambda: now)
    for moment, event in events:
        now = moment
        thin(event)
    return said


def test_of_much_progress_a_few_a_second_are_told_the_first_and_the_last_always() -> None:
    events: list[tuple[float, Event]] = [(0.0, StageStarted("edit", 1000))]
    events += [(n / 1000, Progress("edit", n, 1000)) for n in range(1, 1001)]
    events.append((1.0, StageFinished("edit", 1.0)))
    said = thinned(events)
    told = [event.done for event in said if isinstance(event, Progress)]
    assert told[0] == 1 and told[-1] == 1000
    assert 5 <= len(told) <= 1 / PROGRESS_EVERY + 2
    assert said[0] == StageStarted("edit", 1000) and said[-1] == StageFinished("edit", 1.0)


def test_the_next_stage_is_told_of_at_once() -> None:
    events: list[tuple[float, Event]] = [
        (0.0, Progress("read", 1, 2)),
        (0.01, Progress("read", 2, 2)),
        (0.02, StageFinished("read", 0.02)),
        (0.03, Progress("encode", 1, 2)),
    ]
    assert thinned(events) == [event for _, event in events]


def test_other_events_are_never_left_out() -> None:
    events: list[tuple[float, Event]] = [(0.0, FrameWritten(n, f"{n}.exr")) for n in range(100)]
    assert thinned(events) == [event for _, event in events]


def test_a_cancellation_that_came_too_late_does_not_stop_the_next_attempt(
    demo_plate: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    job = quick_job(demo_plate, tmp_path / "out", tiny_checkpoint, method="passthrough")
    said: queue.Queue[dict[str, Any]] = queue.Queue()
    child = Child("tokenflow.service.worker", ["--device", "cpu"], said.put, lambda ending: None)
    try:
        child.send({"cancel": "1"})
        request = {"overwrite": False, "resume": False, "frames": None, "workspace": None}
        child.send({"run": {"id": "1", "job": job.to_json(), **request}})
        while not {"done", "error"} & (message := said.get(timeout=LONG)).keys():
            continue
        assert "done" in message, message
    finally:
        child.kill()


def test_a_worker_that_met_a_fault_of_ours_tells_it_and_ends(tmp_path: Path) -> None:
    places = (tmp_path / "plate", tmp_path / "out", tmp_path / "checkpoint")
    said: queue.Queue[dict[str, Any]] = queue.Queue()
    endings: queue.Queue[Ending] = queue.Queue()
    child = Child("tokenflow.service.worker", ["--device", "cpu"], said.put, endings.put)
    try:
        # The front never leaves out how the job is to be run.
        child.send({"run": {"id": "1", "job": quick_job(*places).to_json()}})
        while "error" not in (message := said.get(timeout=LONG)):
            assert "unusable" not in message
        assert (message["id"], message["error"]["code"]) == ("1", "internal_error")
        assert endings.get(timeout=LONG).code == 0
    finally:
        child.kill()
