"""Colours of surfaces in the demo world: the floors, the patterns on the solids, the sky."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tokenflow.demo.world import Floats, Light, contrast_paint, paint

_TILE = 256  # side of the tileable noise picture that all floors read from; a power of two


@cache
def _noise() -> Floats:
    """Tileable noise of several octaves in 0..1, shape (256, 256); made in the Fourier domain."""
    rng = np.random.default_rng(7)
    frequency = np.fft.fftfreq(_TILE)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    radius[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.standard_normal((_TILE, _TILE))) * radius**-1.0
    field = np.real(np.fft.ifft2(spectrum))
    ranks = np.argsort(np.argsort(field, axis=None)) / (field.size - 1)  # uniform over 0..1
    return ranks.reshape(_TILE, _TILE).astype(np.float32)


@cache
def _padded_noise() -> Floats:
    """The noise with its first row and column repeated behind the last, flat."""
    return np.pad(_noise(), (0, 1), mode="wrap").ravel()


def _sample(u: Floats, v: Floats) -> Floats:
    """Noise at texture coordinates (1 unit = one texel), bilinear, wrapped."""
    noise, row = _padded_noise(), _TILE + 1
    u0, v0 = np.floor(u), np.floor(v)
    fu, fv = u - u0, v - v0
    # `&` is a remainder here, and five times as fast as `%`.
    at = (v0.astype(np.intp) & (_TILE - 1)) * row + (u0.astype(np.intp) & (_TILE - 1))
    left, right = noise.take(at), noise.take(at + 1)
    top = left + (right - left) * fu
    at += row
    left, right = noise.take(at), noise.take(at + 1)
    bottom = left + (right - left) * fu
    return np.asarray(top + (bottom - top) * fv, dtype=np.float32)


def _mix(a: tuple[float, ...], b: tuple[float, ...], t: Floats) -> Floats:
    first, second = (np.array(colour, dtype=np.float32)[:, None] for colour in (a, b))
    return np.asarray(first + (second - first) * t, dtype=np.float32)


def floor_albedo(floor: str, x: Floats, z: Floats) -> Floats:
    """Albedo of the floor at world points.

    Parameters
    ----------
    floor : str
        A word of `world.FLOORS`.
    x, z : (points,)
        World coordinates in metres, texture offset included.

    Returns
    -------
    (3, points) albedo in ACEScg.
    """
    if floor == "grassy":
        blades = 0.65 * _sample(x * 40, z * 40) + 0.35 * _sample(x * 6 + 31, z * 6)
        return _mix((0.02, 0.07, 0.012), (0.17, 0.34, 0.05), blades)
    if floor == "wooden":
        plank = np.floor(x / 0.42)
        tone = _sample(plank * 37.7, plank * 11.3)
        grain = _sample(x * 60, z * 4 + plank * 13)
        colour = _mix((0.17, 0.075, 0.03), (0.42, 0.21, 0.09), 0.55 * tone + 0.45 * grain)
        gap = np.abs(x / 0.42 - plank - 0.5) > 0.475
        return np.asarray(np.where(gap, np.float32(0.02), colour), dtype=np.float32)
    if floor == "tiled":
        i, j = np.floor(x / 0.6), np.floor(z / 0.6)
        tone = _sample(i * 53.1 + 5, j * 29.7)
        vein = _sample(x * 14, z * 14)
        colour = _mix((0.30, 0.32, 0.36), (0.60, 0.60, 0.60), 0.6 * tone + 0.4 * vein)
        joint = (np.abs(x / 0.6 - i - 0.5) > 0.465) | (np.abs(z / 0.6 - j - 0.5) > 0.465)
        return np.asarray(np.where(joint, np.float32(0.06), colour), dtype=np.float32)
    if floor == "sandy":
        wave = 0.5 + 0.5 * np.sin(9 * x + 3 * z + 5 * _sample(x * 3, z * 3))
        tone = 0.5 * wave + 0.5 * _sample(x * 25, z * 25)
        return _mix((0.40, 0.29, 0.15), (0.66, 0.52, 0.32), tone.astype(np.float32))
    raise ValueError(f"unknown floor {floor!r}")


def _dots(shape: str, local: Floats) -> NDArray[np.bool_]:
    if shape == "ball":
        # A spiral of points spread evenly over the sphere.
        k = np.arange(26) + 0.5
        y = 1 - 2 * k / 26
        angle = k * np.pi * (1 + 5**0.5)
        ring = np.sqrt(1 - y * y)
        centres = np.stack([ring * np.cos(angle), y, ring * np.sin(angle)], axis=1).astype(
            np.float32
        )
        return np.asarray((centres @ local).max(axis=0) > np.cos(0.21))
    x, y, z = local
    if shape == "cylinder":
        top = np.abs(y) > 0.999
        u = np.where(top, x * 1.25, np.arctan2(z, x) * np.float32(8 / (2 * np.pi)))
        v = np.where(top, z * 1.25, y * 1.25)
    else:
        face = np.argmax(np.abs(local), axis=0)
        u = np.where(face == 0, y, x) * 1.5 + 0.5
        v = np.where(face == 2, y, z) * 1.5 + 0.5
    return np.asarray(np.hypot(u - np.floor(u) - 0.5, v - np.floor(v) - 0.5) < 0.3)


def solid_albedo(color: str, pattern: str, shape: str, local: Floats) -> Floats:
    """Albedo of the solid, shape (3, points), at points (3, points) in units of its size."""
    if pattern == "plain":
        second = np.zeros(local.shape[1], dtype=bool)
    elif pattern == "striped":
        # Just under 2.5, so that no edge of a stripe lies in a flat face.
        second = np.floor(local[1] * 2.495 + 0.5) % 2 == 0
    elif pattern == "checkered":
        cells = np.floor(local * 1.4995 + 0.5)
        second = cells.sum(axis=0) % 2 == 0
    elif pattern == "dotted":
        second = _dots(shape, local)
    else:
        raise ValueError(f"unknown pattern {pattern!r}")
    return np.where(second, contrast_paint(color)[:, None], paint(color)[:, None])


def sky_radiance(light: Light, direction: Floats, sun: Floats) -> Floats:
    """Radiance (3, rays) of the sky along unit directions (3, rays); holds the disc of the sun."""
    zenith, horizon, tint = (
        colour[:, None] for colour in (light.zenith, light.horizon, light.sun / light.sun.max())
    )
    towards = np.clip(sun @ direction, 0, 1)
    disc = np.where(towards > np.cos(0.055), np.float32(light.disc), np.float32(0))
    sky = horizon + (zenith - horizon) * np.sqrt(np.clip(direction[1], 0, 1))
    return np.asarray(sky + (0.35 * towards**24 + disc) * tint, dtype=np.float32)
