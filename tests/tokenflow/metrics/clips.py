"""Small clips in memory whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tokenflow.metrics.clip import Clip
from tokenflow.metrics.warp_error import Mask, Motion, visible

Float32 = npt.NDArray[np.float32]

HEIGHT, WIDTH = 48, 96


def texture(shift: float = 0.0) -> Float32:
    """Return smooth waves (HEIGHT, WIDTH, 3), scene-linear, moved to the right by some pixels."""
    y, x = np.indices((HEIGHT, WIDTH), dtype=np.float32)
    waves = [0.5 + 0.3 * np.sin((x - shift) / 6 + p) * np.cos(y / 7 + p) for p in (0, 1, 2)]
    return np.stack(waves, axis=-1).astype(np.float32)


def clip_of(name: str, pictures: Sequence[Float32], numbers: Sequence[int] | None = None) -> Clip:
    """Return pictures as a clip whose view is the identity within 0 and 1."""
    linear = np.stack(pictures).astype(np.float32)
    display = np.clip(linear, 0, 1).astype(np.float32)
    return Clip(name, numbers or range(1, len(pictures) + 1), linear, display)


def standing(height: int = HEIGHT, width: int = WIDTH) -> Callable[[int, int], tuple[Motion, Mask]]:
    """Return what gives the motion of a plate that stands still."""
    return moving(0.0, height, width)


def moving(
    speed: float, height: int = HEIGHT, width: int = WIDTH
) -> Callable[[int, int], tuple[Motion, Mask]]:
    """Return what gives the motion of a plate that moves to the right, in pixels per frame."""

    def between(first: int, second: int) -> tuple[Motion, Mask]:
        forward = np.zeros((height, width, 2), np.float32)
        forward[..., 0] = speed * (second - first)
        motion = Motion(forward, -forward)
        return motion, visible(motion)

    return between
