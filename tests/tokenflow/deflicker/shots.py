"""Small shots for the filter's tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from benchmarks.flicker_clips import Clip, Frame, Scene
from tokenflow.deflicker.flow import DisFlow, PlateFlow
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.settings import STRENGTHS, Form, Settings
from tokenflow.deflicker.stops import to_stops
from tokenflow.deflicker.stream import deflicker

Float32 = npt.NDArray[np.float32]
WIDTH, HEIGHT = 96, 54
STRONG, NORMAL, LIGHT = STRENGTHS["strong"], STRENGTHS["normal"], STRENGTHS["light"]
FLICKER = Scene("small", gain=0.06, local=0.09, colour=0.03, shimmer=0.03)


@lru_cache(maxsize=8)
def clip(scene: Scene, frames: int = 12, seed: int = 3) -> Mapping[int, Frame]:
    made = Clip(scene, WIDTH, HEIGHT, frames, seed)
    return dict(zip(made.numbers, made, strict=True))


def pictures(
    frames: Mapping[int, Frame], edits: Mapping[int, Float32] | None = None
) -> dict[int, Picture]:
    """The flickering edits of a clip, or others, with its plate."""
    return {
        number: Picture(frame.flickering if edits is None else edits[number], frame.plate)
        for number, frame in frames.items()
    }


def texture(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Float32:
    """A plate that keeps still."""
    rng = np.random.default_rng(seed)
    coarse = rng.standard_normal((height // 6 + 1, width // 6 + 1, 3))
    stops = np.kron(coarse, np.ones((6, 6, 1)))[:height, :width] - 2
    return np.asarray(np.exp2(stops), dtype=np.float32)


def run(
    shot: Mapping[int, Picture],
    form: Form | Settings = "bare",
    frames: Iterable[int] | None = None,
    flow: PlateFlow | None = None,
    numbers: Sequence[int] | None = None,
    workers: int = 1,
) -> dict[int, Float32]:
    settings = form if isinstance(form, Settings) else Settings(form)
    numbers = sorted(shot) if numbers is None else numbers
    wanted = numbers if frames is None else frames
    results = deflicker(
        wanted, numbers, shot.__getitem__, flow or DisFlow(), settings, workers=workers
    )
    return {result.frame: result.edit for result in results}


def same(first: Float32, second: Float32) -> bool:
    """Equal bit for bit, NaN and -0 included."""
    return first.shape == second.shape and first.tobytes() == second.tobytes()


def error(results: Mapping[int, Float32], frames: Mapping[int, Frame]) -> float:
    """Root mean square error in stops against the truth."""
    squares = [
        np.mean((to_stops(result) - to_stops(frames[number].truth)) ** 2)
        for number, result in results.items()
    ]
    return float(np.sqrt(np.mean(squares)))
