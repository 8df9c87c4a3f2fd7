"""Motion fidelity: whether points of the edit travel as points of the plate do.

After Yatim et al., CVPR 2024 (Space-Time Diffusion Features, section 4), with dense flow in place
of a learned point tracker, so figures do not compare with those of a tracker: points on a grid are
followed through up to 16 frames along DIS flow, in the plate and in the edit each along its own.
The correlation of two tracks is the mean over frames of the cosine between their steps, standing
still counting as equal to standing still. The fidelity is half of: the mean over the edit's tracks
of their best correlation with the plate's, and the same the other way round. 1 is ideal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from tokenflow.deflicker.flow import DisFlow
from tokenflow.metrics.clip import Clip
from tokenflow.metrics.places import at

Float32 = npt.NDArray[np.float32]

POINTS = 16  # along the longer side
FRAMES = 16
STILL = 0.3  # pixels of a step that no flow of noisy pictures tells from none


def tracks(clip: Clip, numbers: Sequence[int]) -> Float32:
    """Follow a grid of points; returns their steps (points, frames - 1, 2) in pixels."""
    height, width = clip.display(numbers[0]).shape[:2]
    gap = max(height, width) / POINTS
    x = np.arange(gap / 2, width, gap, dtype=np.float32)
    y = np.arange(gap / 2, height, gap, dtype=np.float32)
    here = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
    search, steps = DisFlow(), []
    for first, second in pairwise(numbers[:FRAMES]):
        flow = cv2.GaussianBlur(search.pair(first, second, clip.linear).forward, (0, 0), 1.5)
        step = at(np.asarray(flow, np.float32), here)
        steps.append(step)
        here = here + step
    return np.stack(steps, axis=1)


def fidelity(edit: Float32, plate: Float32) -> float:
    """Return the motion fidelity of two sets of tracks (points, steps, 2)."""
    correlation = np.mean(
        [_cosines(edit[:, step], plate[:, step]) for step in range(edit.shape[1])], axis=0
    )
    return float((correlation.max(axis=1).mean() + correlation.max(axis=0).mean()) / 2)


def _cosines(first: Float32, second: Float32) -> Float32:
    """Return the cosine of each step (n, 2) with each step (m, 2)."""
    lengths = [np.linalg.norm(side, axis=1) for side in (first, second)]
    units = [
        side / np.maximum(length, 1e-6)[:, None]
        for side, length in zip((first, second), lengths, strict=True)
    ]
    cosines = units[0] @ units[1].T
    still = [length < STILL for length in lengths]
    cosines[np.logical_or.outer(still[0], still[1])] = 0.0
    cosines[np.logical_and.outer(still[0], still[1])] = 1.0
    return np.asarray(cosines, np.float32)
