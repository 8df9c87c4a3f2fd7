"""The shot's own motion vectors as motion of the plate.

Hosts write motion to the neighbouring frames only. Motion to frames further away is chained: step
by step, each step fetched where the last one led. Where something came in between on the way, the
chain goes on with what covered it, the way back ends elsewhere, and the pixel is not visible. No
other method fills in, since results of two methods must not mix in a shot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from tokenflow.deflicker.flow import FlowPair, PlateAt
from tokenflow.deflicker.warp import Float32, Kernel, Size, fetch, positions

_FAR = np.float32(1e6)
"""Motion that is not known leads out of the picture."""


class Vectors(NamedTuple):
    """Motion of one frame in pixels of the plate, x right, y down.

    Attributes
    ----------
    to_next : (h, w, 2)
        Where a point lies in the next frame, minus where it lies in this one.
    to_previous : (h, w, 2)
        The same for the frame before.
    """

    to_next: Float32
    to_previous: Float32


def from_nuke(
    forward_u: npt.ArrayLike,
    forward_v: npt.ArrayLike,
    backward_u: npt.ArrayLike,
    backward_v: npt.ArrayLike,
) -> Vectors:
    """Read Nuke's channels (h, w): pixels to the next and to the previous frame, y up.

    The demo shot has the same.
    """
    return Vectors(_plane(forward_u, forward_v, 1, -1), _plane(backward_u, backward_v, 1, -1))


def from_blender(x: npt.ArrayLike, y: npt.ArrayLike, z: npt.ArrayLike, w: npt.ArrayLike) -> Vectors:
    """Read the channels (h, w) of Blender's Vector pass: pixels, y up.

    X and Y are the previous position minus the present one; Z and W are the present position minus
    the next one, so they point backwards (Cycles, `primitive_motion_vector`).
    """
    return Vectors(_plane(z, w, -1, 1), _plane(x, y, 1, -1))


class VectorFlow:
    """Motion from the shot's own vectors.

    Parameters
    ----------
    vectors
        Gives the vectors of a frame at the plate's size.
    frames
        All frames of the shot, ascending; steps go from one to the next in this list.
    source : str
        For the manifest: which channels they come from.

    Notes
    -----
    It keeps the steps of the frames last asked for. One object belongs to one shot.
    """

    _KEPT = 16

    def __init__(self, vectors: Callable[[int], Vectors], frames: list[int], source: str) -> None:
        self._vectors, self._source = vectors, source
        self._frames = frames
        self._place = {number: index for index, number in enumerate(frames)}
        self._steps: dict[int, Vectors] = {}

    @property
    def name(self) -> str:
        """Source of the vectors."""
        return f"vectors {self._source}"

    def pair(self, first: int, second: int, plate: PlateAt) -> FlowPair:
        """Return the motion between two frames."""
        height, width = plate(first).shape[:2]
        between = self._frames[self._place[first] : self._place[second] + 1]
        steps = [self._step(number, (height, width)) for number in between]
        return FlowPair(
            _chain([step.to_next for step in steps[:-1]]),
            _chain([step.to_previous for step in reversed(steps[1:])]),
        )

    def _step(self, number: int, grid: Size) -> Vectors:
        kept = self._steps.get(number)
        if kept is None:
            both = self._vectors(number)
            kept = Vectors(_on_grid(both.to_next, grid), _on_grid(both.to_previous, grid))
            self._steps[number] = kept
        for old in sorted(self._steps)[: -self._KEPT]:
            self._steps.pop(old, None)
        return kept


def _plane(u: npt.ArrayLike, v: npt.ArrayLike, u_sign: int, v_sign: int) -> Float32:
    across = np.asarray(u, dtype=np.float32) * np.float32(u_sign)
    return np.stack([across, np.asarray(v, dtype=np.float32) * np.float32(v_sign)], axis=-1)


def _on_grid(motion: Float32, grid: Size) -> Float32:
    """Pick motion for a grid, in its pixels: the mean of two motions would be neither."""
    height, width = motion.shape[:2]
    if (height, width) != grid:
        scale = np.array([grid[1] / width, grid[0] / height], dtype=np.float32)
        picked = cv2.resize(motion, (grid[1], grid[0]), interpolation=cv2.INTER_NEAREST_EXACT)
        motion = np.asarray(picked, dtype=np.float32) * scale
    known = np.isfinite(motion).all(axis=-1, keepdims=True)
    return np.where(known, motion, _FAR)


def _chain(steps: list[Float32]) -> Float32:
    """Add up steps, each fetched where the ones before it lead."""
    motion = steps[0]
    height, width = motion.shape[:2]
    for step in steps[1:]:
        place = positions(height, width) + motion
        x, y = place[..., 0], place[..., 1]
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        onward = fetch(step, np.where(inside[..., None], place, np.float32(0)), Kernel.LINEAR)
        motion = np.where(inside[..., None], motion + onward, _FAR)
    return motion
