"""Sharpness: the gradient energy of the edit over that of the plate.

The energy is the mean square of the forward differences of log luma, in stops per pixel of the
measured size, over the whole shot. Below 1 detail was lost, above 1 noise or texture was added. An
edit that asks for another texture changes it honestly; a pass that should change none (deflicker)
belongs within 0.97 to 1.03 of its own input.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tokenflow.metrics.clip import Clip

Float32 = npt.NDArray[np.float32]


def gradient_energy(luma: Float32) -> float:
    """Return the mean square of the forward differences of a picture (h, w)."""
    down, right = np.diff(luma, axis=0), np.diff(luma, axis=1)
    return float((down**2).mean(dtype=np.float64) + (right**2).mean(dtype=np.float64))


def sharpness_ratio(clip: Clip, base: Clip, numbers: Sequence[int]) -> float | None:
    """Return the ratio over a shot; None where the base is flat."""
    energy = sum(gradient_energy(clip.log_luma(number)) for number in numbers)
    reference = sum(gradient_energy(base.log_luma(number)) for number in numbers)
    return energy / reference if reference > 0 else None
