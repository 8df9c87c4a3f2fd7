"""What a shot is, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ocio.frame_range import FrameRange
from ui.output_names import name_of

Origin: TypeAlias = Literal["header", "node", "you", ""]
"""Who says a fact: the file, the host, the artist; empty is nobody, a default."""


@dataclass(frozen=True)
class ShotFacts:
    """What a shot is.

    Attributes
    ----------
    name
        What the artist calls it.
    pattern
        The sequence, ``/shows/sh010/plate.####.exr``.
    frames, missing
        On disk; and in the gaps between.
    width, height
        Of the display window in pixels.
    pixel_aspect
        Width of a pixel over its height; 2 for anamorphic plates.
    channels
        All names, the edited ones first.
    edited
        The ones that are edited.
    colorspaces, views
        What there is to choose.
    timecode
        Of the first frame, empty without.
    """

    name: str
    pattern: str
    frames: FrameRange
    missing: FrameRange
    width: int
    height: int
    channels: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    colorspaces: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    default_view: str = ""
    config: str = ""
    config_source: str = ""
    timecode: str = ""
    compression: str = ""
    pixel_aspect: float = 1.0

    @property
    def whole(self) -> FrameRange:
        """First to last frame, holes included."""
        return FrameRange(range(self.frames[0], self.frames[-1] + 1))

    @property
    def range_text(self) -> str:
        """``1001-1048``."""
        return f"{self.frames[0]}-{self.frames[-1]}" if len(self.frames) > 1 else str(self.frames)

    @property
    def size_text(self) -> str:
        """``2048×1080``."""
        return f"{self.width}×{self.height}"

    @property
    def pixel_text(self) -> str:
        """``pixels 2:1``; empty where they are square."""
        return "" if self.pixel_aspect == 1 else f"pixels {self.pixel_aspect:g}:1"


@dataclass(frozen=True)
class Fact:
    """A fact that may be changed, and where it came from."""

    text: str
    origin: Origin = ""
    problem: str = ""


def read_facts(document: dict[str, Any], name: str = "") -> ShotFacts:
    """Read an answer of `Client.inspect`.

    Parameters
    ----------
    name
        What the artist calls the shot; empty takes it from the file names.
    """
    size = document.get("size") or [0, 0]
    colour = document.get("color") or {}
    parts = document.get("parts") or []
    edited = tuple((document.get("edited") or {}).get("channels") or ())
    channels = [channel for part in parts for channel in part.get("channels") or {}]
    missing = str(document.get("missing") or "")
    pattern = str(document["pattern"])
    return ShotFacts(
        name=name or name_of(pattern),
        pattern=pattern,
        frames=FrameRange.parse(str(document["frames"])),
        missing=FrameRange.parse(missing) if missing else FrameRange(),
        width=int(size[0]),
        height=int(size[1]),
        channels=(*edited, *(each for each in channels if each not in edited)),
        edited=edited,
        layers=tuple(layer for part in parts for layer in part.get("layers") or ()),
        colorspaces=tuple(colour.get("colorspaces") or ()),
        views=tuple(colour.get("views") or ()),
        default_view=str(colour.get("default_view") or ""),
        config=str(colour.get("config") or ""),
        config_source=str(colour.get("config_source") or ""),
        timecode=str(document.get("timecode") or ""),
        compression=str(document.get("compression") or ""),
        pixel_aspect=float(document.get("pixel_aspect") or 1),
    )
