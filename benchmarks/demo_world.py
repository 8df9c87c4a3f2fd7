"""What the benchmarks on the demo world share: held-out clips, their edits, reading results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ocio.exr import read_frame
from ocio.exr_write import write_frame
from ocio.frame_range import FrameRange
from ocio.sequence import SequencePattern
from tokenflow.demo.example import local_edit
from tokenflow.demo.render import render
from tokenflow.demo.shot import FIRST_FRAME, to_frame
from tokenflow.demo.view import to_display
from tokenflow.demo.world import Floats, Kind, Scene, random_edit, random_scene
from tokenflow.job import (
    Deflicker,
    DreamMotion,
    Edit,
    EditJob,
    Model,
    Output,
    Plate,
    Range,
    RunOptions,
)
from tokenflow.metrics.warp_error import Motion
from tokenflow.pipeline import run_job
from tokenflow.pipeline.record import Record

WIDTH, HEIGHT = 328, 184  # twice what the model sees
HELD_OUT = 4242  # seeds of the training set are others
STEPS = 20
BENT = DreamMotion(steps=40, step_size=0.1)
"""Of the method dreammotion: fewer and larger pushes than for a real shot."""


@dataclass(frozen=True)
class Clip:
    """A held-out clip on disk, and what it should become.

    Attributes
    ----------
    scene, wanted : Scene
        What the plate shows, and the same scene with one word replaced.
    """

    number: int
    kind: Kind
    scene: Scene
    wanted: Scene
    plate: SequencePattern
    frames: tuple[int, ...]


def make_clip(folder: Path, number: int, kind: Kind, frames: int) -> Clip:
    """Render held-out clip `number` and choose its edit."""
    rng = np.random.default_rng([HELD_OUT, number])
    scene = random_scene(rng)
    wanted = random_edit(scene, kind, rng)
    pattern = SequencePattern.parse(folder / f"clip{number:03d}" / "plate" / "plate.####.exr")
    numbers = tuple(range(FIRST_FRAME, FIRST_FRAME + frames))
    for frame in numbers:
        if not pattern.path(frame).exists():
            layers = render(scene, frame - FIRST_FRAME, WIDTH, HEIGHT)
            write_frame(pattern.path(frame), to_frame(layers, frame))
    return Clip(number, kind, scene, wanted, pattern, numbers)


def edit_of(clip: Clip, options: Mapping[str, Any]) -> Edit:
    """Ask for a clip's edit as the demo does, in more steps, with some fields set otherwise."""
    edit = local_edit(clip.scene.caption, clip.wanted.caption, STEPS)
    return replace(edit, **options)


def edit_clip(
    clip: Clip, edit: Edit, dtype: str = "auto", name: str = "", deflicker: str = "off"
) -> Record:
    """Run the product on a clip; results and workspace lie beside its plate.

    Parameters
    ----------
    name
        Of the folder of the result; default: the method's.
    deflicker
        Strength of the pass.
    """
    folder = clip.plate.folder.parent
    job = EditJob(
        plate=Plate(str(clip.plate)),
        edit=edit,
        model=Model("demo", None, dtype),  # type: ignore[arg-type]
        deflicker=Deflicker(deflicker),  # type: ignore[arg-type]
        dreammotion=BENT,
        output=Output(str(folder / (name or edit.method) / "edit.####.exr")),
        # Longer runs may have left more frames.
        range=Range(FrameRange.of(clip.frames)),
    )
    options = RunOptions(workspace=folder / "workspace", overwrite=True)
    return run_job(job, options, lambda event: None)


def pictures(pattern: SequencePattern, frames: Sequence[int]) -> list[Floats]:
    """Frames through the view, (h, w, 3) in 0..1."""
    return [to_display(read_frame(pattern.path(f)).rgb()) for f in frames]


def motions(clip: Clip) -> list[Motion]:
    """The exact motion from each frame to the next, in pixels, y down."""
    layers = [render(clip.scene, f - FIRST_FRAME, WIDTH, HEIGHT, samples=1) for f in clip.frames]
    return [Motion(first.forward, second.backward) for first, second in pairwise(layers)]
