"""How much of a whole job is done, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenflow.job import EDITING_METHODS, EditJob

MEASURED = 1.0  # seconds of work before a guess at the rest is worth anything
SEEN = 0.01  # and the share of it: the first frame also pays for disk and libraries
ALMOST = 0.999


def stage_work(job: EditJob, frames: int) -> dict[str, float]:
    """Return how much work each stage is, in UNet samples that take as long.

    Denoising counts its samples; the other stages were timed against them once, which is near
    enough for a bar.

    Parameters
    ----------
    frames
        How many the model sees.
    """
    edit = job.edit
    work = {"read": 0.2, "encode": 1.0, "invert": 0.0, "edit": 0.0, "decode": 2.0}
    work |= {"delta": 0.05, "merge": 0.5}
    if edit.method == "dreammotion":
        # Four or five passes, and one back that takes about as long as two; a third of the frames
        # are in two windows.
        work["edit"] = job.dreammotion.steps * 6 * 1.33
        work["decode"] *= 2
    if edit.method in EDITING_METHODS:
        evaluations = 1 if edit.mode == "released" else edit.inversion_evaluations
        share = edit.start if edit.technique == "sdedit" else 1.0
        guided = edit.guidance != 1
        work["invert"] = edit.inversion_steps * evaluations * share
        work["edit"] = edit.steps * share * (3 if guided else 2)
        work["decode"] *= 2
    return {stage: frames * each for stage, each in work.items()}


@dataclass
class _Stage:
    """One stage: its work, the share of it that is done, the share that was there before."""

    work: float
    done: float = 0.0
    before: float | None = None
    running: bool = False


class JobProgress:
    """Turns the events of a job into one fraction that never goes back.

    Parameters
    ----------
    job
        What is run; None for work of a single stage that is no job.
    fraction
        Where an earlier attempt had come to.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        job: EditJob | None,
        fraction: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.job, self.clock = job, clock
        self.fraction = fraction
        self.stage, self.detail = "", ""
        self._stages: dict[str, _Stage] = {}
        self._began = clock()
        self._spent = 0.0  # seconds in stages that really computed

    def heard(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take an event, and return how far the job is if that has changed."""
        kind = event["event"]
        if kind == "stage_started":
            self._start(event["stage"], event["total"])
        elif kind == "progress":
            self._go_on(event)
        elif kind == "stage_finished":
            self._finish(event)
        elif kind == "loading":
            self.detail = f"loading {event['checkpoint']}"
        elif kind == "finished":
            self.fraction = 1.0
        else:
            return None
        return self.now()

    def now(self) -> dict[str, Any]:
        """Return ``{"fraction", "stage", "detail", "seconds_left"}``."""
        done = self._done() / self._total() if self._stages else 0.0
        # The report comes after the last frame: one is kept for the end of everything.
        self.fraction = max(self.fraction, min(done, ALMOST))
        return {
            "fraction": round(self.fraction, 4),
            "stage": self.stage,
            "detail": self.detail,
            "seconds_left": self._seconds_left(),
        }

    def _start(self, stage: str, total: int) -> None:
        if not self._stages and self.job:  # `read` comes first, and its total is the frames
            works = stage_work(self.job, max(total, 1))
            self._stages = {name: _Stage(work) for name, work in works.items()}
        self._stages.setdefault(stage, _Stage(float(total))).running = True
        self.stage, self.detail = stage, ""
        self._began = self.clock()

    def _go_on(self, event: Mapping[str, Any]) -> None:
        stage = self._stages[event["stage"]]
        done = event["done"] / max(event["total"], 1)
        if stage.before is None:
            # A resumed stage begins in the middle: no more of that is our work than one unit.
            stage.before = done if event["done"] > 1 else 0.0
        stage.done = max(stage.done, done)
        self.detail = event["detail"]

    def _finish(self, event: Mapping[str, Any]) -> None:
        stage = self._stages[event["stage"]]
        if event["reused"] or stage.before is None:
            stage.before = 1.0 if event["reused"] else 0.0
        stage.done, stage.running = 1.0, False
        if not event["reused"]:
            self._spent += self.clock() - self._began
        self._began = self.clock()

    def _total(self) -> float:
        return sum(stage.work for stage in self._stages.values()) or 1.0

    def _done(self) -> float:
        return sum(stage.work * stage.done for stage in self._stages.values())

    def _seconds_left(self) -> float | None:
        if self.fraction == 1.0:
            return 0.0
        ours = sum(
            stage.work * (stage.done - (stage.before or 0.0)) for stage in self._stages.values()
        )
        current = self._stages.get(self.stage)
        running = self.clock() - self._began if current and current.running else 0.0
        spent = self._spent + running
        rest = self._total() - self._done()
        if spent < MEASURED or ours <= SEEN * (ours + rest):
            return None
        return round(spent * rest / ours, 1)
