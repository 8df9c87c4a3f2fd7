"""A sequence as the metrics see it: small pictures on disk, one size and view for all sequences.

Frames are area-averaged in scene-linear light over the plate's display window and kept in a memory
map, so that memory does not grow with the shot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocio.errors import FramesDiffer
from ocio.exr import read_frame
from ocio.frame import Frame
from ocio.resample import proxy
from ocio.selection import FIRST, Choice
from ocio.transfer import Transfer
from ocio.window import Window

Float32 = npt.NDArray[np.float32]

BLACK = 2.0**-8
"""Added before the logarithm, so that noise in the blacks does not dominate."""

LUMA = np.array([0.2722287, 0.6740818, 0.0536895], np.float32)
"""Luminance weights of AP1; of another plate space they make a usual enough luma."""


@dataclass(frozen=True)
class Viewing:
    """How frames become the pictures that are measured.

    Attributes
    ----------
    view
        From the plate's colour space to the display.
    view_name
        Its name.
    window
        The plate's display window; all sequences have the same.
    size
        Width and height of the pictures, square pixels.
    choice
        What is measured of the files.
    """

    view: Transfer
    view_name: str
    window: Window
    size: tuple[int, int]
    choice: Choice = FIRST

    def linear(self, frame: Frame, planes: Float32 | None = None) -> Float32:
        """Return a frame's picture, or `planes` (H, W, n) of its data window, at `size`."""
        owner = frame.parts[frame.select(*self.choice).part]
        pixels = frame.rgb(*self.choice) if planes is None else planes
        return proxy(pixels, owner.display_window, self.size, data_window=owner.data_window)

    def display(self, linear: Float32) -> Float32:
        """Return a scene-linear picture through the view, clipped to 0..1."""
        return np.clip(self.view.forward(linear), 0.0, 1.0)


class Clip:
    """Pictures of one sequence.

    Parameters
    ----------
    name
        What the report calls it.
    numbers
        Absolute frame numbers, ascending.
    linear : (frames, h, w, 3), scene-linear
    display : (frames, h, w, 3), through the view, 0..1
    """

    def __init__(
        self, name: str, numbers: Sequence[int], linear: Float32, display: Float32
    ) -> None:
        self.name, self.numbers = name, tuple(numbers)
        self._linear, self._display = linear, display
        self._index = {number: index for index, number in enumerate(self.numbers)}

    def linear(self, number: int) -> Float32:
        """Return a frame (h, w, 3), scene-linear."""
        return np.array(self._linear[self._index[number]])

    def display(self, number: int) -> Float32:
        """Return a frame (h, w, 3) through the view, 0..1."""
        return np.array(self._display[self._index[number]])

    def stops(self, number: int) -> Float32:
        """Return a frame (h, w, 3) in stops per channel: log2(max(x, 0) + 2^-8)."""
        return stops(self.linear(number))

    def log_luma(self, number: int) -> Float32:
        """Return the luma of a frame (h, w) in stops."""
        return stops(self.linear(number) @ LUMA)


def stops(linear: Float32) -> Float32:
    """Return log2(max(x, 0) + 2^-8)."""
    return np.log2(np.maximum(linear, np.float32(0.0)) + np.float32(BLACK))


def picture_size(window: Window, pixel_aspect: float, width: int) -> tuple[int, int]:
    """Return (width, height) in square pixels, at most `width` wide and never enlarged."""
    wide = window.width * pixel_aspect
    scale = min(1.0, width / wide)
    return max(1, round(wide * scale)), max(1, round(window.height * scale))


def read_clip(
    name: str,
    files: Mapping[int, Path],
    viewing: Viewing,
    folder: Path,
    told: Callable[[], None] = lambda: None,
) -> Clip:
    """Read a sequence into memory maps below `folder`.

    Parameters
    ----------
    files
        By frame number, in the order of time.
    told
        Called after each frame.

    Raises
    ------
    FramesDiffer
        When a frame has another display window than the plate.
    UnreadableFrame, UnknownLayer
    """
    width, height = viewing.size
    folder.mkdir(parents=True, exist_ok=True)
    shape = (len(files), height, width, 3)
    linear, display = (
        np.lib.format.open_memmap(folder / f"{kind}.npy", "w+", np.float32, shape)
        for kind in ("linear", "display")
    )
    for index, (number, path) in enumerate(files.items()):
        frame = read_frame(path, number)
        window = frame.parts[frame.select(*viewing.choice).part].display_window
        if window != viewing.window:
            raise FramesDiffer(
                f"frame {number} of {name!r} is {_said(window)}, the plate {_said(viewing.window)}",
                hint="bring both to one format",
                frame=number,
                path=path,
            )
        linear[index] = viewing.linear(frame)
        display[index] = viewing.display(linear[index])
        told()
    return Clip(name, tuple(files), linear, display)


def _said(window: Window) -> str:
    place = f" at {window.x},{window.y}" if window.x or window.y else ""
    return f"{window.width}x{window.height}{place}"
