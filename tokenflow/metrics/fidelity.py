"""What the edit leaves alone: structure, the picture itself, and what lies outside the matte.

Structure distance, weight-free: 1 minus the mean structural similarity (Wang et al. 2004; Gaussian
window of σ 1.5, K1 0.01, K2 0.03, range 1) of the gradient magnitudes of display luma, each divided
by its own 99th percentile, so that a change of contrast or colour counts little and edges that
appear, vanish or move count much. 0 is the plate's own structure.

PSNR: -10 log10 of the mean square between edit and plate through the view, over the whole shot, in
dB; with a matte also outside it alone.

Outside the matte: the samples of the files at full size where the matte is exactly 0 that are not
bit-identical to the plate's, and the largest difference there. 0 is what the product promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from tokenflow.metrics.clip import Clip
from tokenflow.metrics.warp_error import Mask

Float32 = npt.NDArray[np.float32]

_DISPLAY_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def structure_distance(clip: Clip, plate: Clip, numbers: Sequence[int]) -> float:
    """Return the mean over frames of 1 − SSIM of gradient magnitudes."""
    return float(
        np.mean(
            [
                1 - ssim(_edges(clip.display(number)), _edges(plate.display(number)))
                for number in numbers
            ]
        )
    )


def ssim(first: Float32, second: Float32) -> float:
    """Return the mean structural similarity of two pictures (h, w) in 0..1 (Wang et al. 2004)."""

    def blurred(picture: Float32) -> Float32:
        return np.asarray(cv2.GaussianBlur(picture, (11, 11), 1.5), np.float32)

    mean = [blurred(side) for side in (first, second)]
    spread = [
        blurred(side * side) - middle**2 for side, middle in zip((first, second), mean, strict=True)
    ]
    common = blurred(first * second) - mean[0] * mean[1]
    c1, c2 = 0.01**2, 0.03**2
    share = ((2 * mean[0] * mean[1] + c1) * (2 * common + c2)) / (
        (mean[0] ** 2 + mean[1] ** 2 + c1) * (spread[0] + spread[1] + c2)
    )
    return float(share.mean(dtype=np.float64))


def psnr(
    clip: Clip, plate: Clip, numbers: Sequence[int], where: Mapping[int, Mask] | None = None
) -> float | None:
    """Return the PSNR over a shot in dB, `inf` for equal pictures; None where no pixel counts.

    Parameters
    ----------
    where : (h, w) by frame, optional
        The pixels that count.
    """
    total, samples = 0.0, 0
    for number in numbers:
        squares = (clip.display(number) - plate.display(number)) ** 2
        chosen = squares if where is None else squares[where[number]]
        total, samples = total + float(chosen.sum(dtype=np.float64)), samples + chosen.size
    if not samples:
        return None
    return float(-10 * np.log10(total / samples)) if total else float("inf")


def changed_outside(edit: Float32, plate: Float32, matte: Float32) -> tuple[int, float]:
    """Count the samples (h, w, 3) that differ where the matte is 0, and their largest difference.

    Two NaN count as equal; NaN against a number is an infinite difference.
    """
    outside = matte == 0
    before, after = plate[outside], edit[outside]
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    gaps = np.abs(after[~same].astype(np.float64) - before[~same])
    largest = np.nan_to_num(gaps, nan=np.inf).max(initial=0.0)
    return int(np.count_nonzero(~same)), float(largest)


def _edges(display: Float32) -> Float32:
    """Return the gradient magnitude of display luma (h, w), about 0..1."""
    luma = cv2.GaussianBlur(display @ _DISPLAY_LUMA, (0, 0), 1.0)
    across, down = (cv2.Sobel(luma, cv2.CV_32F, *axis, ksize=3) for axis in ((1, 0), (0, 1)))
    size = np.hypot(across, down)
    return np.asarray(np.clip(size / max(float(np.percentile(size, 99)), 1e-6), 0, 1), np.float32)
