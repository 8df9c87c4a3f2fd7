"""Pixel windows, and the edit rectangle that stays the same over a shot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ocio.errors import FramesDiffer

OVERSCAN = 0.10
"""Share of the display window that is edited beyond it on each side, so that no unedited border
enters the picture under a camera move or a lens distortion."""


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels; ``x`` and ``y`` may be negative."""

    x: int
    y: int
    width: int
    height: int

    @property
    def x_end(self) -> int:
        """One past the last column."""
        return self.x + self.width

    @property
    def y_end(self) -> int:
        """One past the last row."""
        return self.y + self.height

    def union(self, other: Window) -> Window:
        """Return the smallest window that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Window(x, y, max(self.x_end, other.x_end) - x, max(self.y_end, other.y_end) - y)

    def intersection(self, other: Window) -> Window:
        """Return what both share; width or height is 0 where they share nothing."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        width = max(0, min(self.x_end, other.x_end) - x)
        height = max(0, min(self.y_end, other.y_end) - y)
        return Window(x, y, width, height)

    def grown(self, columns: int, rows: int) -> Window:
        """Return the window with so many pixels more on each side."""
        return Window(
            self.x - columns, self.y - rows, self.width + 2 * columns, self.height + 2 * rows
        )

    def slices_in(self, outer: Window) -> tuple[slice, slice]:
        """Return the (rows, columns) that this window takes in an array of ``outer``."""
        return (
            slice(self.y - outer.y, self.y_end - outer.y),
            slice(self.x - outer.x, self.x_end - outer.x),
        )


@dataclass(frozen=True)
class EditRectangle:
    """The part of the plate that the model sees, constant over a shot.

    ``feather`` gives, for the left, top, right and bottom side, over how many pixels the edit fades
    to nothing. It is 0 on a side where no plate lies beyond the rectangle: there nothing has to
    be joined, and a fade would only leave an unedited border.
    """

    window: Window
    feather: tuple[int, int, int, int] = (0, 0, 0, 0)

    def aspect(self, pixel_aspect: float = 1.0) -> float:
        """Return width over height as the eye sees it."""
        return self.window.width * pixel_aspect / self.window.height

    def fade(self, window: Window) -> npt.NDArray[np.float32]:
        """Return how much of the edit is kept, 0..1, at each pixel of ``window`` (h, w)."""
        left, top, right, bottom = self.feather
        own = self.window
        columns = np.arange(window.x, window.x_end, dtype=np.float64) + 0.5
        rows = np.arange(window.y, window.y_end, dtype=np.float64) + 0.5
        across = _ramp(columns - own.x, left) * _ramp(own.x_end - columns, right)
        down = _ramp(rows - own.y, top) * _ramp(own.y_end - rows, bottom)
        return np.multiply.outer(down.astype(np.float32), across.astype(np.float32))


class HasWindows(Protocol):
    """What the header of a plate frame tells about its geometry."""

    @property
    def data_window(self) -> Window:
        """Return the pixels that the file holds."""
        ...

    @property
    def display_window(self) -> Window:
        """Return the picture as it is shown."""
        ...

    @property
    def pixel_aspect(self) -> float:
        """Return the width of a pixel over its height."""
        ...


def edit_rectangle(headers: Iterable[tuple[int, HasWindows]]) -> EditRectangle:
    """Find the rectangle to edit from the headers of all frames of a shot.

    It is the union of the data windows, limited to the display window plus 10 % on each side.

    Parameters
    ----------
    headers : iterable of (frame, header)

    Raises
    ------
    FramesDiffer
        When the display window or the pixel aspect changes, or no frame has pixels near the
        display window.
    """
    ordered = list(headers)
    if not ordered:
        raise FramesDiffer("no frames to find an edit rectangle in", hint="name at least one frame")
    first_frame, first = ordered[0]
    union = first.data_window
    for frame, header in ordered:
        if (header.display_window, header.pixel_aspect) != (
            first.display_window,
            first.pixel_aspect,
        ):
            raise FramesDiffer(
                f"frame {frame} has a display window of {_say(header)}, "
                f"frame {first_frame} one of {_say(first)}",
                hint="bring the frames to one format, or edit them as separate shots",
                frame=frame,
            )
        union = union.union(header.data_window)
    display = first.display_window
    limit = display.grown(round(display.width * OVERSCAN), round(display.height * OVERSCAN))
    window = union.intersection(limit)
    if not window.width or not window.height:
        raise FramesDiffer(
            "the data windows lie outside the display window",
            hint="check the format of the plate",
            frame=first_frame,
        )
    return EditRectangle(window, _feather(window, union, display))


def _feather(window: Window, union: Window, display: Window) -> tuple[int, int, int, int]:
    """Fade within the overscan only: inside the display window the edit is whole."""
    return (
        display.x - window.x if union.x < window.x else 0,
        display.y - window.y if union.y < window.y else 0,
        window.x_end - display.x_end if union.x_end > window.x_end else 0,
        window.y_end - display.y_end if union.y_end > window.y_end else 0,
    )


def _ramp(distance: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Smoothstep from 0 at the border to 1 at ``width`` pixels inside it; 0 outside."""
    if width <= 0:
        return (distance > 0).astype(np.float64)
    t = np.clip(distance / width, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _say(header: HasWindows) -> str:
    window = header.display_window
    return f"{window.width}x{window.height}, pixel aspect {header.pixel_aspect:g}"
