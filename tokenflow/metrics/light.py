"""Light that really changes: whether flashes and slow changes of the plate are in the edit.

The mean log luma of a frame, in stops, is followed over the shot. Flash: the plate's largest step
between two frames; kept is the edit's step there over the plate's. Slow light: the slope of the
edit's mean log luma on the plate's over the whole shot (least squares). 1 is ideal for both. A
plate whose largest step, or whose deviation over the shot, is under 0.05 stop has nothing to keep.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tokenflow.metrics.clip import Clip

Float64 = npt.NDArray[np.float64]

LEAST = 0.05  # stops


def mean_light(clip: Clip, numbers: Sequence[int]) -> Float64:
    """Return the mean log luma of frames in stops, (frames,)."""
    return np.array([clip.log_luma(number).mean(dtype=np.float64) for number in numbers])


def flash_kept(edit: Float64, plate: Float64) -> float | None:
    """Return the edit's share of the plate's largest step; None where the plate has no flash."""
    steps = np.diff(plate)
    if not len(steps) or np.abs(steps).max() < LEAST:
        return None
    at = int(np.abs(steps).argmax())
    return float(np.diff(edit)[at] / steps[at])


def slow_light_kept(edit: Float64, plate: Float64) -> float | None:
    """Return the slope of the edit's light on the plate's; None where the plate's stays."""
    if len(plate) < 3 or plate.std() < LEAST:
        return None
    centred = plate - plate.mean()
    return float((centred @ (edit - edit.mean())) / (centred @ centred))
