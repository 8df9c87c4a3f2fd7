"""Which pixels of two frames show the same thing."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tokenflow.deflicker.blur import blur
from tokenflow.deflicker.flow import FlowPair
from tokenflow.deflicker.settings import (
    MATCH_BLUR,
    MATCH_STOPS,
    OUTLIER_BLUR,
    OUTLIER_STOPS,
    PAIR_STOPS,
)
from tokenflow.deflicker.warp import Float32, Kernel, Mask, fetch, positions


def visible(flow: FlowPair) -> Mask:
    """Return where a pixel of the first frame is seen in the second, (h, w).

    |f + f'|² < 0.01 (|f|² + |f'|²) + 0.5 with f' the motion back from where f leads (Sundaram,
    Brox, Keutzer, ECCV 2010), in pixels of the flow grid; not outside the picture.
    """
    forward = flow.forward
    height, width = forward.shape[:2]
    place = positions(height, width) + forward
    x, y = place[..., 0], place[..., 1]
    # Written so that motion that is not a number counts as outside.
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    place = np.where(inside[..., None], place, np.float32(0))
    back = fetch(flow.backward, place, Kernel.LINEAR)
    with np.errstate(invalid="ignore", over="ignore"):
        squares = _square(forward) + _square(back)
        agrees = _square(forward + back) < 0.01 * squares + 0.5
    return np.asarray(inside & agrees)


_SAMPLES = 40_000
"""Enough for a median to within some thousandths of a stop."""


class Match(NamedTuple):
    """How well a neighbour matches.

    Attributes
    ----------
    weight : (h, w) float32
        1 where the neighbour shows the same thing, 0 where it does not.
    share : float
        Mean over the frame of a more generous weight, for the pair test.
    """

    weight: Float32
    share: float


def match(seen: Mask, plate_change: Float32, scale: float) -> Match:
    """Weigh pixels by how well the plate matches.

    w = v exp(-(e / 0.1)²), e the largest over the channels of |blur(q - median(q))|. The median
    lets a flash pass, the largest channel finds a silhouette that luma does not show, and the small
    blur finds a texture that does not fit while it averages grain.

    Parameters
    ----------
    seen : (h, w)
        From `visible`.
    plate_change : (h, w, 3)
        q = ℓ(P_t) - W ℓ(P_u), stops.
    scale : float
        Pixels of this grid per pixel of a picture 320 wide.
    """
    centred = plate_change - medians(plate_change, seen)
    error = _largest_square(blur(centred, MATCH_BLUR * scale))
    weight = np.where(seen, np.exp(error * np.float32(-1 / MATCH_STOPS**2)), np.float32(0))
    generous = np.where(seen, np.exp(error * np.float32(-1 / PAIR_STOPS**2)), np.float32(0))
    return Match(weight, float(generous.mean(dtype=np.float64)))


def inliers(residual: Float32, scale: float) -> Float32:
    """Return exp(-(r / 0.25)²) of what an excess leaves unexplained, (h, w, 3) stops to (h, w).

    Flicker is smooth or small; an excess that is neither comes from a wrong match, mostly at a
    silhouette, where the edit's contrast is not the plate's.
    """
    error = _largest_square(blur(residual, OUTLIER_BLUR * scale))
    return np.asarray(np.exp(error * np.float32(-1 / OUTLIER_STOPS**2)), dtype=np.float32)


def medians(picture: Float32, chosen: Mask) -> Float32:
    """Return the median of each channel over the chosen pixels, (3,); 0 where none is.

    Of a large picture every second or third row and column is looked at.
    """
    step = max(1, math.isqrt(chosen.size // _SAMPLES))
    samples = picture[::step, ::step][chosen[::step, ::step]]
    if not samples.size:
        return np.zeros(3, dtype=np.float32)
    return np.array([np.median(samples[:, channel]) for channel in range(3)], dtype=np.float32)


def _square(motion: Float32) -> Float32:
    return np.asarray(motion[..., 0] ** 2 + motion[..., 1] ** 2, dtype=np.float32)


def _largest_square(stops: Float32) -> Float32:
    """Largest square over the channels."""
    red, green, blue = (stops[..., channel] ** 2 for channel in range(3))
    return np.asarray(np.maximum(np.maximum(red, green), blue), dtype=np.float32)
