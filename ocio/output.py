"""Whether frames can be written where they are asked for, found out before any work is done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ocio.errors import (
    DiskFull,
    NoPermission,
    OcioError,
    OutputExists,
    OutputIsInput,
    WriteFailed,
)
from ocio.exr import inspect
from ocio.exr_write import header_job_hash
from ocio.frame_range import FrameRange
from ocio.sequence import Sequence, SequencePattern

SPACE_MARGIN = 1.5
"""An edited frame takes about the space of its source; zip instead of a lossy compression more."""


def check_output(
    pattern: SequencePattern,
    frames: Iterable[int],
    source: Sequence,
    *others: Sequence,
    overwrite: bool = False,
    resume: bool = False,
    job_hash: str | None = None,
) -> FrameRange:
    """Refuse an output that cannot be made, or would destroy something. Touches no file.

    Parameters
    ----------
    frames : iterable of int
        What would be written.
    source : Sequence
        The plate, which tells how much space a frame takes.
    others : Sequence
        What else must not be written over.
    job_hash : str, optional
        Frames outside the range that carry it are ours, written by another task of the same job.

    Returns
    -------
    FrameRange
        Frames of another job of this program that ``resume`` will make anew.

    Raises
    ------
    OutputIsInput
        After resolving links.
    OutputExists
        When frames are there already without ``overwrite`` or ``resume``, or would stand
        among frames of the same name that are none of this job.
    WriteFailed
        When the frames would all have one name, or a file stands where the folder should be.
    NoPermission, DiskFull
    """
    wanted = FrameRange.of(frames)
    if pattern.padding == 0 and len(wanted) > 1:
        raise WriteFailed(
            f"'{pattern}' has no place for the frame number",
            hint="write for example -o " + str(pattern.folder / "out.####.exr"),
        )
    for sequence in (source, *others):
        _refuse_input(pattern, wanted, sequence)
    _refuse_folder(pattern.folder)
    replaced: list[int] = []
    if not overwrite:
        there = _on_disk(pattern, wanted)
        if resume:
            replaced = _frames_of_other_jobs(pattern, wanted, there, job_hash)
        else:
            _refuse_existing(pattern, wanted, there, job_hash)
    _refuse_full_disk(pattern, wanted, source)
    return FrameRange.of(replaced)


def _refuse_input(pattern: SequencePattern, wanted: FrameRange, source: Sequence) -> None:
    plates = {_identity(source.path(frame)): frame for frame in source.frames}
    for frame in wanted:
        target = pattern.path(frame)
        if _identity(target) in plates:
            raise OutputIsInput(
                f"'{target}' is a frame of the plate",
                hint="write to another folder or under another name",
                frame=frame,
                path=target,
            )


def _identity(path: Path) -> tuple[int, int] | str:
    """Tell files apart by what they are on disk; hard links count as the same file."""
    try:
        state = path.stat()
    except OSError:
        return str(path.resolve())
    return state.st_dev, state.st_ino


def _refuse_folder(folder: Path) -> None:
    existing = _nearest_existing(folder)
    if not existing.is_dir():
        raise WriteFailed(
            f"'{existing}' is a file, not a folder", hint="choose another folder", path=existing
        )
    read_only = hasattr(os, "statvfs") and os.statvfs(existing).f_flag & os.ST_RDONLY
    if read_only or not os.access(existing, os.W_OK | os.X_OK):
        raise NoPermission(
            f"not allowed to write into '{existing}'",
            hint="choose another folder or change its permissions",
            path=existing,
        )


def _nearest_existing(folder: Path) -> Path:
    folder = folder.resolve()
    try:
        return next(one for one in (folder, *folder.parents) if one.exists())
    except OSError as error:
        raise NoPermission(
            f"not allowed to look into '{folder}': {error.strerror}",
            hint="choose another folder or change its permissions",
            path=folder,
        ) from error


def _on_disk(pattern: SequencePattern, wanted: FrameRange) -> dict[int, Path]:
    if pattern.padding:
        return pattern.frames_on_disk()
    return dict.fromkeys(wanted, pattern.path(0)) if pattern.path(0).exists() else {}


def _frames_of_other_jobs(
    pattern: SequencePattern, wanted: FrameRange, there: Mapping[int, Path], job_hash: str | None
) -> list[int]:
    """Let a resumed job redo frames of its own kind only; what cannot be read is half a frame."""
    hashes: dict[int, str | None] = {}
    for frame in wanted:
        if frame in there:
            with suppress(OcioError):
                hashes[frame] = header_job_hash(inspect(there[frame]))
    others = FrameRange.of(frame for frame, hash_ in hashes.items() if hash_ is None)
    if others:
        raise OutputExists(
            f"frames that this program did not make are in the way: {others}",
            hint="write somewhere else, or use --overwrite to replace them",
            path=pattern.folder,
        )
    return [frame for frame, hash_ in hashes.items() if hash_ != job_hash]


def _refuse_existing(
    pattern: SequencePattern, wanted: FrameRange, there: Mapping[int, Path], job_hash: str | None
) -> None:
    existing = FrameRange.of(frame for frame in wanted if frame in there)
    if existing:
        raise OutputExists(
            f"frames to write are already there: {existing}",
            hint="use --overwrite or --resume, or write somewhere else",
            path=pattern.folder,
        )
    foreign = FrameRange.of(
        frame
        for frame, path in there.items()
        if frame not in wanted and not _is_ours(path, job_hash)
    )
    if foreign:
        raise OutputExists(
            f"'{pattern.folder}' holds other frames of that name: {foreign}",
            hint="choose another folder or name, or use --overwrite to put yours beside them",
            path=pattern.folder,
        )


def _is_ours(path: Path, job_hash: str | None) -> bool:
    if job_hash is None:
        return False
    try:
        return header_job_hash(inspect(path)) == job_hash
    except OcioError:
        return False


def _refuse_full_disk(pattern: SequencePattern, wanted: FrameRange, source: Sequence) -> None:
    sizes = [source.path(frame).stat().st_size for frame in source.frames[:8]]
    if not sizes:
        return
    needed = int(SPACE_MARGIN * max(sizes) * len(wanted))
    free = shutil.disk_usage(_nearest_existing(pattern.folder)).free
    if needed > free:
        raise DiskFull(
            f"{len(wanted)} frames need about {needed / 2**20:.0f} MiB, "
            f"'{pattern.folder}' has {free / 2**20:.0f} MiB free",
            hint="free some space or choose another disk",
            path=pattern.folder,
        )
