"""The merge: how an edit made at the model's resolution gets into the plate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ocio.compiled import compiled
from ocio.encoding import Encoding
from ocio.errors import NonFiniteResult
from ocio.resample import Size, proxy
from ocio.upsample import Guide, GuidedUpsampling, guided_upsample, make_guide
from ocio.window import EditRectangle, Window

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

CAP_STOPS = 6.0
"""Most that an edit may brighten or darken a sample, in stops."""

BAND_PIXELS = 1 << 16
"""Pixels merged at a time."""


@dataclass(frozen=True)
class MergeCounts:
    """What a merge met, in samples.

    Attributes
    ----------
    nan, infinite, negative : int
        Of the plate.
    capped : int
        Whose edit was limited to the cap.
    touched : int
        That were changed.
    samples : int
        In all.
    """

    nan: int
    infinite: int
    negative: int
    capped: int
    touched: int
    samples: int


@dataclass(frozen=True)
class Placement:
    """Where an edit goes into a plate, and how much of it.

    Attributes
    ----------
    rectangle : EditRectangle
        What the model saw.
    data_window : Window, optional
        Where the plate lies; default: over the rectangle exactly.
    matte : (h, w) float32 in 0..1, optional
        Multiplies the edit.
    alpha : (h, w) float32, optional
        Pixels with alpha 0 are not touched, the others are edited unpremultiplied.
    strength : float
        Multiplies the edit.
    """

    rectangle: EditRectangle
    data_window: Window | None = None
    matte: Float32 | None = None
    alpha: Float32 | None = None
    strength: float = 1.0


class Merged(NamedTuple):
    """Result of a merge: (h, w, 3) float32, (h, w, 3) bool of changed samples, and counts.

    Samples that are not touched are those of the plate.
    """

    rgb: Float32
    touched: Mask
    counts: MergeCounts


def delta(encoding: Encoding, edited: Float32, reference: Float32) -> Float32:
    """Return the edit as a difference in the log space, behind the highlight guard.

    Parameters
    ----------
    edited, reference : (h, w, 3) float32 in 0..1
        The picture of the edited path and of the same path without the edit.

    Returns
    -------
    (h, w, 3) float32
        In code of L; exactly 0 where both pictures are the same bit for bit, since both take the
        same way.
    """
    sides = [encoding.log.forward(encoding.decode(side)) for side in (edited, reference)]
    if encoding.guard is not None:
        sides = [encoding.guard(side) for side in sides]
    difference = sides[0] - sides[1]
    if not np.isfinite(difference).all():
        raise NonFiniteResult("the edit has values that are not finite")
    return difference


def merge_delta(
    plate: Float32,
    delta_low: Float32,
    encoding: Encoding,
    placement: Placement,
    *,
    cap_stops: float = CAP_STOPS,
) -> Merged:
    """Put an edit into the plate: out = P + (L'(L(P) + D) - L'(L(P))), and P where D is 0.

    The difference form returns P exactly for an edit that rounds to nothing; the select keeps -0.0,
    NaN and infinities as they are.

    Parameters
    ----------
    plate : (h, w, 3) float32
        Of the data window, in the plate's space; premultiplied where it has an alpha.
    delta_low : (height, width, 3) float32
        From `delta`, over the rectangle, at the model's resolution.
    cap_stops : float
        Most that a sample is brightened or darkened.

    Raises
    ------
    NonFiniteResult
    """
    area = _Area.of(plate, placement)
    weight = area.weight
    if not delta_low.any() or not weight.any():
        return _merged(plate, plate.copy(), 0)
    log_plate, guide = _guide(area, _straight(area), encoding, delta_low)
    upsampling = GuidedUpsampling(delta_low, guide)
    cap = float(np.float32(cap_stops * encoding.log.stop))
    rgb, capped = plate.copy(), 0
    for window, rows in _bands(area.window):
        change = upsampling.of(window)
        capped += _limit(change, weight[rows], cap)
        if change.any():
            before = log_plate[rows]
            difference = encoding.log.inverse(before + change)
            difference -= encoding.log.inverse(before)
            if area.alpha is not None:
                with np.errstate(invalid="ignore"):  # impossible alphas, where nothing changes
                    difference *= area.alpha[rows][..., None]
            _add(rgb[area.inside][rows], difference, change)
    return _merged(plate, rgb, capped)


def _bands(window: Window) -> Iterator[tuple[Window, slice]]:
    """Divide a window into bands of rows that stay in a processor's cache."""
    height = max(1, BAND_PIXELS // window.width)
    for start in range(0, window.height, height):
        end = min(start + height, window.height)
        band = Window(window.x, window.y + start, window.width, end - start)
        yield band, slice(start, end)


@compiled
def _limit(change: Float32, weight: Float32, cap: float) -> int:
    """Weigh a change and limit it; return how many samples were limited."""
    capped = 0
    for row in range(change.shape[0]):
        for column in range(change.shape[1]):
            for channel in range(3):
                weighted = change[row, column, channel] * weight[row, column]
                if abs(weighted) > cap:
                    capped += 1
                    weighted = cap if weighted > 0.0 else -cap
                change[row, column, channel] = weighted
    return capped


@compiled
def _add(rgb: Float32, difference: Float32, change: Float32) -> None:
    """Add a difference where there is a change; all other samples keep their bits."""
    for row in range(rgb.shape[0]):
        for column in range(rgb.shape[1]):
            for channel in range(3):
                if change[row, column, channel] != 0.0:
                    rgb[row, column, channel] += difference[row, column, channel]


def merge_replace(
    plate: Float32,
    edited_low: Float32,
    encoding: Encoding,
    placement: Placement,
    *,
    regrain: bool = False,
) -> Merged:
    """Put the model's own picture over the plate: out = mix(P, dec(up E'), w M).

    No light above the range of the encoding survives where the matte is 1, and none of the plate's
    grain unless ``regrain`` puts it back.

    Parameters
    ----------
    edited_low : (height, width, 3) float32 in 0..1
        The picture of the edited path.
    regrain : bool
        Add what the plate has in log and its smoothed self has not.

    Other parameters as in `merge_delta`.
    """
    area = _Area.of(plate, placement)
    weight = np.minimum(area.weight, np.float32(1.0))
    where = weight > 0.0
    if not where.any():
        return _merged(plate, plate.copy(), 0)
    log_plate, guide = _guide(area, area.plate, encoding, edited_low)
    new = encoding.decode(guided_upsample(edited_low, guide)[where])
    if regrain:
        grain = (log_plate - guide.log_colour())[where]
        new = encoding.log.inverse(encoding.log.forward(new) + grain)
    share = weight[where][:, None]
    old = area.plate[where]
    rgb = plate.copy()
    rgb[area.inside][where] = np.where(share >= 1.0, new, old + (new - old) * share)
    return _merged(plate, rgb, 0)


@dataclass(frozen=True)
class _Area:
    """What the plate and the rectangle share, and how much of the edit each of its pixels takes.

    Attributes
    ----------
    inside : tuple of slice
        Its place in the plate's arrays.
    weight : (h, w) float32
        Strength times matte times the fade at the border of the rectangle; 0 on pixels that cannot
        be edited.
    """

    window: Window
    rectangle: Window
    inside: tuple[slice, slice]
    plate: Float32
    alpha: Float32 | None
    weight: Float32

    @classmethod
    def of(cls, plate: Float32, placement: Placement) -> _Area:
        rectangle, matte, alpha = placement.rectangle, placement.matte, placement.alpha
        whole = placement.data_window or rectangle.window
        window = whole.intersection(rectangle.window)
        inside = window.slices_in(whole)
        weight = rectangle.fade(window)
        if matte is not None:
            weight *= np.clip(matte[inside], 0.0, 1.0)
        _leave_broken(weight, plate[inside])
        if alpha is not None:
            alpha = alpha[inside]
            usable = alpha > 0.0
            usable &= alpha < np.inf
            if not usable.all():
                weight[~usable] = 0.0
            alpha = None if (alpha == 1.0).all() else alpha
        weight *= np.float32(placement.strength)
        return cls(window, rectangle.window, inside, plate[inside], alpha, weight)


@compiled
def _leave_broken(weight: Float32, plate: Float32) -> None:
    """Let pixels with NaN or infinities take nothing."""
    for row in range(weight.shape[0]):
        for column in range(weight.shape[1]):
            for channel in range(3):
                if not np.isfinite(plate[row, column, channel]):
                    weight[row, column] = 0.0


def _straight(area: _Area) -> Float32:
    """Return the plate without its premultiplication, where there is one to undo."""
    if area.alpha is None:
        return area.plate
    divisor = np.where(area.weight > 0.0, area.alpha, np.float32(1.0))
    return np.asarray(area.plate / divisor[..., None], np.float32)


def _guide(area: _Area, plate: Float32, encoding: Encoding, low: Float32) -> tuple[Float32, Guide]:
    """Return L of the plate and the guide made of it, for a picture of the shape of ``low``."""
    size = (low.shape[1], low.shape[0])
    log_plate = encoding.log.forward(_finite(area, plate, size))
    guide = make_guide(
        log_plate,
        encoding.log.stop,
        data_window=area.window,
        rectangle=area.rectangle,
        size=size,
    )
    return log_plate, guide


def _finite(area: _Area, plate: Float32, size: Size) -> Float32:
    """Replace NaN and infinities by the mean around them, so that they guide nothing."""
    finite = np.isfinite(plate)
    if finite.all():
        return plate
    mean = proxy(plate, area.rectangle, size, data_window=area.window)
    rows, columns = np.nonzero(~finite.all(axis=-1))
    down = (rows + area.window.y - area.rectangle.y) * size[1] // area.rectangle.height
    right = (columns + area.window.x - area.rectangle.x) * size[0] // area.rectangle.width
    filled = plate.copy()
    filled[rows, columns] = mean[down, right]
    return filled


def _merged(plate: Float32, rgb: Float32, capped: int) -> Merged:
    """Find what changed; a sample that comes out equal keeps its bits, NaN and -0.0 included."""
    touched = np.empty(rgb.shape, np.bool_)
    nan, infinite, negative, changed, broken = _compare(touched, rgb, plate)
    if broken:
        raise NonFiniteResult("the merge gave values that are not finite")
    return Merged(rgb, touched, MergeCounts(nan, infinite, negative, capped, changed, plate.size))


@compiled
def _compare(touched: Mask, rgb: Float32, plate: Float32) -> tuple[int, int, int, int, int]:
    """Mark what changed, and put the plate's own bits where nothing did.

    Returns
    -------
    tuple of int
        Samples of the plate that are NaN, infinite, negative; samples that changed; samples that
        changed to what is no finite number.
    """
    nan = infinite = negative = changed = broken = 0
    for row in range(plate.shape[0]):
        for column in range(plate.shape[1]):
            for channel in range(3):
                old, new = plate[row, column, channel], rgb[row, column, channel]
                finite = np.isfinite(old)
                if not finite:
                    nan += np.isnan(old)
                    infinite += np.isinf(old)
                negative += old < 0.0
                differs = finite and old != new
                touched[row, column, channel] = differs
                if differs:
                    changed += 1
                    broken += not np.isfinite(new)
                else:
                    rgb[row, column, channel] = old
    return nan, infinite, negative, changed, broken
