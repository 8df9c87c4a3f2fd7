"""A picture that somebody wants to see, and the name that it has in the cache.

Standard library only: the front works with it, and so does the viewer that makes the picture.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from typing import Any, Literal, TypeAlias

from ocio.errors import OcioError
from ocio.sequence import find_sequence
from tokenflow.job import canonical_json

What: TypeAlias = Literal["plate", "edit", "difference", "matte"]
Format: TypeAlias = Literal["png", "jpg"]

WIDEST = 8192

BUILT_IN = "ocio://"
"""How the name of a config begins that is no file."""


@dataclass(frozen=True, kw_only=True)
class WantedPicture:
    """One frame, display-referred.

    Attributes
    ----------
    what
        ``difference`` is the absolute difference of plate and edit as they are shown, times `gain`.
    frame
        Its number.
    plate, edit
        The files; of the frame in question, or where the plate lacks it, of one that tells the
        plate's colour space.
    part, layer, stereo_view
        What is edited, as the job names it.
    ocio, colorspace, view
        As in a job: null is what config and file say.
    matte, matte_invert, matte_feather
        As in a job.
    width
        In pixels, at most; a picture is never made larger than the plate.
    """

    what: What
    frame: int
    plate: str
    edit: str | None = None
    part: str | None = None
    layer: str | None = None
    stereo_view: str | None = None
    ocio: str | None = None
    colorspace: str | None = None
    view: str | None = None
    matte: str | None = None
    matte_invert: bool = False
    matte_feather: float = 0.0
    gain: float = 4.0
    width: int = 960
    format: Format = "png"

    def key(self) -> str:
        """Hash of what the picture depends on; files count by place, size and time of change."""
        files = [_state(path) for path in self.files()]
        content = canonical_json([_version(), self.to_json(), files])
        return hashlib.sha256(content.encode()).hexdigest()[:40]

    def files(self) -> Iterator[str]:
        """Give the files that are read for it; of an edit the plate too, for its colour space."""
        yield self.plate
        if self.edit is not None:
            yield self.edit
        if self.what == "matte" and self.matte is not None:
            yield from matte_files(self.matte, self.frame)
        if self.ocio is not None and not self.ocio.startswith(BUILT_IN):
            yield self.ocio

    @property
    def choice(self) -> tuple[str | None, str | None, str | None]:
        """Layer, part and stereo view, in the order in which files are asked for channels."""
        return self.layer, self.part, self.stereo_view

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def matte_files(source: str, frame: int) -> Iterator[str]:
    """Give the file of a frame for every way to read ``SEQUENCE[:CHANNEL]`` that is on disk."""
    pieces = source.split(":")
    for end in range(1, len(pieces) + 1 if pieces[0] else 1):
        try:
            yield str(find_sequence(":".join(pieces[:end])).path(frame))
        except OcioError:
            continue


def _state(path: str) -> list[object]:
    try:
        state = os.stat(path)  # noqa: PTH116
    except OSError:
        return [path, None]
    return [path, state.st_size, state.st_mtime_ns]


@cache
def _version() -> str:
    return metadata.version("tokenflow")
