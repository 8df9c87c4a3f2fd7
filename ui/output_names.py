"""Names of results: where they go, their versions, and what lies beside them.

Only names and folder listings; no picture is opened. The engine has the last word on patterns
(`ocio.sequence`), which the panel may not import.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from ocio.frame_range import FrameRange
from tokenflow.job_file import RECORD

_NUMBER = re.compile(r"#+|%0?\d*d|\$F\d*")
_VERSION = re.compile(r"(?<![A-Za-z0-9])([vV])(\d+)(?![A-Za-z0-9])")
_VERSION_FOLDER = re.compile(r"[vV](\d+)")


@dataclass(frozen=True)
class FoundVersion:
    """A version of a result on disk.

    Attributes
    ----------
    number
        ``3`` of ``v003``.
    path
        Its pattern.
    frames
        What is there of it.
    changed
        When its folder changed last, in seconds since the epoch.
    record
        Its ``NAME.job.json``; None where there is none.
    """

    number: int
    path: str
    frames: FrameRange
    changed: float = 0.0
    record: Path | None = None

    @property
    def name(self) -> str:
        """``v003``."""
        return f"v{self.number:03d}"


def stem_of(pattern: str) -> str:
    """Return the name before the frame number and its separator: ``sh010_comp``."""
    name = re.split(r"[/\\]", pattern)[-1]
    token = _NUMBER.search(name)
    if token:
        return name[: token.start()].rstrip("._- ")
    stem = PurePath(name).stem
    if re.search(r"\d", stem) and PurePath(name).suffix:
        stem = re.sub(r"[._ -]?-?\d+$", "", stem) or stem
    return stem.rstrip("._- ")


def name_of(pattern: str) -> str:
    """Return what people call a sequence: its stem, or its folder's name if it has none."""
    return stem_of(pattern) or PurePath(pattern).parent.name or pattern


def default_output(plate: str, root: Path | None = None) -> str:
    """Return where the first version of an edit goes: ``edit/v001/NAME_v001.####.exr``.

    Parameters
    ----------
    plate
        The plate's pattern.
    root
        Folder for results; None is the folder ``edit`` beside the plate's.
    """
    base = root if root is not None else Path(plate).parent.parent / "edit"
    name = _VERSION.sub("", name_of(plate)).rstrip("._- ") or name_of(plate)
    return str(base / "v001" / f"{name}_v001.####.exr")


def version_of(path: str) -> int | None:
    """Return the version that a path names, its last one: 3 of ``v003/sh010_v003.####.exr``."""
    found = _VERSION.findall(path)
    return int(found[-1][1]) if found else None


def with_version(path: str, number: int) -> str:
    """Return the path of another version, with as many digits as before.

    Only the version that the path's end names is changed; in ``plate_v012/edit_v003/x_v003.exr``
    the plate's stays. A path without a version gets a folder ``v002``.
    """
    now = version_of(path)
    if now is None:
        pure = PurePath(path)
        return str(pure.parent / f"v{number:03d}" / pure.name)

    def other(match: re.Match[str]) -> str:
        if int(match[2]) != now:
            return match[0]
        return f"{match[1]}{number:0{len(match[2])}d}"

    return _VERSION.sub(other, path)


def version_root(path: str) -> Path:
    """Return the folder that holds the versions, or the frames if there are no versions."""
    folder = Path(path).parent
    return folder.parent if _VERSION_FOLDER.fullmatch(folder.name) else folder


def try_output(path: str, number: int) -> str:
    """Return where a try goes: ``tries/007/NAME.####.exr`` beside the versions of `path`."""
    name = PurePath(path).name
    return str(version_root(path) / "tries" / f"{number:03d}" / name)


def next_try(path: str) -> int:
    """Return the number of the next try, one more than the highest on disk. Reads a folder."""
    folder = version_root(path) / "tries"
    numbers = [int(name) for name in _names(folder) if name.isdigit()]
    return max(numbers, default=0) + 1


def frames_on_disk(pattern: str) -> FrameRange:
    """Return the frames of a pattern that are there. Reads a folder."""
    path = Path(pattern)
    token = _NUMBER.search(path.name)
    if token is None:
        return FrameRange()
    before, after = re.escape(path.name[: token.start()]), re.escape(path.name[token.end() :])
    form = re.compile(rf"{before}(-?\d+){after}")
    matches = (form.fullmatch(name) for name in _names(path.parent))
    return FrameRange.of(int(match[1]) for match in matches if match)


def find_versions(path: str) -> tuple[FoundVersion, ...]:
    """Return the versions of a result that are on disk, the newest first. Reads folders."""
    now = version_of(path)
    if now is None or not _VERSION_FOLDER.fullmatch(Path(path).parent.name):
        return ()
    found: list[FoundVersion] = []
    for name in _names(version_root(path)):
        match = _VERSION_FOLDER.fullmatch(name)
        if match is None:
            continue
        number = int(match[1])
        pattern = with_version(path, number)
        frames = frames_on_disk(pattern)
        if frames:
            found.append(_version(number, pattern, frames))
    return tuple(sorted(found, key=lambda version: -version.number))


def next_version(path: str) -> int:
    """Return one more than the highest version on disk, whatever its folder holds."""
    names = _names(version_root(path))
    numbers = [int(match[1]) for name in names if (match := _VERSION_FOLDER.fullmatch(name))]
    return max(numbers, default=0) + 1


def job_of(pattern: str) -> Path:
    """Return where the job of a run lies: ``NAME.job.json`` beside its frames."""
    return _beside(pattern, RECORD)


def record_of(pattern: str, frames: str | None = None) -> Path:
    """Return where the report of a run lies: ``NAME.report.json`` beside its frames.

    Parameters
    ----------
    frames
        The part of the job that was written, as `RunRequest.frames` has it.
    """
    part = f".{frames}" if frames else ""
    return _beside(pattern, f".report{part}.json")


def _beside(pattern: str, ending: str) -> Path:
    folder = Path(pattern).parent
    return folder / f"{stem_of(pattern) or folder.name or 'frames'}{ending}"


def _version(number: int, pattern: str, frames: FrameRange) -> FoundVersion:
    folder = Path(pattern).parent
    record = job_of(pattern)
    try:
        changed = folder.stat().st_mtime
    except OSError:
        changed = 0.0
    return FoundVersion(number, pattern, frames, changed, record if record.is_file() else None)


def _names(folder: Path) -> list[str]:
    """List a folder; one that is not there, or not ours to read, has nothing for us."""
    try:
        return [each.name for each in folder.iterdir()]
    except OSError:
        return []
