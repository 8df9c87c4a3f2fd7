"""A shot cut into tasks: `python -m benchmarks.chunks`.

The 48 frames of the demo shot, small and in few steps, as 1, 3, 5 and 48 tasks that write chunks of
it, in a shuffled order and one of them twice. The stages before, which are one task in every cut,
are done once. The frames are compared by their hashes, as files.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from ocio.frame_range import FrameRange
from tokenflow.demo.shot import FIRST_FRAME, SCENE, render_frame
from tokenflow.job import Deflicker, Edit, EditJob, Output, Plate, RunOptions, Size
from tokenflow.pipeline import run_job
from tokenflow.pipeline.run import run_stages
from tokenflow.pipeline.verify import verify_result

CUTS = (1, 3, 5, 48)


def demo_job(folder: Path, frames: int, steps: int) -> EditJob:
    """Render the demo shot small, and return an edit of it with all stages."""
    plate = folder / "plate"
    for frame in range(FIRST_FRAME, FIRST_FRAME + frames):
        render_frame(SCENE, frame, plate / f"shot.{frame}.exr", 96, 96)
    return EditJob(
        plate=Plate(str(plate / "shot.####.exr")),
        edit=Edit(
            source_prompt=SCENE.caption,
            prompt=SCENE.caption.replace("noon", "sunset"),
            steps=steps,
            inversion_steps=steps,
            inversion_evaluations=1,
            size=Size(64, 64),
        ),
        deflicker=Deflicker("light"),
        output=Output(str(folder / "shot.####.exr")),
    )


def cut(frames: list[int], tasks: int) -> list[FrameRange]:
    """Cut frames into tasks of about one length."""
    ends = [round(number * len(frames) / tasks) for number in range(tasks + 1)]
    return [FrameRange.of(frames[a:b]) for a, b in pairwise(ends)]


def rendered(job: EditJob, chunks: list[FrameRange], folder: Path) -> dict[int, str]:
    """Run a job as tasks one after the other; returns the hash of every frame."""
    job = replace(job, output=Output(str(folder / "out" / "shot.####.exr")))
    options = RunOptions(device="cpu", workspace=folder.parent / "workspace", resume=True)
    run_stages(job, options, lambda event: None, "invert")
    run_stages(job, options, lambda event: None, "deflicker")
    for chunk in chunks:
        run_job(job, replace(options, frames=chunk), lambda event: None)
    plan, _ = verify_result(job, options, lambda done, of: None)
    return {
        frame: hashlib.sha256(plan.output.path(frame).read_bytes()).hexdigest()
        for frame in plan.written
    }


def main() -> None:
    """Render every cut and say whether its frames are those of one task."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--steps", type=int, default=2)
    a = parser.parse_args()
    shuffle = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = demo_job(folder, a.frames, a.steps)
        numbers = list(range(FIRST_FRAME, FIRST_FRAME + a.frames))
        first: dict[int, str] = {}
        for tasks in CUTS:
            chunks = cut(numbers, tasks)
            shuffle.shuffle(chunks)
            started = time.perf_counter()
            found = rendered(job, [*chunks, chunks[0]], folder / str(tasks))
            first = first or found
            same = sum(found[frame] == first[frame] for frame in numbers)
            seconds = time.perf_counter() - started
            print(f"{tasks:3} tasks: {same} of {len(numbers)} frames identical, {seconds:.0f} s")
            assert found == first


if __name__ == "__main__":
    main()
