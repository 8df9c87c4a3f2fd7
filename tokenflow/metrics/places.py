"""Values of a picture at places between its pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


def at(planes: Float32, places: Float32) -> Float32:
    """Fetch planes (h, w, n) at places (points, 2) of x, y in pixels, bilinear: (points, n)."""
    x, y = (np.ascontiguousarray(places[None, :, axis], np.float32) for axis in (0, 1))
    fetched = cv2.remap(planes, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(fetched, np.float32).reshape(len(places), -1)


def box_mean(planes: Float32, side: int) -> Float32:
    """Return the mean of planes (h, w) or (h, w, n) over squares of `side` pixels round each."""
    return np.asarray(cv2.blur(planes, (side, side)), np.float32)
