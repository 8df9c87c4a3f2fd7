"""Jobs that are killed in the middle: `python -m benchmarks.kill --times 50`.

A small job is killed (SIGKILL) at a random moment of each of its stages, each time after all stages
before it were done, and run again with resume. Every frame must be, byte for byte, what a run that
nobody disturbed has written, with nothing half-written beside it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from tests.tokenflow.tiny_checkpoint import write_tiny_checkpoint
from tokenflow.demo.shot import FIRST_FRAME, SCENE, render_frame
from tokenflow.events import Event, StageFinished, StageStarted
from tokenflow.job import Deflicker, Edit, EditJob, Model, Output, Plate, RunOptions

STAGES = ("read", "encode", "invert", "edit", "decode", "delta", "deflicker", "merge")
FOLDERS = {"features": "edit", "motion": "deflicker"}
"""Results in a workspace that have another name than their stage."""

LONG = 600.0  # seconds after which a run counts as stuck
FRAMES = 5


def small_job(folder: Path) -> EditJob:
    """Render a plate and write a checkpoint; return a job that takes a second or two."""
    plate = folder / "plate"
    for frame in range(FIRST_FRAME, FIRST_FRAME + FRAMES):
        render_frame(SCENE, frame, plate / f"plate.{frame}.exr", 64, 36)
    return EditJob(
        plate=Plate(str(plate / "plate.####.exr")),
        edit=Edit(
            prompt="a blue ball",
            keyframe_interval=2,
            steps=4,
            inversion_steps=4,
            inversion_evaluations=1,
        ),
        model=Model(str(write_tiny_checkpoint(folder / "checkpoint"))),
        deflicker=Deflicker("light", "estimated"),
        output=Output(str(folder / "whole" / "plate.####.exr")),
    )


class Run:
    """A job in a process of its own, forked from one that has the libraries loaded."""

    def __init__(self, job: EditJob, workspace: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tokenflow.cli.door", "tokenflow.pipeline"])
        self._heard, told = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(job, workspace, told))
        self._process.start()
        told.close()
        self.seconds: dict[str, float] = {}

    def wait_for(self, stage: str) -> None:
        """Wait until a stage begins."""
        while self._next() != ("begins", stage):
            pass

    def wait(self) -> int:
        """Wait for the end, and give the exit code."""
        try:
            while True:
                self._next()
        except EOFError:
            self._process.join(LONG)
        code = self._process.exitcode
        assert code is not None, "the run is stuck"
        return code

    def kill(self) -> bool:
        """Kill it; returns whether it was still at work."""
        self._process.kill()
        return self.wait() != 0

    def _next(self) -> tuple[str, str]:
        if not self._heard.poll(LONG):
            raise TimeoutError("the run is stuck")
        what, stage, seconds = self._heard.recv()
        if what == "ends":
            self.seconds[stage] = seconds
        return what, stage


def _run(job: EditJob, workspace: Path, told: Connection) -> None:
    import torch

    from tokenflow.pipeline import run_job

    torch.set_num_threads(1)

    def tell(event: Event) -> None:
        if isinstance(event, StageStarted):
            told.send(("begins", event.stage, 0.0))
        elif isinstance(event, StageFinished):
            told.send(("ends", event.stage, event.seconds))

    run_job(job, RunOptions(device="cpu", workspace=workspace, resume=True), tell)
    os._exit(0)


@dataclass(frozen=True)
class Undisturbed:
    """A job that nobody stopped.

    Attributes
    ----------
    workspace
        With the results of all its stages.
    frames
        Bytes of its frames by name.
    seconds
        That each stage took.
    """

    job: EditJob
    workspace: Path
    frames: Mapping[str, bytes]
    seconds: Mapping[str, float]

    @classmethod
    def of(cls, folder: Path) -> Undisturbed:
        """Run the small job in a folder."""
        job, workspace = small_job(folder), folder / "workspace"
        run = Run(job, workspace)
        assert run.wait() == 0, "the job fails even if nobody disturbs it"
        return cls(job, workspace, frames_in(folder / "whole"), run.seconds)

    def killed_in(self, stage: str, moment: float, folder: Path) -> bool:
        """Kill the job in a stage, run it again, and compare; the folder is gone afterwards.

        Parameters
        ----------
        moment
            Share of the stage's seconds that it has.

        Returns
        -------
        bool
            Whether it was at work when it was killed.
        """
        job = replace(self.job, output=Output(str(folder / "out" / "plate.####.exr")))
        workspace = folder / "workspace"
        for result in self.workspace.glob("*-*"):
            name = result.name.partition("-")[0]
            if STAGES.index(FOLDERS.get(name, name)) < STAGES.index(stage):
                shutil.copytree(result, workspace / result.name)
        run = Run(job, workspace)
        run.wait_for(stage)
        time.sleep(moment * self.seconds[stage])
        at_work = run.kill()
        for name, content in frames_in(folder / "out").items():
            assert content == self.frames[name], f"{name} is not whole after the kill"
        assert Run(job, workspace).wait() == 0, "the job does not go on"
        assert frames_in(folder / "out") == self.frames, "a frame is another one"
        left = [*folder.rglob("*.tmp"), *folder.rglob("scratch"), *folder.rglob("*partial*")]
        assert not left, f"something is left behind: {left}"
        shutil.rmtree(folder)
        return at_work


def frames_in(folder: Path) -> dict[str, bytes]:
    """Read the frames in a folder, by name."""
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.exr"))}


def main() -> None:
    """Kill every stage as often as asked; print how often that hit and what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stage", choices=STAGES, action="append")
    a = parser.parse_args()
    draw = random.Random(a.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        undisturbed = Undisturbed.of(folder)
        at_work = dict.fromkeys(a.stage or STAGES, 0)
        for number in range(1, a.times + 1):
            for stage in at_work:
                place = folder / f"{stage} {number}"
                at_work[stage] += undisturbed.killed_in(stage, draw.random(), place)
            hits = ", ".join(f"{stage} {hits}" for stage, hits in at_work.items())
            print(f"{number} kills of each stage, at work in {hits}: all whole and identical")


if __name__ == "__main__":
    main()
