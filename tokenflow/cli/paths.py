"""Paths of the command line as paths that mean the same in every process."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from tokenflow.job import Control, EditJob


def from_anywhere(path: str) -> str:
    """Make a path absolute: the job file that is left beside the frames has to run anywhere."""
    # Not resolved: links keep the names that the user knows.
    return os.path.abspath(path) if path.strip() else path  # noqa: PTH100


def if_there(name: str) -> str:
    """Make the name of a file or folder absolute; other names mean something else."""
    return from_anywhere(name) if Path(name).exists() else name


def matte_from_anywhere(source: str) -> str:
    """Make the path of ``SEQUENCE[:CHANNEL]`` absolute; ``:CHANNEL`` has none."""
    if source.startswith((":", os.sep)):
        return source
    # Not tidied up: the names of Cryptomatte objects may look like paths.
    return f"{Path.cwd()}{os.sep}{source}"


def control_from_anywhere(control: Control) -> Control:
    """Make the place of a ControlNet absolute; the bundled one has none."""
    if control.bundled:
        return control
    return replace(control, checkpoint=from_anywhere(control.checkpoint))


def job_from_anywhere(job: EditJob) -> EditJob:
    """Make all paths of a job absolute."""
    config, checkpoint, matte = job.color.ocio, job.model.checkpoint, job.matte
    decoder, flow = job.model.decoder_checkpoint, job.deflicker.flow_weights
    weights = checkpoint if checkpoint == "demo" else if_there(checkpoint)
    return replace(
        job,
        plate=replace(job.plate, path=from_anywhere(job.plate.path)),
        color=replace(job.color, ocio=config and if_there(config)),
        edit=replace(job.edit, controls=tuple(map(control_from_anywhere, job.edit.controls))),
        model=replace(
            job.model,
            checkpoint=weights,
            decoder_checkpoint=decoder and from_anywhere(decoder),
            motion=job.model.motion and from_anywhere(job.model.motion),
        ),
        matte=matte and replace(matte, source=matte_from_anywhere(matte.source)),
        deflicker=replace(job.deflicker, flow_weights=flow and from_anywhere(flow)),
        output=replace(job.output, path=from_anywhere(job.output.path)),
        base=job.base and replace(job.base, job=from_anywhere(job.base.job)),
    )
