"""Which files a picture of a job's frame is made from. Looks at names on disk only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ocio.errors import MissingFrames
from ocio.sequence import Sequence, SequencePattern, find_sequence
from tokenflow.job import EditJob
from tokenflow.service.wanted import WantedPicture, What


def of_job(job: EditJob, what: What, frame: int, **shown: Any) -> WantedPicture:
    """Return what a picture of one frame of a job depends on.

    Parameters
    ----------
    **shown
        `width`, `gain` and `format` of the picture.

    Raises
    ------
    MissingFrames, SequenceNotFound
        The plate lacks the frame, or it has not been written yet.
    """
    sequence = find_sequence(job.plate.path)
    matte = job.matte
    return WantedPicture(
        what=what,
        frame=frame,
        plate=_plate(sequence, frame, what),
        edit=_edit(job, sequence, frame) if what in ("edit", "difference") else None,
        part=job.plate.part,
        layer=job.plate.layer,
        stereo_view=job.plate.stereo_view,
        ocio=job.color.ocio,
        colorspace=job.color.colorspace,
        view=job.color.view,
        matte=matte.source if matte else None,
        matte_invert=matte.invert if matte else False,
        matte_feather=matte.feather if matte else 0.0,
        **shown,
    )


def of_plate(path: str, frame: int, **shown: Any) -> WantedPicture:
    """Return what a picture of one frame of a sequence depends on.

    Raises
    ------
    MissingFrames, SequenceNotFound
    """
    return WantedPicture(
        what="plate", frame=frame, plate=_plate(find_sequence(path), frame, "plate"), **shown
    )


def _plate(sequence: Sequence, frame: int, what: What) -> str:
    """Give the plate's file; for an edit alone any frame will do, it tells the colour space."""
    if frame in sequence.files:
        return str(sequence.files[frame])
    if what == "edit":
        return str(sequence.path(sequence.frames[0]))
    raise MissingFrames(
        f"the plate has no frame {frame}",
        frames=[frame],
        hint=f"it has {sequence.frames[0]} to {sequence.frames[-1]}",
        path=str(sequence.pattern),
    )


def _edit(job: EditJob, sequence: Sequence, frame: int) -> str:
    path = job.output.path
    if Path(path).suffix.lower() == ".exr":
        pattern = SequencePattern.parse(path)
    else:
        # A folder: the plate's names in it, as the pipeline writes them.
        pattern = replace(sequence.pattern, folder=Path(path))
    file = pattern.path(frame)
    if not file.is_file():
        raise MissingFrames(
            f"frame {frame} of the edit is not written yet",
            frames=[frame],
            hint="wait for the job to write it",
            path=file,
        )
    return str(file)
