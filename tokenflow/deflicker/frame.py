"""One frame made ready for the filter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from tokenflow.deflicker.settings import CONTRAST_STOPS, WIDTH, Settings
from tokenflow.deflicker.stops import to_stops
from tokenflow.deflicker.warp import Float32, Mask, Size, shrink

_WIDEST_GRID = 720
"""HD has its motion and weights at a third of its size: half the time of a half, same interior,
silhouettes 3 % worse (decision 0014)."""

_GUARD = 3
"""A sample that is no number spoils so many grid pixels round it: the reach of a cubic fetch."""


@dataclass(frozen=True)
class Picture:
    """What the filter reads of a frame.

    Attributes
    ----------
    edit : (h, w, 3) float32
        Form delta: the edit in stops. Otherwise the edited picture, scene-linear.
    plate : (h, w, 3) float32
        Scene-linear, same size.
    matte : (h, w) float32 in 0..1, optional
        Where the edit counts.
    """

    edit: Float32
    plate: Float32
    matte: Float32 | None = None


@dataclass(frozen=True)
class Counts:
    """What the edit held, in samples; `plate_not_finite` is of the plate."""

    nan: int
    infinite: int
    negative: int
    plate_not_finite: int


@dataclass(frozen=True)
class Frame:
    """A picture in the forms that the filter needs, all finite.

    Attributes
    ----------
    edit : (h, w, 3)
        As it was read.
    signal : (h, w, 3)
        What is to be steady along the plate's motion, stops: the edit, ℓ(E) - ℓ(P), or ℓ(E).
    signal_low, plate_low : (grid height, grid width, 3)
        The signal and ℓ(P) on the grid of motion and weights.
    fixed : (h, w, 3) bool
        Samples that are never corrected: not edited, or no numbers.
    spoilt : (grid height, grid width) bool, optional
        Where a sample of edit or plate is no number, with a margin; none if all are.
    matte, matte_low
        At full size and on the grid.
    """

    edit: Float32
    signal: Float32
    signal_low: Float32
    plate_low: Float32
    fixed: Mask
    calm: Float32
    spoilt: Mask | None
    matte: Float32 | None
    matte_low: Float32 | None
    counts: Counts

    @property
    def size(self) -> Size:
        """Height and width."""
        height, width = self.edit.shape[:2]
        return height, width

    @property
    def grid(self) -> Size:
        """Height and width of the grid of motion and weights."""
        height, width = self.plate_low.shape[:2]
        return height, width


def grid_size(size: Size, full_width: int) -> Size:
    """Return the grid of motion and weights: the picture's own, or a whole part of a large one."""
    step = math.ceil(full_width / _WIDEST_GRID)
    return math.ceil(size[0] / step), math.ceil(size[1] / step)


def radius_scale(frame: Frame, settings: Settings) -> float:
    """Return how many pixels of the grid a pixel of a picture 320 wide is."""
    width = frame.size[1]
    return (settings.full_width or width) / WIDTH * (frame.grid[1] / width)


def prepare(picture: Picture, settings: Settings) -> Frame:
    """Make a frame ready.

    Raises
    ------
    ValueError
        If edit, plate and matte differ in size.
    """
    edit, plate = picture.edit, picture.plate
    if edit.shape != plate.shape or (
        picture.matte is not None and picture.matte.shape != edit.shape[:2]
    ):
        raise ValueError(f"edit {edit.shape}, plate {plate.shape} and matte differ in size")
    height, width = edit.shape[:2]
    grid = grid_size((height, width), settings.full_width or width)
    good_edit, good_plate = np.isfinite(edit), np.isfinite(plate)
    clean_edit = edit if good_edit.all() else np.where(good_edit, edit, np.float32(0))
    clean_plate = plate if good_plate.all() else np.where(good_plate, plate, np.float32(0))
    signal = _signal(clean_edit, clean_plate, settings)
    unedited = np.equal(edit, 0 if settings.form == "delta" else plate)
    return Frame(
        edit=edit,
        signal=signal,
        signal_low=shrink(signal, grid),
        plate_low=to_stops(shrink(clean_plate, grid)),
        fixed=unedited | ~good_edit,
        calm=calm(shrink(signal, grid)),
        spoilt=_spoilt(np.all(good_edit & good_plate, axis=-1), grid),
        matte=picture.matte,
        matte_low=None if picture.matte is None else shrink(picture.matte, grid),
        counts=Counts(
            nan=int(np.isnan(edit).sum()),
            infinite=int(np.isinf(edit).sum()),
            negative=0 if settings.form == "delta" else int((edit < 0).sum()),
            plate_not_finite=int(good_plate.size - good_plate.sum()),
        ),
    )


def _signal(edit: Float32, plate: Float32, settings: Settings) -> Float32:
    if settings.form == "delta":
        return edit
    if settings.form == "bare":
        return to_stops(edit)
    # Where edit and plate are the same bit for bit this is exactly 0.
    return to_stops(edit) - to_stops(plate)


def _spoilt(good: Mask, grid: Size) -> Mask | None:
    if good.all():
        return None
    bad = shrink((~good).astype(np.float32), grid) > 0
    reach = np.ones((2 * _GUARD + 1, 2 * _GUARD + 1), dtype=np.uint8)
    return np.asarray(cv2.dilate(bad.astype(np.uint8), reach), dtype=bool)


def calm(signal: Float32) -> Float32:
    """Return 1 where a signal (h, w, 3) in stops is even, 0 where its contrast is extreme, (h, w).

    exp(-(c / 4)^4), c the largest difference within 9 pixels. What is fetched along motion errs in
    proportion to the contrast round it: a small lamp at 40 would grow a ring.
    """
    reach = np.ones((9, 9), dtype=np.uint8)
    contrast = (cv2.dilate(signal, reach) - cv2.erode(signal, reach)).max(axis=-1)
    return np.asarray(np.exp(-((contrast * np.float32(1 / CONTRAST_STOPS)) ** 4)), dtype=np.float32)
