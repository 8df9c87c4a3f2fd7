"""Plate to model resolution: the area average that makes proxies, and their guides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ocio.compiled import compiled
from ocio.window import EditRectangle, Window

Float32 = npt.NDArray[np.float32]
Size = tuple[int, int]

INFINITE_LIGHT = 65504.0
"""What +Inf counts as where a whole proxy pixel has nothing else: the largest half."""


def proxy(
    linear: Float32,
    rectangle: EditRectangle | Window,
    size: Size,
    *,
    data_window: Window | None = None,
) -> Float32:
    """Return the plate as the model's resolution sees it: area average in scene-linear light.

    Parameters
    ----------
    linear : (h, w, 3) float32
        Plate values of the data window.
    rectangle : EditRectangle
    size : (width, height) of the result in pixels
    data_window : Window, optional
        Where ``linear`` lies; default: over the rectangle exactly.

    Returns
    -------
    (height, width, 3) float32, finite
        Pixels without data are black. NaN and infinities are left out of the average; a pixel made
        of nothing else is black, or `INFINITE_LIGHT` where there was +Inf.
    """
    window = rectangle.window if isinstance(rectangle, EditRectangle) else rectangle
    grid = AreaGrid(data_window or window, window, size)
    finite = np.isfinite(linear)
    if finite.all():
        return grid.average(linear)
    total = grid.average(np.where(finite, linear, np.float32(0.0)))
    # The share of what is finite in what the pixel has of the plate; the rest stays black.
    share = grid.average(finite.astype(np.float32)) / np.maximum(grid.coverage[..., None], 1e-6)
    bright = grid.average((linear == np.inf).astype(np.float32)) > 0.0
    lost = np.where(bright, np.float32(INFINITE_LIGHT), np.float32(0.0))
    return np.where(share > 1e-6, total / np.maximum(share, np.float32(1e-6)), lost)


@dataclass(frozen=True)
class _Axis:
    """For each coarse pixel the fine pixels under it: (taps, coarse) indices and weights."""

    index: npt.NDArray[np.intp]
    weight: Float32


class AreaGrid:
    """Exact area average from a data window to a coarse grid over a rectangle.

    Attributes
    ----------
    coverage : (height, width) float32
        Share of each coarse pixel that the data window covers.
    """

    def __init__(self, data_window: Window, rectangle: Window, size: Size) -> None:
        self._columns = _axis(
            data_window.x - rectangle.x, data_window.width, rectangle.width, size[0]
        )
        self._rows = _axis(
            data_window.y - rectangle.y, data_window.height, rectangle.height, size[1]
        )
        self.coverage: Float32 = np.minimum(
            self._rows.weight.sum(axis=0)[:, None] * self._columns.weight.sum(axis=0)[None, :], 1.0
        )

    def average(self, image: Float32) -> Float32:
        """Return the average of (h, w, n) over coarse pixels; what is not covered counts as 0."""
        rows, columns = self._rows, self._columns
        image = np.ascontiguousarray(image, np.float32)
        shape = rows.index.shape[1], columns.index.shape[1], image.shape[2]
        result = np.zeros(shape, np.float32)
        _average(result, image, rows.index, rows.weight, columns.index, columns.weight)
        return result


@compiled
def _average(
    result: Float32,
    image: Float32,
    rows: npt.NDArray[np.intp],
    row_weights: Float32,
    columns: npt.NDArray[np.intp],
    column_weights: Float32,
) -> None:
    """Add up first along the columns of the fine picture, then along its rows."""
    width, depth = image.shape[1:]
    flat = image.reshape(-1, width * depth)
    tall = np.empty(width * depth, np.float32)
    for row in range(result.shape[0]):
        tall[:] = 0.0
        for tap in range(rows.shape[0]):
            weight, line = row_weights[tap, row], flat[rows[tap, row]]
            if weight > 0.0:
                for sample in range(tall.size):
                    tall[sample] += line[sample] * weight
        for column in range(result.shape[1]):
            for tap in range(columns.shape[0]):
                weight, start = column_weights[tap, column], columns[tap, column] * depth
                for channel in range(depth):
                    result[row, column, channel] += tall[start + channel] * weight


def _axis(offset: int, length: int, extent: int, count: int) -> _Axis:
    """Weigh fine pixels by how much of a coarse pixel they cover, along one axis.

    Parameters
    ----------
    offset, length : int
        First fine pixel that has data, from the start of the rectangle, and how many there are.
    extent, count : int
        Length of the rectangle in fine and in coarse pixels.
    """
    edges = np.arange(count + 1, dtype=np.float64) * extent / count
    first = np.floor(edges[:-1]).astype(np.intp)
    taps = int(np.max(np.ceil(edges[1:]).astype(np.intp) - first))
    fine = first[None, :] + np.arange(taps)[:, None]
    overlap = np.minimum(fine + 1, edges[1:]) - np.maximum(fine, edges[:-1])
    inside = (fine >= offset) & (fine < offset + length)
    weight = np.where(inside, np.maximum(overlap, 0.0), 0.0) * count / extent
    index = np.clip(fine - offset, 0, max(length - 1, 0))
    return _Axis(index, weight.astype(np.float32))
