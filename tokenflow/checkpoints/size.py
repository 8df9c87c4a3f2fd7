"""The resolution that a model works at for a plate of any size."""

from __future__ import annotations

import math

from tokenflow.errors import InvalidJob

ASPECT_TOLERANCE = 0.01
"""Relative error of the aspect that nobody sees; within it the area decides."""

_LEAST_LATENT = 4
_AREA_RANGE = (0.7, 1.3)


def model_size(
    native_area: int, factor: int, plate_width: float, plate_height: float
) -> tuple[int, int]:
    """Return the model's resolution for a plate: its aspect, at the area the model was trained on.

    Of all sizes that are whole latents and whose area is within 30 % of the native one, those
    whose aspect is within 1 % of the plate's come first; if there is none, those of the nearest
    aspect. Of these the one of the nearest area is taken.

    Parameters
    ----------
    native_area
        Pixels (width times height) that the checkpoint was trained on.
    factor
        Pixels per latent along each side, 8 for Stable Diffusion.
    plate_width, plate_height
        The plate's size in square pixels: with a pixel aspect of 2, twice the width in samples.

    Returns
    -------
    tuple[int, int]
        Width and height in pixels, multiples of `factor`.
    """
    aspect = plate_width / plate_height
    area = native_area / factor**2
    smallest, largest = (
        max(_LEAST_LATENT, math.floor(math.sqrt(area * part / aspect))) for part in _AREA_RANGE
    )
    candidates = [
        (max(_LEAST_LATENT, width), height)
        for height in range(smallest, largest + 2)
        for width in (math.floor(height * aspect), math.ceil(height * aspect))
    ]

    def share(size: tuple[int, int]) -> float:
        return size[0] * size[1] / area

    def distance(size: tuple[int, int]) -> tuple[bool, float, float]:
        aspect_error = abs(size[0] / size[1] / aspect - 1)
        poor = aspect_error > ASPECT_TOLERANCE
        return poor, aspect_error if poor else 0.0, abs(math.log(share(size)))

    # A strip so long that its latents would be a line has no size within the range.
    within = [size for size in candidates if _AREA_RANGE[0] <= share(size) <= _AREA_RANGE[1]]
    width, height = min(within or candidates, key=distance)
    return width * factor, height * factor


def check_size(width: int, height: int, factor: int) -> None:
    """Raise `InvalidJob` unless a size asked for consists of whole latents."""
    if width % factor or height % factor or min(width, height) < _LEAST_LATENT * factor:
        near = [max(_LEAST_LATENT, round(side / factor)) * factor for side in (width, height)]
        raise InvalidJob(
            f"the checkpoint takes sizes in multiples of {factor}, and {width}x{height} is none",
            hint=f"Nearest is {near[0]}x{near[1]}.",
        )
