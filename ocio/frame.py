"""One frame of a plate in memory: parts, channels in their native types, windows, attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ocio.compiled import compiled
from ocio.errors import NonFiniteResult
from ocio.header import FrameHeader, PartHeader
from ocio.selection import ChannelSelection, select_channels

Float32 = npt.NDArray[np.float32]
HALF_MAX = 65504.0
_LIMITS = {"float16": HALF_MAX, "float32": np.inf}


@dataclass(frozen=True)
class Part(PartHeader):
    """One part with its samples, (height, width) per channel, as big as the data window."""

    channels: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """One frame; ``clamped`` counts samples that were limited to the range of half."""

    path: Path
    frame: int | None
    parts: tuple[Part, ...]
    clamped: int = 0

    def select(
        self, layer: str | None = None, part: str | int | None = None, view: str | None = None
    ) -> ChannelSelection:
        """Find the channels to edit; see `select_channels`."""
        return select_channels(FrameHeader(self.path, self.parts), layer, part, view)

    def rgb(
        self, layer: str | None = None, part: str | int | None = None, view: str | None = None
    ) -> Float32:
        """Return the edited channels, (h, w, 3) float32; half converts without loss.

        Raises
        ------
        UnknownLayer, UnsupportedSamples
        """
        selection = self.select(layer, part, view)
        channels = self.parts[selection.part].channels
        return np.stack([channels[name] for name in selection.rgb], axis=-1, dtype=np.float32)

    def alpha(
        self, layer: str | None = None, part: str | int | None = None, view: str | None = None
    ) -> Float32 | None:
        """Return the alpha of the edited layer, (h, w) float32, or None where it has none."""
        selection = self.select(layer, part, view)
        if selection.alpha is None:
            return None
        return self.parts[selection.part].channels[selection.alpha].astype(np.float32)

    def with_rgb(
        self,
        rgb: Float32,
        touched: npt.NDArray[np.bool_],
        layer: str | None = None,
        part: str | int | None = None,
        view: str | None = None,
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
        selection = self.select(layer, part, view)
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
