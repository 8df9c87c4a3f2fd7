"""What the header of a file says: parts, channels and their types, windows, attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocio.window import Window

_RGB_SPELLINGS = (("R", "G", "B", "A"), ("r", "g", "b", "a"), ("red", "green", "blue", "alpha"))


@dataclass(frozen=True)
class Attribute:
    """A header attribute with its type as OpenImageIO spells it (``rational``, ``timecode``)."""

    type: str
    value: Any


@dataclass(frozen=True)
class PartHeader:
    """What the header of one part says.

    Attributes
    ----------
    channel_types : mapping of channel name to numpy dtype name
        ``float16``, ``float32`` or ``uint32``, in the order of the file.
    tile : tuple of int, optional
        Tile size (width, height); None for scanlines.
    """

    name: str
    channel_types: Mapping[str, str]
    data_window: Window
    display_window: Window
    pixel_aspect: float
    compression: str
    tile: tuple[int, int] | None
    attributes: Mapping[str, Attribute]

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that have red, green and blue; the unnamed one is ``""``."""
        names = {channel.rpartition(".")[0] for channel in self.channel_types}
        return tuple(sorted(name for name in names if rgb_names(self, name)))


@dataclass(frozen=True)
class FrameHeader:
    """The headers of all parts of a file."""

    path: Path
    parts: tuple[PartHeader, ...]


def rgb_names(part: PartHeader, layer: str) -> tuple[str, str, str, str] | None:
    """Return a layer's red, green, blue and alpha as a part spells them; alpha may be absent."""
    prefix = f"{layer}." if layer else ""
    for red, green, blue, alpha in _RGB_SPELLINGS:
        names = (prefix + red, prefix + green, prefix + blue, prefix + alpha)
        if all(name in part.channel_types for name in names[:3]):
            return names
    return None
