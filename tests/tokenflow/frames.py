"""Frames on disk, compared bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ocio.exr import read_frame
from tests.ocio.plates import bits


def samples(path: Path) -> dict[tuple[int, str], Any]:
    """Return the bits of every channel of every part, by part and name."""
    return {
        (number, name): bits(channel)
        for number, part in enumerate(read_frame(path).parts)
        for name, channel in part.channels.items()
    }


def changed(before: Path, after: Path) -> dict[tuple[int, str], Any]:
    """Return where samples differ, (h, w) bool by part and channel, for channels that do."""
    old, new = samples(before), samples(after)
    assert old.keys() == new.keys()
    assert all(old[name].dtype == new[name].dtype for name in old)
    differing = {name: old[name] != new[name] for name in old}
    return {name: where for name, where in differing.items() if np.any(where)}


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too, by its relative name."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def exr_files(folder: Path) -> dict[str, bytes]:
    """Return the frames in a folder."""
    return {name: content for name, content in snapshot(folder).items() if name.endswith(".exr")}


def litter(folder: Path) -> list[str]:
    """Return the temporary files below a folder."""
    return [name for name in snapshot(folder) if name.endswith(".tmp")]
