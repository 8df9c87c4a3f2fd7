"""Where rays meet the solids of the demo world, each in coordinates in which it fills -1 to 1.

Vectors lie in three planes, shape (3, rays): numpy is slow along a short last axis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenflow.demo.world import Floats

BOUNDS = {"ball": 1.0, "cube": 3**0.5, "cylinder": 2**0.5}
"""Radius of the sphere around each solid."""

_LEAST = 1e-4  # distance under which a hit is the surface that the ray starts on


def hit_solid(shape: str, origin: Floats, ray: Floats) -> tuple[Floats, Floats]:
    """Find the first hit of rays with a solid.

    Parameters
    ----------
    shape : str
        A word of `world.SHAPES`.
    origin, ray : (3, rays)
        Start and direction in the solid's coordinates; the direction need not be a unit vector.

    Returns
    -------
    distance : (rays,)
        In lengths of the direction, inf for a miss.
    normal : (3, rays)
        Outward unit normal in the solid's coordinates; undefined for a miss.
    """
    hit = {"ball": _hit_ball, "cube": _hit_cube, "cylinder": _hit_cylinder}[shape]
    with np.errstate(divide="ignore", invalid="ignore"):
        distance, normal = hit(origin, ray)
    return distance.astype(np.float32, copy=False), normal.astype(np.float32, copy=False)


def dot(a: Floats, b: Floats) -> Floats:
    """Inner products of vectors (3, n), or (2, n), shape (n,)."""
    return np.asarray((a * b).sum(axis=0))


def _reach(origin: Floats, ray: Floats, distance: Floats) -> Floats:
    """Points at a distance along rays; the origin for a miss."""
    finite: Floats = np.where(np.isfinite(distance), distance, np.float32(0))
    return np.asarray(origin + finite * ray, dtype=np.float32)


def _crossings(origin: Floats, ray: Floats) -> tuple[Floats, Floats]:
    """Where rays enter and leave the unit sphere, or in two coordinates the unit circle."""
    along = dot(origin, ray)
    length = dot(ray, ray)
    inside = along * along - length * (dot(origin, origin) - 1)
    root = np.sqrt(inside)
    enter = np.where(inside > 0, (-along - root) / length, np.float32(np.inf))
    leave = np.where(inside > 0, (-along + root) / length, np.float32(-np.inf))
    return enter, leave


def _slab(origin: Floats, ray: Floats) -> tuple[Floats, Floats]:
    """Where rays enter and leave the space between -1 and 1, coordinate by coordinate."""
    one, other = (-1 - origin) / ray, (1 - origin) / ray
    return np.fmin(one, other), np.fmax(one, other)


def _between(enter: Floats, leave: Floats) -> Floats:
    """The entry where it comes before the exit and in front of the origin, else inf."""
    return np.where((enter < leave) & (enter > _LEAST), enter, np.float32(np.inf))


def _hit_ball(origin: Floats, ray: Floats) -> tuple[Floats, Floats]:
    distance = _between(*_crossings(origin, ray))
    return distance, _reach(origin, ray, distance)


def _hit_cube(origin: Floats, ray: Floats) -> tuple[Floats, Floats]:
    enter, leave = _slab(origin, ray)
    normal = _facing(ray, enter.argmax(axis=0))
    return _between(enter.max(axis=0), leave.min(axis=0)), normal


def _hit_cylinder(origin: Floats, ray: Floats) -> tuple[Floats, Floats]:
    enter_side, leave_side = _crossings(origin[::2], ray[::2])
    enter_caps, leave_caps = _slab(origin[1], ray[1])
    distance = _between(np.fmax(enter_side, enter_caps), np.fmin(leave_side, leave_caps))
    normal = _reach(origin, ray, distance)
    normal[1] = 0
    cap = np.flatnonzero(enter_caps > enter_side)
    normal[:, cap] = _facing(ray[:, cap], np.ones(len(cap), dtype=np.intp))
    return distance, normal


def _facing(ray: Floats, axis: NDArray[np.intp]) -> Floats:
    """Unit normals along one axis each, turned against the rays."""
    columns = np.arange(ray.shape[1])
    normal: Floats = np.zeros_like(ray)
    normal[axis, columns] = -np.sign(ray[axis, columns])
    return normal
