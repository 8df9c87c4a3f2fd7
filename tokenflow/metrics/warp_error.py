"""Warp error: how much a picture changes along the plate's own motion (Lai et al., ECCV 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Motion:
    """Motion between two neighbouring frames of the plate.

    Attributes
    ----------
    forward : (h, w, 2)
        Where a point of the first frame lies in the second, minus where it lies: pixels, x right, y
        down.
    backward : (h, w, 2)
        The same from the second frame to the first.
    """

    forward: Float32
    backward: Float32


def warp(picture: Float32, motion: Float32) -> Float32:
    """Fetch `picture` (h, w, c) at each pixel plus `motion` (h, w, 2): bilinear, edges repeated."""
    height, width = motion.shape[:2]
    y, x = np.indices((height, width), dtype=np.float32)
    # -1 and 1 are the outer edges of the picture (align_corners=False).
    grid = np.stack(
        [(x + motion[..., 0] + 0.5) / width, (y + motion[..., 1] + 0.5) / height], axis=-1
    )
    fetched = functional.grid_sample(
        torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None],
        torch.from_numpy(grid * 2 - 1)[None],
        padding_mode="border",
        align_corners=False,
    )
    result: Float32 = fetched[0].permute(1, 2, 0).numpy()
    return result


def visible(motion: Motion) -> Mask:
    """Return where a pixel of the first frame is seen in the second and lies on no motion boundary.

    As `seen_again`; motion boundary: |∇u|² + |∇v|² > 0.01 |fw|² + 0.002, forward differences.
    """
    forward = motion.forward
    steps = [np.diff(forward, axis=axis, append=np.take(forward, [-1], axis)) for axis in (0, 1)]
    slope = sum((step**2).sum(-1) for step in steps)
    boundary = slope > 0.01 * (forward**2).sum(-1) + 0.002
    return np.asarray(seen_again(motion) & ~boundary)


def seen_again(motion: Motion) -> Mask:
    """Return where a pixel of the first frame is seen in the second, (h, w).

    Occluded: |warp(bw) + fw|² > 0.01 (|warp(bw)|² + |fw|²) + 0.5. Outside the picture: not seen.
    """
    forward = motion.forward
    back = warp(motion.backward, forward)
    squares = (back**2).sum(-1) + (forward**2).sum(-1)
    occluded = ((back + forward) ** 2).sum(-1) > 0.01 * squares + 0.5
    height, width = forward.shape[:2]
    y, x = np.indices((height, width), dtype=np.float32)
    x, y = x + forward[..., 0], y + forward[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return np.asarray(inside & ~occluded)


def warp_error(pictures: Sequence[Float32], motions: Sequence[Motion]) -> float:
    """Return the warp error of a clip.

    Parameters
    ----------
    pictures : (h, w, 3) each, display-referred, 0 to 1
    motions
        One less than pictures: from each picture to the next, of the plate.

    Returns
    -------
    float
        Mean over the pairs of Σ((warp − I)² m) / (3 Σm); a square of code values. Print it ×10³.

    Raises
    ------
    ValueError
        For fewer than two pictures, or another number of motions than pairs.
    """
    if len(pictures) < 2:
        raise ValueError("a warp error is between two pictures at least")
    errors = []
    for (first, second), motion in zip(pairwise(pictures), motions, strict=True):
        mask = visible(motion)
        squares = ((warp(second, motion.forward) - first) ** 2).sum(-1)
        errors.append(float(squares[mask].sum() / max(1, 3 * mask.sum())))
    return float(np.mean(errors))
