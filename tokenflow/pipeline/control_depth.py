"""Depth as a ControlNet takes it: inverse depth from 0 to 1, the near bright, one range per shot.

Pictures of depth estimators, which depth ControlNets are trained on, are such inverse depths. An
estimator scales every picture by itself; over a shot that flickers, so the range is the shot's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_STRAY = 0.5  # percent of a frame's pixels at either end that do not stretch the range
_FLAT = 1e-4  # a range narrower than this share of its end is rounding, and not to be drawn


@dataclass(frozen=True)
class DepthRange:
    """Inverse depths in 1/m that are drawn black (`far`) and white (`near`)."""

    far: float
    near: float

    @classmethod
    def over(cls, frames: Iterable[Floats]) -> DepthRange:
        """Range of all frames of inverse depth, but for a few stray pixels of each."""
        ends = (np.percentile(inverse, (_STRAY, 100 - _STRAY)) for inverse in frames)
        return cls.around(cls(float(far), float(near)) for far, near in ends)

    @classmethod
    def around(cls, ranges: Iterable[DepthRange]) -> DepthRange:
        """Range that holds some ranges; nothing at all for none."""
        found = list(ranges)
        far = min((one.far for one in found), default=0.0)
        return cls(far, max((one.near for one in found), default=0.0))


def inverse_depth(z: NDArray[np.floating]) -> Floats:
    """Return 1/z, shape as `z`, of depths in metres along the view axis.

    What has no depth, as infinity, NaN, zero or a negative number, is infinitely far: renderers
    write one or another of them where a ray hits nothing.
    """
    z = np.asarray(z, dtype=np.float32)
    seen = np.isfinite(z) & (z > 0)
    inverse: Floats = np.zeros_like(z)
    np.divide(1, z, out=inverse, where=seen)
    return inverse


def draw_depth(inverse: Floats, depth_range: DepthRange) -> Floats:
    """Return inverse depth (h, w) within 0 (far) to 1 (near); a flat shot is black throughout."""
    span = depth_range.near - depth_range.far
    if span <= _FLAT * depth_range.near:
        return np.zeros_like(inverse)
    return np.asarray(np.clip((inverse - depth_range.far) / span, 0, 1), dtype=np.float32)
