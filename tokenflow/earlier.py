"""Where an earlier edit lies on disk: its job, the job below it, its frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ocio.sequence import SequencePattern
from tokenflow.job import EditJob


def nearby(path: str, upon: Path) -> str:
    """Find the base of a base: where it says, or in a folder of that name next to its own.

    Parameters
    ----------
    path
        As the job in `upon` says.
    """
    if Path(path).exists():
        return path
    named = Path(path)
    beside = upon.parent.parent / named.parent.name / named.name
    return str(beside) if beside.exists() else path


def frames_of(found: EditJob, file: Path) -> SequencePattern:
    """Find the frames: beside their job, wherever both were moved, or where the job wrote them.

    Raises
    ------
    InvalidSequencePattern
    """
    written = SequencePattern.parse(found.output.path)
    beside = replace(written, folder=file.parent)
    return beside if file.parent.is_dir() and beside.frames_on_disk() else written
