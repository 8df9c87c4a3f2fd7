"""Motion of the plate between any two frames of a shot: the interface, and OpenCV's DIS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from tokenflow.deflicker.warp import Float32

PlateAt = Callable[[int], Float32]
"""A frame of the plate on the flow grid: (h, w, 3), in stops (`to_stops`), finite."""

_RANGE = 5.0
_KEPT = 16
_SMALLEST = 16
_FINE_PIXELS = 160_000
"""Up to 533x300 the search goes down to single pixels: silhouettes 7 % better, four times the time.
Larger pictures end at every second one, as `medium` does."""


class FlowPair(NamedTuple):
    """Motion between two frames t and u of the plate.

    Attributes
    ----------
    forward : (h, w, 2) float32
        f_{t->u}: where a point of t lies in u, minus where it lies in t; x right, y down, in pixels
        of the flow grid. Where it is not known: not finite, or far outside the picture.
    backward : (h, w, 2) float32
        f_{u->t}.
    """

    forward: Float32
    backward: Float32

    def reversed(self) -> FlowPair:
        """The same motion seen from the other frame."""
        return FlowPair(self.backward, self.forward)


class PlateFlow(Protocol):
    """Where motion comes from; several threads ask it at once.

    A pair depends on its two frames only, or on what lies between them.
    """

    @property
    def name(self) -> str:
        """Method and version, for the manifest: results of two methods must not mix in a shot."""
        ...

    def pair(self, first: int, second: int, plate: PlateAt) -> FlowPair:
        """Return the motion between two frames, `first` before `second`."""
        ...


class DisFlow:
    """Dense inverse search (Kroeger, Timofte, Dai, Van Gool, ECCV 2016), OpenCV's `medium`.

    It sees the plate in stops minus their own median, so that a flash does not disturb it, and
    never starts from another pair's motion. One object belongs to one shot.
    """

    def __init__(self) -> None:
        self._prepared: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()

    @property
    def name(self) -> str:
        """Method and version."""
        return f"dis-medium-1 opencv-{cv2.__version__}"

    def pair(self, first: int, second: int, plate: PlateAt) -> FlowPair:
        """Return the motion between two frames."""
        pictures = [self._prepare(frame, plate) for frame in (first, second)]
        if min(pictures[0].shape) < _SMALLEST:
            # DIS refuses pictures smaller than its patches; so small, nothing moves by a pixel.
            still = np.zeros((*pictures[0].shape, 2), dtype=np.float32)
            return FlowPair(still, still)
        forward, backward = (
            np.asarray(
                _dis(start).calc(start, end, np.zeros((*start.shape, 2), dtype=np.float32)),
                dtype=np.float32,
            )
            for start, end in (pictures, reversed(pictures))
        )
        return FlowPair(forward, backward)

    def _prepare(self, frame: int, plate: PlateAt) -> npt.NDArray[np.uint8]:
        kept = self._prepared.get(frame)
        if kept is None:
            kept = self._prepared[frame] = flow_picture(plate(frame))
        while len(self._prepared) > _KEPT:
            self._prepared.popitem(last=False)
        return kept


def _dis(picture: npt.NDArray[np.uint8]) -> cv2.DISOpticalFlow:
    """Return a new search for pictures of this size; one object must not serve two threads."""
    search = cv2.DISOpticalFlow.create(cv2.DISOpticalFlow_PRESET_MEDIUM)
    if picture.size <= _FINE_PIXELS:
        search.setFinestScale(0)
    return search


def centred(plate: Float32) -> Float32:
    """Return a plate (h, w, 3) in stops round its median, ±5 as -1..1: a flash does not show."""
    middle = np.median(plate.mean(axis=-1))
    return np.asarray(np.clip((plate - middle) / np.float32(_RANGE), -1, 1), dtype=np.float32)


def flow_picture(plate: Float32) -> npt.NDArray[np.uint8]:
    """Return what optical flow sees of a plate (h, w, 3) in stops: ±5 round its median, 8 bit.

    The channels count alike, whatever the primaries: a flow needs contrast, not luminance.
    """
    stops = plate.mean(axis=-1)
    moved = np.clip(stops - np.median(stops), -_RANGE, _RANGE)
    return np.asarray(np.rint((moved + _RANGE) * (255 / (2 * _RANGE))), dtype=np.uint8)
