"""Small display-referred pictures of a result: frames, differences, slices over time."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image

Float32 = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

DIFFERENCE_GAIN = 4.0
"""How much a difference is brightened, so that small ones are seen."""

QUALITY = 88  # of JPEG, whose colour is kept at full size


def difference(edit: Float32, plate: Float32) -> Float32:
    """Return the absolute difference of two pictures, brightened by `DIFFERENCE_GAIN`."""
    return np.asarray(np.clip(np.abs(edit - plate) * DIFFERENCE_GAIN, 0, 1), dtype=np.float32)


def slice_over_time(pictures: Iterable[Float32], row: int, height: int) -> Float32:
    """Stack one row of every picture, the first on top, each repeated to `height` pixels.

    Flicker shows as stripes across, motion as slanted lines.
    """
    rows = np.stack([picture[row] for picture in pictures])
    return np.repeat(rows, height, axis=0)


def at_most(picture: Float32, width: int) -> Float32:
    """Return a picture (h, w, 3) averaged to a width, if it is wider."""
    if picture.shape[1] <= width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    planes = [
        Image.fromarray(np.ascontiguousarray(picture[..., channel])).resize(
            (width, height), Image.Resampling.BOX
        )
        for channel in range(3)
    ]
    return np.stack([np.asarray(plane, np.float32) for plane in planes], axis=-1)


def data_uri(picture: Float32, *, lossless: bool = True) -> str:
    """Return a picture in 0..1 as a `data:` address, so that a page stands alone.

    PNG, or JPEG for photographs whose grain would make a PNG large.
    """
    pixels: Pixels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    if lossless:
        image.save(buffer, format="PNG", optimize=True)
    else:
        image.save(buffer, format="JPEG", quality=QUALITY, subsampling=0)
    kind = "png" if lossless else "jpeg"
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
