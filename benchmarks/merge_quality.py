"""What the merge does to a plate at four times the model's resolution, on the demo shot.

    python -m benchmarks.merge_quality [--frame 1001 --frame 1025 --frame 1048]

The edit is exact: the same scene rendered with a ball of another colour, seen at a quarter of the
plate's size. So everything that is not as it should be is the merge's doing. Decibels are of
display code, 0 to 1; the region where the edit is nil is where both renderings agree.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import numpy.typing as npt

from ocio import merge
from ocio.config import resolve_config
from ocio.encoding import Encoding
from ocio.grain import without_grain
from ocio.merge import Placement, delta, merge_delta, merge_replace
from ocio.resample import proxy
from ocio.upsample import Guide, GuidedUpsampling
from ocio.window import EditRectangle, Window
from tokenflow.demo.render import render
from tokenflow.demo.shot import FIRST_FRAME, HEIGHT, SCENE, WIDTH, grain

FACTOR = 4
COLOR = "blue"
NIL_STOPS = 0.01
"""Where both renderings differ by less, there is no edit."""

Float32 = npt.NDArray[np.float32]


class Bilinear:
    """The coarse picture, drawn smoothly, with no regard to edges."""

    def __init__(self, low: Float32, guide: Guide) -> None:
        self._fine = _enlarged(low, guide.window)

    def of(self, window: Window) -> Float32:
        """Return a part of it."""
        return self._fine[window.y : window.y_end, window.x : window.x_end]


class FastGuidedFilter(Bilinear):
    """He and Sun, "Fast Guided Filter" (2015): fits at low resolution, their means enlarged."""

    def __init__(self, low: Float32, guide: Guide) -> None:
        def mean(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
            flat = np.asarray(picture.reshape(*picture.shape[:2], -1), np.float64)
            return np.asarray(cv2.blur(flat, (3, 3))).reshape(picture.shape)

        colour, picture = guide.coarse.astype(np.float64), low.astype(np.float64)
        at, value = mean(colour), mean(picture)
        own = mean(colour[..., None] * colour[..., None, :]) - at[..., None] * at[..., None, :]
        cross = (
            mean(colour[..., None] * picture[..., None, :]) - at[..., None] * value[..., None, :]
        )
        # As much regularisation as our own fit has.
        slopes = np.linalg.solve(own + 2.0 * np.eye(3), cross)
        offset = value - np.einsum("yxgc,yxg->yxc", slopes, at)
        fine = _enlarged(mean(slopes).reshape(*low.shape[:2], 9).astype(np.float32), guide.window)
        fine = fine.reshape(*fine.shape[:2], 3, 3)
        base = _enlarged(mean(offset).astype(np.float32), guide.window)
        self._fine = np.einsum("yxgc,yxg->yxc", fine, guide.fine) + base


class OneSidedBilateral(GuidedUpsampling):
    """Kopf et al. (2007) alone: our kernels, and the coarse values without their slopes."""

    def __init__(self, low: Float32, guide: Guide) -> None:
        super().__init__(low, guide)
        for channel in range(3):
            self._table[..., 5 + 4 * channel : 8 + 4 * channel] = 0.0


METHODS: dict[str, Callable[[Float32, Guide], Bilinear | GuidedUpsampling]] = {
    "bilinear": Bilinear,
    "fast guided filter": FastGuidedFilter,
    "joint bilateral": OneSidedBilateral,
    "joint bilateral of local fits (ours)": GuidedUpsampling,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frame", type=int, action="append")
    options = parser.parse_args()
    encoding = Encoding.build(resolve_config(), "ACEScg", "view")
    figures: dict[str, list[dict[str, float]]] = {}
    for number in options.frame or (1001, 1025, 1048):
        for name, found in _measure(encoding, number).items():
            figures.setdefault(name, []).append(found)
    columns = list(next(iter(figures.values()))[0])
    print("| merge | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for name, frames in figures.items():
        worst = {column: min(one[column] for one in frames) for column in columns}
        print(f"| {name} | " + " | ".join(f"{worst[column]:.4g}" for column in columns) + " |")


def _measure(encoding: Encoding, number: int) -> dict[str, dict[str, float]]:
    plate, wanted, matte = _shot(encoding, number)
    rectangle = EditRectangle(Window(0, 0, WIDTH, HEIGHT))
    size = (WIDTH // FACTOR, HEIGHT // FACTOR)
    seen, edited = (encoding.encode(proxy(one, rectangle, size)) for one in (plate, wanted))
    change = delta(encoding, edited, seen)
    stops = np.abs(encoding.log.forward(wanted) - encoding.log.forward(plate)) / encoding.log.stop
    nil = stops.max(axis=-1) < NIL_STOPS
    regions = (nil, ~nil, cv2.dilate(matte, np.ones((9, 9))) > 0)
    results = {}
    for name, method in METHODS.items():
        with patch.object(merge, "GuidedUpsampling", method):
            results[f"delta, {name}"] = [
                merge_delta(plate, change, encoding, Placement(rectangle, matte=mask)).rgb
                for mask in (None, regions[2].astype(np.float32))
            ]
    for name, regrain in (("replace", False), ("replace, grain put back", True)):
        results[name] = [
            merge_replace(
                plate, edited, encoding, Placement(rectangle, matte=mask), regrain=regrain
            ).rgb
            for mask in (None, regions[2].astype(np.float32))
        ]
    return {
        name: _figures(encoding, plate, wanted, whole, masked, regions)
        for name, (whole, masked) in results.items()
    }


def _shot(encoding: Encoding, number: int) -> tuple[Float32, Float32, Float32]:
    """Return the plate, the plate as it should become, and the object's matte."""
    before = render(SCENE, number - FIRST_FRAME, WIDTH, HEIGHT)
    after = render(replace(SCENE, color=COLOR), number - FIRST_FRAME, WIDTH, HEIGHT)
    clean, changed = (np.asarray(one.rgb, np.float32) for one in (before, after))
    plate = np.asarray(grain(clean, number), np.float32)
    log = encoding.log
    wanted = log.inverse(log.forward(plate) + log.forward(changed) - log.forward(clean))
    same = (clean == changed).all(axis=-1)
    wanted[same] = plate[same]
    return plate, wanted, np.asarray(before.matte, np.float32)


def _figures(
    encoding: Encoding,
    plate: Float32,
    wanted: Float32,
    whole: Float32,
    masked: Float32,
    regions: tuple[npt.NDArray[np.bool_], ...],
) -> dict[str, float]:
    nil, edited, matte = regions
    bright = nil & (plate.min(axis=-1) > 1.0)
    off = _off(whole, plate, bright)
    deep = cv2.erode(edited.astype(np.uint8), np.ones((9, 9))) > 0
    noise = [np.std(_grain(encoding, one)[deep]) for one in (whole, wanted)]
    return {
        "outside the matte, dB": _decibels(encoding, masked, plate, ~matte),
        "edit nil, dB": _decibels(encoding, whole, plate, nil),
        "edit nil, inside the matte, dB": _decibels(encoding, masked, plate, nil & matte),
        "lights above 1, edit nil: share within 1 %": float((off <= 0.01).mean()),
        "edit nil: share within 1 %": float((_off(whole, plate, nil) <= 0.01).mean()),
        "edited, against the exact edit, dB": _decibels(encoding, whole, wanted, edited),
        "grain kept": float(noise[0] / noise[1]),
    }


def _off(one: Float32, other: Float32, where: npt.NDArray[np.bool_]) -> Float32:
    """Return by what share of the light pixels are off."""
    light = np.maximum(np.abs(other[where]), np.float32(0.01))
    return np.asarray((np.abs(one[where] - other[where]) / light).max(axis=-1), np.float32)


def _decibels(
    encoding: Encoding, one: Float32, other: Float32, where: npt.NDArray[np.bool_]
) -> float:
    codes = [encoding.encode(side[where]).astype(np.float64) for side in (one, other)]
    error = float(np.mean((codes[0] - codes[1]) ** 2))
    return float("inf") if error == 0.0 else -10.0 * float(np.log10(error))


def _grain(encoding: Encoding, picture: Float32) -> Float32:
    log = encoding.log.forward(picture)
    return log - without_grain(log)[0]


def _enlarged(low: Float32, window: Window) -> Float32:
    channels = [
        cv2.resize(low[..., index], (window.width, window.height), interpolation=cv2.INTER_LINEAR)
        for index in range(low.shape[2])
    ]
    return np.stack(channels, axis=-1)


if __name__ == "__main__":
    main()
