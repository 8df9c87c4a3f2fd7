"""File names of sequences as hosts have them: one file, and the pattern of all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePath

# The last number of a name. A minus belongs to it only after a separator: `plate-0012` is frame 12.
_NUMBER = re.compile(r"((?:(?<![^._ ])-)?\d+)(?=\D*$)")
_TOKEN = re.compile(r"#+|%0?(\d*)d|\$F(\d*)")


def pattern_of(file: str) -> str:
    """Return the pattern of the sequence that a file belongs to: its frame number as ``####``.

    A name without a number is returned as it is.
    """
    path = PurePath(file.replace("\\", "/"))
    found = _NUMBER.search(path.stem)
    if found is None:
        return str(path)
    token = "#" * len(found[1].lstrip("-"))
    return str(path.with_name(_NUMBER.sub(token, path.stem) + path.suffix))


def frame_of(file: str) -> int | None:
    """Return the frame number in a file's name, the one that `pattern_of` replaces."""
    found = _NUMBER.search(PurePath(file.replace("\\", "/")).stem)
    return int(found[1]) if found else None


def file_of(pattern: str, frame: int) -> str:
    """Return the file of a frame: ``a.####.exr`` and 7 give ``a.0007.exr``."""

    def number(token: re.Match[str]) -> str:
        width = len(token[0]) if token[0][0] == "#" else int(token[1] or token[2] or 1)
        return f"{frame:0{width + (frame < 0)}d}"

    return _in_name(pattern, number)


def same_sequence(one: str, other: str) -> bool:
    """Tell whether two patterns mean the same files, however their number is written."""
    return _in_name(one, lambda _: "#") == _in_name(other, lambda _: "#")


def _in_name(pattern: str, number: Callable[[re.Match[str]], str]) -> str:
    """Replace the frame number's token; one in a folder's name is none."""
    head, slash, name = pattern.replace("\\", "/").rpartition("/")
    return head + slash + _TOKEN.sub(number, name, count=1)
