"""Edge-aware upsampling of an edit, guided by the plate.

Joint bilateral upsampling (Kopf et al., "Joint Bilateral Upsampling", SIGGRAPH 2007, equation 3)
with kernels of our own, of the local linear predictions of a guided filter. Each pixel is a
weighted mean over the 3 x 3 coarse pixels around it.

- The spatial weight has compact support, so that nothing depends on tiles.
- The range weight compares the plate's log colour at the pixel with the mean log colour of each
  coarse pixel. It falls off like 1 / (1 + q)^4 and never to zero, so that where nothing matches the
  nearest match counts, and no sum of weights vanishes.
- What is averaged is not the coarse value but where the local fit puts it at the pixel's own
  colour. Without this, motion blur and defocus come out in steps: between two coarse pixels the
  range weight alone switches from one to the other.
- The result stays within the values of those coarse pixels, so that nothing rings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ocio.compiled import compiled
from ocio.grain import measured_grain, smoothed
from ocio.resample import AreaGrid, Size
from ocio.window import Window

Float32 = npt.NDArray[np.float32]

EDGE_STOPS = 0.35
"""Difference in exposure of a channel at which the plate is taken to show another surface."""
GRAIN_WEIGHT = 2.0
"""Differences within so many standard deviations of the grain are no edge."""
FALL_OFF = 2
"""The range weight is 1 / (1 + q)^(2^FALL_OFF)."""
RIDGE = 2.0
"""Variance of the guide, in units of the range kernel, below which no slope is fitted."""


@dataclass(frozen=True)
class Guide:
    """The plate's log colour without its grain, in units of the range kernel.

    Attributes
    ----------
    fine : (h, w, 3) float32
        Of the data window.
    coarse : (height, width, 3) float32
        Its mean over each coarse pixel.
    coverage : (height, width) float32
        Share of each coarse pixel that has data.
    window, rectangle : Window
        The data window, and the rectangle that the coarse grid lies over.
    sigma : (3,) float32
        The unit of the range kernel in code of L.
    grain : tuple of float
        Standard deviation of the grain per channel, in stops.
    """

    fine: Float32
    coarse: Float32
    coverage: Float32
    window: Window
    rectangle: Window
    sigma: Float32
    grain: tuple[float, ...]

    def log_colour(self) -> Float32:
        """Return the plate's log colour without its grain, (h, w, 3) in code of L."""
        return self.fine * self.sigma


def make_guide(
    log_plate: Float32, stop: float, *, data_window: Window, rectangle: Window, size: Size
) -> Guide:
    """Make the guide of a frame.

    Parameters
    ----------
    log_plate : (h, w, 3) float32
        L of the plate, finite.
    stop : float
        One stop in code of L.
    size : (width, height) of the coarse grid
    """
    grain = measured_grain(log_plate)
    sigma = np.hypot(EDGE_STOPS * stop, GRAIN_WEIGHT * grain).astype(np.float32)
    smooth = smoothed(log_plate, grain, np.float32(1.0) / sigma)
    grid = AreaGrid(data_window, rectangle, size)
    mean = grid.average(smooth)
    mean /= np.maximum(grid.coverage[..., None], np.float32(1e-6))
    return Guide(
        fine=smooth,
        coarse=mean,
        coverage=grid.coverage,
        window=data_window,
        rectangle=rectangle,
        sigma=sigma,
        grain=tuple((grain / stop).tolist()),
    )


class GuidedUpsampling:
    """A coarse picture, ready to be brought to the plate's resolution along the plate's edges.

    Parameters
    ----------
    low : (height, width, 3) float32
        On the guide's coarse grid.
    guide : Guide
    """

    def __init__(self, low: Float32, guide: Guide) -> None:
        self._guide = guide
        there = guide.coverage[..., None] > 0.0
        self._floor = _over_3x3(np.minimum, np.where(there, low, np.float32(np.inf)))
        self._ceiling = _over_3x3(np.maximum, np.where(there, low, np.float32(-np.inf)))
        self._busy = _over_3x3(np.maximum, np.any(low != 0.0, axis=-1, keepdims=True))[..., 0]
        # What a tap needs lies in one place: colour and coverage, then for each channel its value
        # and its slopes.
        table = np.empty((*low.shape[:2], 16), np.float32)
        table[..., 0:3], table[..., 3] = guide.coarse, guide.coverage
        table[..., 4::4] = low
        slopes = _slopes(low, guide)
        for channel in range(3):
            table[..., 5 + 4 * channel : 8 + 4 * channel] = slopes[..., channel, :]
        self._table = table

    def of(self, window: Window) -> Float32:
        """Return the picture in a window within the guide's data window and rectangle.

        Returns
        -------
        (h, w, 3) float32
            Each pixel within the minimum and maximum of the 3 x 3 coarse pixels around it that have
            data: zero stays zero, a constant stays that constant, and nothing rings. Pixels do not
            depend on the window.
        """
        guide = self._guide
        result = np.zeros((window.height, window.width, 3), np.float32)
        rectangle, (height, width) = guide.rectangle, self._busy.shape
        rows = _taps(window.y - rectangle.y, window.height, rectangle.height, height)
        columns = _taps(window.x - rectangle.x, window.width, rectangle.width, width)
        _upsample(
            result,
            np.ascontiguousarray(guide.fine[window.slices_in(guide.window)]),
            self._table,
            self._busy,
            self._floor,
            self._ceiling,
            rows.index,
            rows.weight,
            columns.index,
            columns.weight,
        )
        return result


def guided_upsample(low: Float32, guide: Guide, *, window: Window | None = None) -> Float32:
    """Upsample at once what `GuidedUpsampling` gives window by window.

    Parameters
    ----------
    window : Window, optional
        Default: all that the guide's data window and rectangle share.
    """
    return GuidedUpsampling(low, guide).of(window or guide.window.intersection(guide.rectangle))


@compiled
def _upsample(
    result: Float32,
    fine: Float32,
    table: Float32,
    busy: npt.NDArray[np.bool_],
    floor: Float32,
    ceiling: Float32,
    rows: npt.NDArray[np.intp],
    row_weights: Float32,
    columns: npt.NDArray[np.intp],
    column_weights: Float32,
) -> None:
    """Take the weighted mean of the 3 x 3 predictions for each pixel, within their bounds."""
    one = np.float32(1.0)
    for y in range(result.shape[0]):
        for x in range(result.shape[1]):
            middle = rows[1, y], columns[1, x]
            if not busy[middle]:
                continue
            weights = red = green = blue = np.float32(0.0)
            for i in range(3):
                for j in range(3):
                    tap = table[rows[i, y], columns[j, x]]
                    a = fine[y, x, 0] - tap[0]
                    b = fine[y, x, 1] - tap[1]
                    c = fine[y, x, 2] - tap[2]
                    apart = a * a + b * b + c * c + one
                    for _ in range(FALL_OFF):
                        apart *= apart
                    weight = column_weights[j, x] * tap[3] / apart * row_weights[i, y]
                    weights += weight
                    red += weight * (tap[5] * a + tap[6] * b + tap[7] * c + tap[4])
                    green += weight * (tap[9] * a + tap[10] * b + tap[11] * c + tap[8])
                    blue += weight * (tap[13] * a + tap[14] * b + tap[15] * c + tap[12])
            if weights > 0.0:
                low, high = floor[middle], ceiling[middle]
                result[y, x, 0] = min(max(red / weights, low[0]), high[0])
                result[y, x, 1] = min(max(green / weights, low[1]), high[1])
                result[y, x, 2] = min(max(blue / weights, low[2]), high[2])


def _over_3x3(reduce: np.ufunc, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Reduce over 3 x 3 neighbours of (h, w, n); the border pixel goes on outside."""
    wide = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    tall = reduce(reduce(wide[:-2], wide[1:-1]), wide[2:])
    return np.ascontiguousarray(reduce(reduce(tall[:, :-2], tall[:, 1:-1]), tall[:, 2:]))


def _slopes(low: Float32, guide: Guide) -> Float32:
    """Fit, around each coarse pixel, how the picture changes with the guide.

    Ridge regression over 3 x 3 coarse pixels, as in the guided filter with a colour guide (He, Sun
    and Tang, "Guided Image Filtering", PAMI 2013, equation 19), weighted with the coverage.

    Returns
    -------
    (height, width, 3, 3) float32
        By channel of the picture, then of the guide.
    """
    slopes = np.empty((*low.shape[:2], 3, 3), np.float32)
    values = np.concatenate([guide.coarse, low], axis=-1, dtype=np.float64)
    _fit(slopes, values, np.maximum(guide.coverage.astype(np.float64), 1e-9))
    return slopes


@compiled
def _fit(
    slopes: Float32, values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> None:
    """Solve for the slopes of each coarse pixel; ``values`` are three of the guide, then of it."""
    height, width = weights.shape
    mean, moment = np.empty(6), np.empty((3, 6))
    for y in range(height):
        for x in range(width):
            total, mean[:], moment[:] = 0.0, 0.0, 0.0
            for row in range(y - 1, y + 2):
                for column in range(x - 1, x + 2):
                    at = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
                    total += weights[at]
                    for k in range(6):
                        weighted = weights[at] * values[at][k]
                        mean[k] += weighted
                        for i in range(3):
                            moment[i, k] += weighted * values[at][i]
            for i in range(3):
                for k in range(6):
                    moment[i, k] = moment[i, k] / total - mean[i] * mean[k] / (total * total)
                moment[i, i] += RIDGE
            # The inverse of a symmetric matrix by its cofactors; the ridge keeps it far from zero.
            a, b, c = moment[0, 0], moment[0, 1], moment[0, 2]
            d, e, f = moment[1, 1], moment[1, 2], moment[2, 2]
            g, h, m = d * f - e * e, c * e - b * f, b * e - c * d
            n, o, q = a * f - c * c, b * c - a * e, a * d - b * b
            scale = 1.0 / (a * g + b * h + c * m)
            for channel in range(3):
                r, s, t = moment[0, 3 + channel], moment[1, 3 + channel], moment[2, 3 + channel]
                slopes[y, x, channel, 0] = (g * r + h * s + m * t) * scale
                slopes[y, x, channel, 1] = (h * r + n * s + o * t) * scale
                slopes[y, x, channel, 2] = (m * r + o * s + q * t) * scale


@dataclass(frozen=True)
class _Taps:
    """Per fine pixel along an axis: its coarse pixel, the three around it and their weights."""

    centre: npt.NDArray[np.intp]
    index: npt.NDArray[np.intp]
    weight: Float32


def _taps(offset: int, length: int, extent: int, count: int) -> _Taps:
    """Spatial weights: linear at equal resolution, a quadratic B-spline from three times on.

    The linear kernel returns the coarse picture itself at equal resolution; the B-spline, smooth in
    its first derivative, shows no trace of the coarse grid at high factors.
    """
    position = (np.arange(length) + offset + 0.5) * count / extent - 0.5
    centre = np.floor(position + 0.5)
    f = position - centre
    linear = np.stack([np.maximum(-f, 0.0), 1.0 - np.abs(f), np.maximum(f, 0.0)])
    spline = np.stack([(0.5 - f) ** 2 / 2, 0.75 - f**2, (0.5 + f) ** 2 / 2])
    blend = min(max((extent / count - 1.0) / 2.0, 0.0), 1.0)
    weight = (1.0 - blend) * linear + blend * spline
    index = centre.astype(np.intp) + np.array([[-1], [0], [1]])
    return _Taps(centre.astype(np.intp), np.clip(index, 0, count - 1), weight.astype(np.float32))
