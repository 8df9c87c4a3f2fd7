"""The next free version of a result, reserved so that two jobs never share one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ocio.errors import NoPermission, WriteFailed

_PLACE = re.compile(r"(?<![A-Za-z0-9])v(#+)")


def asks_for_version(path: str) -> bool:
    """Say whether a folder of an output path leaves its version open, as ``edit/v###/`` does."""
    return any(_PLACE.search(name) for name in _folders(path))


def next_version(path: str) -> str:
    """Return the path with the number after the highest on disk, in folders and file name.

    A path that leaves no version open comes back as it is.
    """
    if not asks_for_version(path):
        return path
    folder = _version_folder(path)
    start, end = (re.escape(side) for side in _PLACE.sub("\0", folder.name, count=1).split("\0"))
    pattern = re.compile(start + r"v(\d+)" + end)
    names = [entry.name for entry in folder.parent.iterdir()] if folder.parent.is_dir() else []
    taken = [int(match[1]) for name in names if (match := pattern.fullmatch(name))]
    number = max(taken, default=0) + 1
    return _PLACE.sub(lambda place: f"v{number:0{len(place[1])}d}", path)


@contextmanager
def reserved_version(path: str) -> Iterator[str]:
    """Take the next version by making its folder, which only one of two jobs can.

    Gives the path with its number. A folder in which nothing was put is removed at the end.

    Raises
    ------
    NoPermission, WriteFailed
        When the folder cannot be made.
    """
    while True:
        numbered = next_version(path)
        folder = Path(*Path(numbered).parts[: len(_version_folder(path).parts)])
        try:
            if not folder.parent.is_dir():
                folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except OSError as error:
            if isinstance(error, FileExistsError) and folder.exists():
                continue  # another job was faster
            kind = NoPermission if isinstance(error, PermissionError) else WriteFailed
            raise kind(
                f"'{folder}' cannot be made: {error.strerror}",
                hint="choose another folder",
                path=folder,
            ) from error
        break
    try:
        yield numbered
    finally:
        with suppress(OSError):
            folder.rmdir()


def _folders(path: str) -> tuple[str, ...]:
    """Return the folders of an output path: all of it, but for the name of frames."""
    parts = Path(path).parts
    return parts[:-1] if Path(path).suffix.lower() == ".exr" else parts


def _version_folder(path: str) -> Path:
    """Return the first folder that leaves its version open."""
    folders = _folders(path)
    first = next(index for index, name in enumerate(folders) if _PLACE.search(name))
    return Path(*folders[: first + 1])
