"""Silhouettes: flicker of the edit round the outline of a matte, where all methods are weakest.

The edit is taken as its difference to the plate in stops, d = log2(E + 2^-8) - log2(P + 2^-8), and
compared along the plate's motion from frame to frame, where the same point is seen in both. The
error is the root mean square of d_t - warp(d_{t+1}) over three channels, in a band of 3 pixels (at
320 of width) on each side of the outline; beside it the ratio to the same inside the matte, away
from the band. Motion boundaries are not masked out here: they are what this is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from tokenflow.metrics.clip import Clip
from tokenflow.metrics.flicker import Followed
from tokenflow.metrics.warp_error import Mask, seen_again, warp

Float32 = npt.NDArray[np.float32]

REACH = 3.0  # pixels on each side of the outline at a width of 320


def outline(matte: Float32, reach: int) -> tuple[Mask, Mask]:
    """Return the band round the outline of a matte (h, w), and what lies inside without it."""
    solid = (matte >= 0.5).astype(np.uint8)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    grown, shrunk = cv2.dilate(solid, kernel), cv2.erode(solid, kernel)
    return (grown > 0) & (shrunk == 0), shrunk > 0


def silhouette_error(
    clip: Clip, plate: Clip, mattes: Mapping[int, Float32], numbers: Sequence[int], moved: Followed
) -> tuple[float, float] | None:
    """Return the error in stops and its ratio to the interior's; None without an outline.

    Parameters
    ----------
    mattes : (h, w) by frame
    moved
        Gives the motion between two frames; its mask is not used.
    """
    sums = np.zeros((2, 2))  # band and interior: sum of squares, samples
    reach = max(1, round(REACH * plate.display(numbers[0]).shape[1] / 320))
    for first, second in pairwise(numbers):
        motion, _ = moved(first, second)
        edits = [clip.stops(number) - plate.stops(number) for number in (first, second)]
        squares = ((edits[0] - warp(edits[1], motion.forward)) ** 2).mean(-1)
        seen = seen_again(motion)
        for row, where in enumerate(outline(mattes[first], reach)):
            chosen = where & seen
            sums[row] += squares[chosen].sum(dtype=np.float64), chosen.sum()
    if not sums[:, 1].all():
        return None
    band, interior = np.sqrt(sums[:, 0] / sums[:, 1])
    return float(band), _ratio(band, interior)


def _ratio(band: float, interior: float) -> float:
    """Return the ratio of two errors; 1 where there is none at all."""
    if interior > 0:
        return float(band / interior)
    return float("inf") if band > 0 else 1.0
