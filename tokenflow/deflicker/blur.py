"""Blurs that heed a weight, at reduced resolution."""

from __future__ import annotations

import math

import cv2
import numpy as np

from tokenflow.deflicker.warp import Float32, enlarge, shrink

_FLOOR = np.float32(1e-3)
"""Where hardly anything counts, a normalised blur goes to 0 instead of to noise."""


def blur(picture: Float32, sigma: float) -> Float32:
    """Blur a picture (h, w) or (h, w, c) with a Gaussian of `sigma` pixels; wide ones at a part."""
    step = max(1, int(sigma / 1.5))
    height, width = picture.shape[:2]
    small = shrink(picture, (math.ceil(height / step), math.ceil(width / step)))
    return enlarge(_gaussian(small, sigma / step), (height, width))


def normalised_blur(picture: Float32, weight: Float32, sigma: float) -> Float32:
    """Return G*(w x) / (G*w + 1e-3): a blur to which a pixel counts as much as its weight.

    Computed at a quarter of the blur's radius: averaged, blurred, divided, enlarged (design,
    section 4).

    Parameters
    ----------
    picture : (h, w, c)
    weight : (h, w)
    sigma : float
        In pixels.
    """
    height, width = weight.shape
    step = max(1, int(sigma / 4))
    size = (math.ceil(height / step), math.ceil(width / step))
    weighted = _gaussian(shrink(picture * weight[..., None], size), sigma / step)
    total = _gaussian(shrink(weight, size), sigma / step)
    return enlarge(weighted / (total + _FLOOR)[..., None], (height, width))


def _gaussian(picture: Float32, sigma: float) -> Float32:
    blurred = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.float32)
