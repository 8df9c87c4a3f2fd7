"""`tokenflow demo`: the main job on a shot and a checkpoint that the product carries."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ocio.errors import OutputExists
from ocio.frame_range import FrameRange
from tokenflow.cli.evaluate import write_evaluation
from tokenflow.cli.options import (
    Device,
    Overwrite,
    OwnProgress,
    Resume,
    WorkspaceFolder,
    load_engine,
)
from tokenflow.cli.progress import shown
from tokenflow.events import Emit, Progress, StageFinished, StageStarted
from tokenflow.job import EditJob, Matte, Model, Output, Plate, Range, RunOptions

PROMPT = "a red striped ball on a wooden floor at sunset"
COMPARED = 8
"""Frames that are also edited one by one, and reconstructed without an edit, for comparison."""
MEASURED_WIDTH = 480
"""Pixels across at which the report measures: the demo has to be done within minutes."""


def demo(
    out: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where plate/, edit/ and report.html are written."),
    ],
    prompt: Annotated[str, typer.Option(help="What to make of the shot.")] = PROMPT,
    device: Device = "auto",
    workspace: WorkspaceFolder = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    progress: OwnProgress = "auto",
) -> None:
    """Render the demo shot, edit it with the bundled checkpoint, and write a report.

    `tokenflow demo build/demo`
    """
    load_engine()
    from tokenflow.checkpoints.source import DEMO, resolve
    from tokenflow.checkpoints.verify import verify
    from tokenflow.demo.example import local_edit
    from tokenflow.demo.shot import FIRST_FRAME, FRAMES, SCENE
    from tokenflow.metrics.clip_score import DEMO_CLIP
    from tokenflow.metrics.evaluation import Judges
    from tokenflow.metrics.subject import find_subject
    from tokenflow.pipeline import run_job

    out = out.absolute()
    shot = Range(FrameRange.of(range(FIRST_FRAME, FIRST_FRAME + FRAMES)))
    compared_frames = FrameRange.of(range(FIRST_FRAME, FIRST_FRAME + COMPARED))
    job = EditJob(
        plate=Plate(str(out / "plate" / "plate.####.exr")),
        edit=local_edit(SCENE.caption, prompt),
        model=Model(DEMO),
        output=Output(str(out / "edit" / "edit.####.exr")),
        range=shot,
    )
    per_frame = replace(
        job,
        edit=replace(job.edit, method="per-frame"),
        range=Range(compared_frames),
        output=Output(str(out / "per-frame" / "per-frame.####.exr")),
    )
    recon = replace(
        per_frame,
        edit=replace(job.edit, method="ldm-recon"),
        output=Output(str(out / "ldm-recon" / "ldm-recon.####.exr")),
    )
    options = RunOptions(
        device=device,
        workspace=workspace or out / "workspace",
        overwrite=overwrite,
        resume=resume,
    )
    if not (overwrite or resume):
        _refuse_existing(*(one.output.path for one in (job, per_frame, recon)), job.plate.path)
    verify(resolve(DEMO))
    with shown(progress) as emit:
        _render(job.plate.path, resume, emit)
        run_job(job, options, emit)
        run_job(per_frame, options, emit)
        run_job(recon, options, emit)
        edits = {str(one.edit.method): one.output.path for one in (job, per_frame, recon)}
        ball = Matte(":matte.a")
        subject = find_subject(job.plate, edits, job.color, outlined=ball, width=MEASURED_WIDTH)
        judges = Judges(prompt, DEMO_CLIP)
        report = write_evaluation(subject, judges, out, "TokenFlow demo", emit)
    if progress != "json":
        typer.echo(f"plate   {out / 'plate'}")
        typer.echo(f"edit    {out / 'edit'}")
        typer.echo(f"report  {report}")


def _refuse_existing(*patterns: str) -> None:
    """Stop before the first frame is rendered if one would be written over."""
    from ocio.sequence import SequencePattern

    for pattern in map(SequencePattern.parse, patterns):
        if there := pattern.frames_on_disk():
            raise OutputExists(
                f"there are frames already: {pattern}, {FrameRange.of(there)}",
                hint="use --overwrite or --resume, or choose another folder",
                path=pattern.folder,
            )


def _render(plate: str, resume: bool, emit: Emit) -> None:
    """Render the shot; a resumed run keeps it if it is there."""
    from ocio.sequence import SequencePattern
    from tokenflow.demo.shot import FIRST_FRAME, FRAMES, render_shot

    pattern = SequencePattern.parse(plate)
    wanted = range(FIRST_FRAME, FIRST_FRAME + FRAMES)
    whole = resume and set(wanted) <= pattern.frames_on_disk().keys()
    emit(StageStarted("render", FRAMES))
    started = time.perf_counter()
    if not whole:
        render_shot(
            pattern.folder,
            progress=lambda done, total: emit(Progress("render", done, total)),
        )
    emit(StageFinished("render", time.perf_counter() - started, reused=whole))
