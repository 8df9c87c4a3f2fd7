"""The motion vectors that a plate's files carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from ocio.frame import Frame
from ocio.header import FrameHeader
from ocio.window import Window
from tokenflow.deflicker.canvas import on_canvas
from tokenflow.deflicker.flow import DisFlow
from tokenflow.deflicker.vectors import Vectors, from_blender, from_nuke

_NUKE = ("forward.u", "forward.v", "backward.u", "backward.v")
_BLENDER = tuple(f"Vector.{axis}" for axis in "XYZW")

KEPT = 32
"""Frames whose vectors are held: more than any window looks at."""


@dataclass(frozen=True)
class VectorChannels:
    """Where vectors stand in a file.

    Attributes
    ----------
    convention
        Whose signs and order they follow.
    part
        Index of the part.
    names
        The four channels in the order of their convention.
    """

    convention: Literal["nuke", "blender"]
    part: int
    names: tuple[str, ...]

    @property
    def said(self) -> str:
        """The channels in words."""
        return f"{self.names[0]} to {self.names[-1]}"

    def read(self, frame: Frame, canvas: Window) -> Vectors:
        """Return the vectors of a frame over a canvas; not finite where the file has none."""
        part = frame.parts[self.part]
        planes = np.stack([part.channels[name].astype(np.float32) for name in self.names], axis=-1)
        placed = np.moveaxis(on_canvas(planes, part.data_window, canvas), -1, 0)
        return from_nuke(*placed) if self.convention == "nuke" else from_blender(*placed)


class VectorWindow:
    """The vectors of the frames read last; earlier ones lie behind every window of the filter.

    Parameters
    ----------
    channels
        Where they stand in the files.
    canvas
        What they are placed over.
    """

    def __init__(self, channels: VectorChannels, canvas: Window) -> None:
        self._channels, self._canvas = channels, canvas
        self._kept: dict[int, Vectors] = {}

    def take(self, number: int, frame: Frame) -> None:
        """Keep the vectors of a frame that was read."""
        self._kept[number] = self._channels.read(frame, self._canvas)
        for old in sorted(self._kept)[:-KEPT]:
            del self._kept[old]

    def of(self, number: int) -> Vectors:
        """Return the motion of a frame that was taken, in pixels of the canvas."""
        return self._kept[number]


def motion_name(vectors: VectorChannels | None) -> str:
    """Method and version of the motion: the plate's own vectors, or what is estimated."""
    return f"vectors {vectors.said}" if vectors else DisFlow().name


def find_vectors(header: FrameHeader) -> VectorChannels | None:
    """Find vectors in a file: Nuke's `forward` and `backward`, or Blender's pass `Vector`."""
    for index, part in enumerate(header.parts):
        if set(_NUKE) <= part.channel_types.keys():
            return VectorChannels("nuke", index, _NUKE)
        for name in part.channel_types:
            layer = name.removesuffix(_BLENDER[0])
            names = tuple(layer + one for one in _BLENDER)
            if name.endswith(_BLENDER[0]) and set(names) <= part.channel_types.keys():
                return VectorChannels("blender", index, names)
    return None


def vectors_of_shot(headers: Mapping[int, FrameHeader]) -> VectorChannels | None:
    """Find vectors that all frames of a shot have.

    Vectors reach the neighbouring frame only, so there are none for a shot with gaps.
    """
    numbers = sorted(headers)
    found = {find_vectors(header) for header in headers.values()}
    consecutive = all(later - earlier == 1 for earlier, later in pairwise(numbers))
    return found.pop() if len(found) == 1 and consecutive else None
