"""Grain: how strong it is in a plate, and the plate without it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ocio.compiled import compiled

Float32 = npt.NDArray[np.float32]

CORING = 3.0
"""Detail of so many standard deviations of the grain keeps half its amplitude in the guide."""

_NOISE_KEPT = 0.891
"""Share of the standard deviation of white noise in the residual of the 5 x 5 binomial."""


def without_grain(image: Float32) -> tuple[Float32, Float32]:
    """Smooth grain away and keep edges.

    What differs from a 5 x 5 binomial mean is damped by r^2 / (r^2 + (3 s)^2), with s the
    standard deviation of the grain (from the median of the absolute residual).

    Returns
    -------
    smooth : (h, w, n) float32
    grain : (n,) float32
        s per channel, in units of the image.
    """
    grain = measured_grain(image)
    return smoothed(image, grain, np.ones_like(grain)), grain


def measured_grain(image: Float32) -> Float32:
    """Measure the grain on every third row and column: its standard deviation per channel."""
    width, depth = image.shape[1:]
    residual = np.empty(image[::3, ::3].shape, np.float32)
    lines = np.empty((2, width * depth), np.float32)
    _residuals(residual, image.reshape(-1, width * depth), lines)
    middle = np.median(residual.reshape(-1, depth), axis=0, overwrite_input=True)
    return (middle * (1.4826 / _NOISE_KEPT)).astype(np.float32)


def smoothed(image: Float32, grain: Float32, scale: Float32) -> Float32:
    """Return the image without its grain, times a scale per channel."""
    floor = np.maximum(np.float32(CORING) * grain, np.float32(1e-6)) ** 2
    width, depth = image.shape[1:]
    smooth = np.empty(image.shape, np.float32)
    lines = np.empty((2, width * depth), np.float32)
    _damp(
        smooth.reshape(-1, width * depth),
        image.reshape(-1, width * depth),
        np.tile(floor, width),
        np.tile(scale, width),
        lines,
        depth,
    )
    return smooth


@compiled
def _binomial(
    a: np.float32, b: np.float32, c: np.float32, d: np.float32, e: np.float32
) -> np.float32:
    total = (a + e) + np.float32(4.0) * (b + d) + np.float32(6.0) * c
    return total * np.float32(1.0 / 16.0)


@compiled
def _binomial_at_border(across: Float32, sample: int, depth: int) -> np.float32:
    first = sample % depth
    final = across.size - depth + first
    return _binomial(
        across[max(sample - 2 * depth, first)],
        across[max(sample - depth, first)],
        across[sample],
        across[min(sample + depth, final)],
        across[min(sample + 2 * depth, final)],
    )


@compiled
def _binomial_row(across: Float32, blurred: Float32, image: Float32, row: int, depth: int) -> None:
    """Convolve one row with 1 4 6 4 1 both ways; the border pixel goes on outside."""
    last, size = image.shape[0] - 1, across.size
    a, b = image[max(row - 2, 0)], image[max(row - 1, 0)]
    c = image[row]
    d, e = image[min(row + 1, last)], image[min(row + 2, last)]
    for sample in range(size):
        across[sample] = _binomial(a[sample], b[sample], c[sample], d[sample], e[sample])
    for sample in range(2 * depth, size - 2 * depth):
        blurred[sample] = _binomial(
            across[sample - 2 * depth],
            across[sample - depth],
            across[sample],
            across[sample + depth],
            across[sample + 2 * depth],
        )
    start = min(2 * depth, size)
    end = max(start, size - 2 * depth)
    for sample in range(start):
        blurred[sample] = _binomial_at_border(across, sample, depth)
    for sample in range(end, size):
        blurred[sample] = _binomial_at_border(across, sample, depth)


@compiled
def _residuals(residual: Float32, image: Float32, lines: Float32) -> None:
    """Find how far pixels lie from the binomial mean; rows of ``image`` are flat."""
    depth = residual.shape[2]
    for row in range(residual.shape[0]):
        _binomial_row(lines[0], lines[1], image, 3 * row, depth)
        for column in range(residual.shape[1]):
            for channel in range(depth):
                sample = 3 * column * depth + channel
                residual[row, column, channel] = abs(image[3 * row, sample] - lines[1, sample])


@compiled
def _damp(
    smooth: Float32, image: Float32, floor: Float32, scale: Float32, lines: Float32, depth: int
) -> None:
    """Damp what differs from the binomial mean; rows are flat, ``lines`` is room for two."""
    for row in range(image.shape[0]):
        _binomial_row(lines[0], lines[1], image, row, depth)
        blurred, here, there = lines[1], image[row], smooth[row]
        for sample in range(here.size):
            residual = here[sample] - blurred[sample]
            square = residual * residual
            kept = blurred[sample] + residual * square / (square + floor[sample])
            there[sample] = kept * scale[sample]
