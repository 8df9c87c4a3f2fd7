"""How alike two decodings of a shot flicker: whether compensation gains or costs.

The edit is a difference of two decoded pictures. Where the errors of both have the same variance v
and the correlation r, the difference keeps 2 v (1 - r) of it, against v in the decoded picture
itself: it gains above r = 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from tokenflow.deflicker.flow import PlateFlow
from tokenflow.deflicker.stops import to_stops
from tokenflow.deflicker.visibility import visible
from tokenflow.deflicker.warp import Float32, Kernel, warp

PLACES = 8
"""Frames of a shot, evenly spread, at which both decodings are compared with their neighbours."""

_MARGIN = 7
"""Pixels across that have to be seen: the reach of the kernel that fetches them."""

At = Callable[[int], Float32]
"""A picture (h, w, 3) by its frame number."""


def likeness(
    shot: Sequence[int], first: At, second: At, plate: At, flow: PlateFlow
) -> float | None:
    """Return the correlation of what flickers in two decodings and not in the plate.

    x(t-1) - 2 x(t) + x(t+1) along the plate's motion, in stops, of each of the three, at pixels
    that are seen in all three frames; then the correlation of the decodings at given plate (partial
    correlation), so that grain and lights, which both show, do not count as flicker they share.

    Parameters
    ----------
    shot
        Frame numbers, ascending.
    first, second, plate
        Display-referred, all of one size.

    Returns
    -------
    float or None
        None for fewer than three frames, or where one of them does not flicker at all.
    """
    samples = [
        np.stack([changes[seen].ravel() for changes in three])
        for three, seen in _changes(shot, (first, second, plate), flow)
        if seen.any()
    ]
    if not samples:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.asarray(np.corrcoef(np.concatenate(samples, axis=1, dtype=np.float64)))
        both = float(found[0, 1])
        one, other = (float(np.nan_to_num(found[index, 2])) for index in (0, 1))
        partial = (both - one * other) / np.sqrt((1 - one**2) * (1 - other**2))
    return float(partial) if np.isfinite(partial) else None


def _changes(
    shot: Sequence[int], pictures: tuple[At, At, At], flow: PlateFlow
) -> Iterator[tuple[list[Float32], npt.NDArray[np.bool_]]]:
    """Yield the second differences over time at some frames, and where they are known."""
    count = min(PLACES, len(shot) - 2)
    if count < 1:
        return
    for index in np.linspace(1, len(shot) - 2, count).round().astype(int):
        before, here, after = (shot[index + step] for step in (-1, 0, 1))
        back = flow.pair(before, here, lambda n: to_stops(pictures[2](n))).reversed()
        onward = flow.pair(here, after, lambda n: to_stops(pictures[2](n)))
        seen = (visible(back) & visible(onward)).astype(np.uint8)
        inside = cv2.erode(seen, np.ones((_MARGIN, _MARGIN), np.uint8)) > 0
        changes = []
        for picture in pictures:
            change = warp(to_stops(picture(before)), back.forward, Kernel.LANCZOS)
            change += warp(to_stops(picture(after)), onward.forward, Kernel.LANCZOS)
            change -= 2 * to_stops(picture(here))
            changes.append(change)
        yield changes, inside
