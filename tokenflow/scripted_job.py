"""What a job of the scripted client does: its events, when they come, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ocio.errors import OcioError
from ocio.frame_range import FrameRange
from tokenflow.errors import TokenFlowError
from tokenflow.events import (
    Event,
    Finished,
    FrameWritten,
    Progress,
    Stage,
    StageFinished,
    StageStarted,
)
from tokenflow.job import EditJob

FRAMES = FrameRange.parse("1001-1005")
"""What a job without a range is about: nobody looks at a disk."""


@dataclass(frozen=True)
class Step:
    """An event that comes `seconds` after the one before."""

    seconds: float
    event: Event


@dataclass(frozen=True)
class Play:
    """The life of one job.

    Attributes
    ----------
    steps
        In order.
    ending
        What it ends with after the last step: the report, or the error that it fails with.
    """

    steps: tuple[Step, ...]
    ending: dict[str, Any] | OcioError | TokenFlowError = field(default_factory=dict)


Script: TypeAlias = Callable[[EditJob, FrameRange], Play]
"""Gives the life of a job, from the job and the frames that it is to write."""


def usual_play(seconds: float = 0.5) -> Script:
    """Give a script by which every job does all stages in `seconds` and is done."""

    def play(job: EditJob, frames: FrameRange) -> Play:
        events = [*_usual_events(job, frames)]
        each = seconds / len(events)
        report = {"frames_written": str(frames), "seconds": {}, "warnings": []}
        return Play(tuple(Step(each, event) for event in events), report)

    return play


def failing_play(error: OcioError | TokenFlowError, seconds: float = 0.5) -> Script:
    """Give a script by which every job fails half-way."""

    def play(job: EditJob, frames: FrameRange) -> Play:
        steps = usual_play(2 * seconds)(job, frames).steps
        return Play(steps[: len(steps) // 2], error)

    return play


def frames_of(job: EditJob, part: str | None) -> FrameRange:
    """Return the frames that a job is to write."""
    if part is not None:
        return FrameRange.parse(part)
    return FRAMES if job.range.frames is None else job.range.frames


def _usual_events(job: EditJob, frames: FrameRange) -> Iterator[Event]:
    numbers = [*frames]
    works: list[tuple[Stage, int]] = [
        ("read", len(numbers)),
        ("encode", len(numbers)),
        ("invert", job.edit.inversion_steps),
        ("edit", job.edit.steps),
        ("decode", len(numbers)),
        ("delta", len(numbers)),
        ("merge", len(numbers)),
    ]
    whole, before = sum(total for _, total in works), 0
    for stage, total in works:
        yield StageStarted(stage, total)
        for done in range(1, total + 1):
            if stage == "merge":
                number = numbers[done - 1]
                yield FrameWritten(number, f"{job.output.path}#{number}")
            detail = f"step {done} of {total}" if stage in ("invert", "edit") else ""
            yield Progress(stage, done, total, detail, (before + done) / whole)
        before += total
        yield StageFinished(stage, 0.1)
    yield Finished(len(numbers), f"{job.output.path}.report.json", 1.0)
