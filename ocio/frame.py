"""One frame of a plate in memory: parts, channels in their native types, windows, attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ocio.compiled import compiled
from ocio.errors import FramesDiffer, NonFiniteResult, UnknownLayer, UnsupportedSamples
from ocio.window import Window

Float32 = npt.NDArray[np.float32]
HALF_MAX = 65504.0
_LIMITS = {"float16": HALF_MAX, "float32": np.inf}

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
        return tuple(sorted(name for name in names if _rgb_names(self, name)))


@dataclass(frozen=True)
class FrameHeader:
    """The headers of all parts of a file."""

    path: Path
    parts: tuple[PartHeader, ...]


@dataclass(frozen=True)
class Part(PartHeader):
    """One part with its samples, (height, width) per channel, as big as the data window."""

    channels: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class ChannelSelection:
    """The channels that are edited: index of the part, names of R, G, B, and of A if there is."""

    part: int
    rgb: tuple[str, str, str]
    alpha: str | None


@dataclass(frozen=True)
class Frame:
    """One frame; ``clamped`` counts samples that were limited to the range of half."""

    path: Path
    frame: int | None
    parts: tuple[Part, ...]
    clamped: int = 0

    def select(self, layer: str | None = None, part: str | int | None = None) -> ChannelSelection:
        """Find the channels to edit; see `select_channels`."""
        return select_channels(FrameHeader(self.path, self.parts), layer, part)

    def rgb(self, layer: str | None = None, part: str | int | None = None) -> Float32:
        """Return the edited channels, (h, w, 3) float32; half converts without loss.

        Raises
        ------
        UnknownLayer, UnsupportedSamples
        """
        selection = self.select(layer, part)
        channels = self.parts[selection.part].channels
        return np.stack([channels[name] for name in selection.rgb], axis=-1, dtype=np.float32)

    def alpha(self, layer: str | None = None, part: str | int | None = None) -> Float32 | None:
        """Return the alpha of the edited layer, (h, w) float32, or None where it has none."""
        selection = self.select(layer, part)
        if selection.alpha is None:
            return None
        return self.parts[selection.part].channels[selection.alpha].astype(np.float32)

    def with_rgb(
        self,
        rgb: Float32,
        touched: npt.NDArray[np.bool_],
        layer: str | None = None,
        part: str | int | None = None,
    ) -> Frame:
        """Return the frame with new samples where ``touched``; all others keep their bits.

        Parameters
        ----------
        rgb : (h, w, 3) float32
        touched : (h, w) or (h, w, 3) bool
            Pixels, or single samples, to take from ``rgb``.

        Raises
        ------
        NonFiniteResult
            When a touched sample is NaN or infinite.
        """
        selection = self.select(layer, part)
        old = self.parts[selection.part]
        touched = np.broadcast_to(touched if touched.ndim == 3 else touched[..., None], rgb.shape)
        channels = dict(old.channels)
        limits = [_LIMITS[channels[name].dtype.name] for name in selection.rgb]
        planes = np.empty((3, *rgb.shape[:2]), np.float32)
        clamped, broken = _limited(planes, rgb, touched, np.array(limits, np.float32))
        if broken:
            raise NonFiniteResult("an edited sample is not a finite number", frame=self.frame)
        for index, name in enumerate(selection.rgb):
            changed = channels[name].copy()
            np.copyto(changed, planes[index].astype(changed.dtype), where=touched[..., index])
            channels[name] = changed
        parts = list(self.parts)
        parts[selection.part] = replace(old, channels=channels)
        return replace(self, parts=tuple(parts), clamped=self.clamped + clamped)


@compiled
def _limited(
    planes: Float32, rgb: Float32, touched: npt.NDArray[np.bool_], limits: Float32
) -> tuple[int, int]:
    """Divide into channels, each within its limit; count touched samples beyond, and no numbers."""
    beyond = broken = 0
    for row in range(rgb.shape[0]):
        for column in range(rgb.shape[1]):
            for channel in range(3):
                sample, limit = rgb[row, column, channel], limits[channel]
                if touched[row, column, channel]:
                    broken += not np.isfinite(sample)
                    beyond += abs(sample) > limit
                planes[channel, row, column] = min(max(sample, -limit), limit)
    return beyond, broken


def unedited_views(header: FrameHeader, selection: ChannelSelection) -> tuple[str, ...]:
    """Name the stereo views of a file that are not the one edited.

    Views are named by the ``multiView`` attribute of a part, whose first one has the channels
    without a prefix, or by the ``view`` attribute of each part.
    """
    edited = header.parts[selection.part]
    stated = edited.attributes.get("multiView")
    if stated is not None:
        names = [str(name) for name in stated.value]
        prefix = selection.rgb[0].rpartition(".")[0].rpartition(".")[2]
        own = prefix if prefix in names else names[0]
        return tuple(name for name in names if name != own)
    views = [part.attributes["view"].value for part in header.parts if "view" in part.attributes]
    own_view = edited.attributes.get("view")
    others = {str(view) for view in views if own_view is None or view != own_view.value}
    return tuple(sorted(others))


def select_channels(
    header: FrameHeader, layer: str | None = None, part: str | int | None = None
) -> ChannelSelection:
    """Find the red, green and blue channels of a layer.

    Without ``part`` and ``layer`` these are the R, G and B of the first part, or its only layer
    when it has just one. With a layer alone, the first part that has it.

    Raises
    ------
    UnknownLayer
        Naming what there is instead.
    UnsupportedSamples
        When the channels hold integers.
    """
    for index in _candidate_parts(header, layer, part):
        candidate = header.parts[index]
        name = layer
        if name is None:
            name = candidate.layers[0] if len(candidate.layers) == 1 else ""
        names = _rgb_names(candidate, name)
        if names is None:
            continue
        if any(candidate.channel_types[channel] == "uint32" for channel in names[:3]):
            raise UnsupportedSamples(
                f"layer '{name}' holds integers, not light", hint="edit another layer"
            )
        alpha = names[3] if names[3] in candidate.channel_types else None
        return ChannelSelection(index, names[:3], alpha)
    raise UnknownLayer(
        f"no red, green and blue channels for {_asked(layer, part)}",
        hint="there are: " + "; ".join(_describe(one) for one in header.parts),
        path=header.path,
    )


def same_channels(
    headers: Mapping[int, FrameHeader], layer: str | None = None, part: str | int | None = None
) -> ChannelSelection:
    """Find the channels to edit in all frames of a shot, by frame number; see `select_channels`.

    Raises
    ------
    FramesDiffer
        When a frame has others than those before it.
    UnknownLayer, UnsupportedSamples
    """
    chosen: ChannelSelection | None = None
    for number, header in headers.items():
        selection = select_channels(header, layer, part)
        if chosen is not None and (selection.part, selection.rgb) != (chosen.part, chosen.rgb):
            raise FramesDiffer(
                f"frame {number} has the channels {', '.join(selection.rgb)} to edit, earlier "
                f"frames {', '.join(chosen.rgb)}",
                hint="name the layer that all frames have",
                frame=number,
                path=header.path,
            )
        chosen = chosen or selection
    if chosen is None:
        raise ValueError("a shot has at least one frame")
    return chosen


def _candidate_parts(
    header: FrameHeader, layer: str | None, part: str | int | None
) -> list[int] | range:
    if part is None:
        return range(len(header.parts)) if layer is not None else range(1)
    for index, candidate in enumerate(header.parts):
        if part in (index, candidate.name) or part == str(index):
            return [index]
    return []


def _rgb_names(part: PartHeader, layer: str) -> tuple[str, str, str, str] | None:
    prefix = f"{layer}." if layer else ""
    for red, green, blue, alpha in _RGB_SPELLINGS:
        names = (prefix + red, prefix + green, prefix + blue, prefix + alpha)
        if all(name in part.channel_types for name in names[:3]):
            return names
    return None


def _asked(layer: str | None, part: str | int | None) -> str:
    words = [f"part '{part}'"] if part is not None else []
    words += [f"layer '{layer}'"] if layer is not None else []
    return " ".join(words) or "the first part"


def _describe(part: PartHeader) -> str:
    layers = ", ".join(layer or "R,G,B" for layer in part.layers) or "no colour layer"
    return f"part '{part.name}' with {layers}"
