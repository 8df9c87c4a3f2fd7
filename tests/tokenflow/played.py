"""A service that a test of the client's contract plays against: a real one, or a scripted one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ocio.errors import SequenceNotFound
from ocio.frame_range import FrameRange
from tokenflow.client import Client
from tokenflow.job import Edit, EditJob, Model, Output, Plate, Range
from tokenflow.scripted_client import Knobs, ScriptedClient
from tokenflow.scripted_job import Play, failing_play, usual_play
from tokenflow.states import JobState, StoredEvent

LONG = 180.0  # seconds after which a test gives up
MANY_STEPS = 900


@dataclass(frozen=True)
class Played:
    """A client, and jobs for its service that are quick, endless or bound to fail."""

    client: Client
    plate: str
    checkpoint: str
    folder: Path

    def job(self, name: str, **edit: Any) -> EditJob:
        """A job that is done in a second or two and writes five frames to a place of its own."""
        quick = {"steps": 2, "inversion_steps": 2, "inversion_evaluations": 1}
        return EditJob(
            plate=Plate(self.plate),
            edit=Edit(prompt="a blue ball", keyframe_interval=2, **{**quick, **edit}),
            model=Model(self.checkpoint),
            output=Output(str(self.folder / name / "edit.####.exr")),
            range=Range(FrameRange.parse("1001-1005")),
        )

    def endless(self, name: str) -> EditJob:
        """A job that nobody waits for."""
        return self.job(name, steps=MANY_STEPS, inversion_steps=MANY_STEPS)

    def hopeless(self, name: str) -> EditJob:
        """A job whose plate is not there."""
        gone = Plate(str(self.folder / "gone.####.exr"))
        return replace(self.job(name), plate=gone)

    def all_events(self, job_id: str, after: int = 0) -> list[StoredEvent]:
        """Wait for a job's end; every event of it."""
        return list(self.client.events(job_id, after))

    def wait(self, job_id: str, *states: JobState) -> None:
        """Wait until a job is in one of these states."""
        self.wait_until(lambda: self.client.job(job_id).state in states)

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Wait for something, but not for ever."""
        until = time.monotonic() + LONG
        while not happened():
            assert time.monotonic() < until, "it never happened"
            time.sleep(0.02)


def scripted(folder: Path) -> Played:
    """A scripted service with one plate."""

    def play(job: EditJob, frames: FrameRange) -> Play:
        if "gone" in job.plate.path:
            return failing_play(SequenceNotFound("no frames", path=job.plate.path), 0.05)(
                job, frames
            )
        endless = job.edit.steps == MANY_STEPS
        return usual_play(100 * LONG if endless else 0.2)(job, frames)

    plate = str(folder / "plate.####.exr")
    seen = {"pattern": plate, "frames": "1001-1005", "missing": "", "size": [64, 36]}
    knobs = Knobs(script=play, plates={plate: seen})
    return Played(ScriptedClient(knobs), plate, "demo", folder)
