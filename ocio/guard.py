"""The highlight guard: where a view hardly tells bright levels apart, an edit of them is noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

GAIN_START = 0.15
"""Gain (relative change of light for 0.01 code) at which the guard begins."""
GAIN_END = 0.60
"""Gain from which the guard is flat."""


@dataclass(frozen=True)
class HighlightGuard:
    """G: identity up to ``start``, flat from ``end``; both in code of L, per channel.

    With t = (x - start) / (end - start), G = start + (end - start) (t - t^3 + t^4 / 2): slope 1 at
    the start, 0 at the end, and never above half the way between them. The edited and the
    reference picture both pass through G, so that no edit stays no edit.

    Attributes
    ----------
    start_level, end_level : float
        The same two points in scene-linear light, for the report.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    start_level: float
    end_level: float

    def __call__(self, code: Float32) -> Float32:
        """Return G of log code (..., 3)."""
        start = np.asarray(self.start, np.float32)
        span = np.asarray(self.end, np.float32) - start
        t = np.clip((code - start) / span, 0.0, 1.0)
        bent = start + span * (t - t**3 + t**4 / 2)
        return np.where(code <= start, code, bent).astype(np.float32)


def guard_levels(
    levels: npt.ArrayLike,
    gain: npt.ArrayLike,
    thresholds: tuple[float, float] = (GAIN_START, GAIN_END),
) -> tuple[float, float] | None:
    """Find where the gain passes the two thresholds, going up from mid grey.

    Parameters
    ----------
    levels : (n,) scene-linear light, ascending
    gain : (n,) relative change of light for an error of 0.01 code

    Returns
    -------
    tuple of float, or None
        None where the gain never passes the first threshold.
    """
    level, curve = np.asarray(levels, np.float64), np.asarray(gain, np.float64)
    start, end = (_crossing(level, curve, threshold) for threshold in thresholds)
    if start is None:
        return None
    return start, end if end is not None and end > start else float(level[-1])


def _crossing(
    level: npt.NDArray[np.float64], gain: npt.NDArray[np.float64], threshold: float
) -> float | None:
    above = np.flatnonzero((level >= 0.18) & (gain > threshold))
    if not above.size:
        return None
    index = int(above[0])
    if index == 0 or gain[index - 1] >= threshold or not np.isfinite(gain[index]):
        return float(level[index])
    share = (threshold - gain[index - 1]) / (gain[index] - gain[index - 1])
    return float(level[index - 1] + share * (level[index] - level[index - 1]))
