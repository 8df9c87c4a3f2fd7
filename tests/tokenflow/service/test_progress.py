from __future__ import annotations

from typing import Any

import pytest

from tokenflow.events import Event, Finished, Progress, StageFinished, StageStarted
from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.service.progress import JobProgress

FRAMES = 10
STAGES = ("read", "encode", "invert", "edit", "decode", "delta", "merge")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_job(**edit: Any) -> EditJob:
    return EditJob(
        plate=Plate("/plate"),
        edit=Edit(**{"prompt": "a ball", "steps": 10, "inversion_steps": 10, **edit}),
        output=Output("/out"),
    )


def run(progress: JobProgress, clock: Clock, stage: str, seconds: float = 10.0) -> list[float]:
    """Take a stage in ten steps, and return the fractions that were told."""
    events: list[tuple[float, Event]] = [(0.0, StageStarted(stage, FRAMES))]  # type: ignore[arg-type]
    events += [(seconds / 10, Progress(stage, done, FRAMES)) for done in range(1, 11)]  # type: ignore[arg-type]
    events.append((0.0, StageFinished(stage, seconds)))  # type: ignore[arg-type]
    told = []
    for passed, event in events:
        clock.now += passed
        heard = progress.heard(event.to_json())
        assert heard is not None
        told.append(heard["fraction"])
    return told


def test_a_job_goes_from_nothing_to_all_and_never_back(clock: Clock) -> None:
    progress = JobProgress(a_job(), clock=clock)
    told = [fraction for stage in STAGES for fraction in run(progress, clock, stage)]
    assert told == sorted(told)
    assert told[0] == 0.0 and 0.99 < told[-1] < 1.0
    end = progress.heard(Finished(10, "report", 1.0).to_json())
    assert end is not None
    assert (end["fraction"], end["seconds_left"]) == (1.0, 0.0)


def test_denoising_counts_by_its_steps(clock: Clock) -> None:
    shares = {}
    for steps in (10, 100):
        progress = JobProgress(a_job(steps=steps), clock=clock)
        told = {stage: run(progress, clock, stage) for stage in STAGES}
        shares[steps] = told["edit"][-1] - told["edit"][0]
    assert 0.4 < shares[10] < shares[100] < 1.0


def test_a_job_that_edits_nothing_does_not_wait_for_a_denoising(clock: Clock) -> None:
    progress = JobProgress(a_job(method="passthrough", prompt=""), clock=clock)
    for stage in ("read", "encode", "decode", "delta"):
        told = run(progress, clock, stage)
    assert told[-1] > 0.8


def test_the_time_left_follows_the_pace(clock: Clock) -> None:
    progress = JobProgress(a_job(), clock=clock)
    for stage in ("read", "encode", "invert"):
        run(progress, clock, stage)
    progress.heard(StageStarted("edit", FRAMES).to_json())
    lefts = []
    for done in range(1, 11):
        clock.now += 3.0
        heard = progress.heard(Progress("edit", done, FRAMES).to_json())
        assert heard is not None
        lefts.append(heard["seconds_left"])
    assert lefts == sorted(lefts, reverse=True)
    assert all(left > 0 for left in lefts)


def test_no_time_is_guessed_before_anything_was_measured(clock: Clock) -> None:
    progress = JobProgress(a_job(), clock=clock)
    first = progress.heard(StageStarted("read", FRAMES).to_json())
    assert first is not None and first["seconds_left"] is None


def test_a_slow_first_frame_is_no_measure_of_the_job(clock: Clock) -> None:
    progress = JobProgress(a_job(), clock=clock)
    progress.heard(StageStarted("read", FRAMES).to_json())
    clock.now += 5.0
    first = progress.heard(Progress("read", 1, FRAMES).to_json())
    assert first is not None and first["seconds_left"] is None


def test_what_was_there_already_counts_as_done_but_not_as_quick(clock: Clock) -> None:
    progress = JobProgress(a_job(), clock=clock)
    for stage in ("read", "encode", "invert"):
        progress.heard(StageStarted(stage, FRAMES).to_json())
        heard = progress.heard(StageFinished(stage, 0.0, reused=True).to_json())
    assert heard is not None and heard["fraction"] > 0.3
    assert heard["seconds_left"] is None
    progress.heard(StageStarted("edit", FRAMES).to_json())
    for done in range(1, 6):
        clock.now += 4.0
        heard = progress.heard(Progress("edit", done, FRAMES).to_json())
    assert heard is not None
    # Half of it took 20 s, so the other half does, and what follows is small.
    assert 19.0 < heard["seconds_left"] < 35.0


def test_a_stage_that_goes_on_in_the_middle_is_timed_from_there(clock: Clock) -> None:
    progress = JobProgress(a_job(), clock=clock)
    for stage in ("read", "encode", "invert"):
        progress.heard(StageStarted(stage, 100).to_json())
        progress.heard(StageFinished(stage, 0.0, reused=True).to_json())
    progress.heard(StageStarted("edit", 100).to_json())
    for done in (80, 85, 90):
        clock.now += 5.0
        heard = progress.heard(Progress("edit", done, 100).to_json())
    assert heard is not None
    # 10 in 15 s (the first 5 s led to the 80), so the last 10 take about as long.
    assert 10.0 < heard["seconds_left"] < 60.0


def test_another_attempt_begins_where_the_last_one_was(clock: Clock) -> None:
    progress = JobProgress(a_job(), fraction=0.6, clock=clock)
    told = run(progress, clock, "read")
    assert told[0] == told[-1] == 0.6


def test_other_events_change_nothing(clock: Clock) -> None:
    progress = JobProgress(a_job(), clock=clock)
    assert progress.heard({"event": "frame_written", "frame": 1, "path": "x"}) is None
