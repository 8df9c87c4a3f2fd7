"""What each encoding loses on the way to the model's eyes and back, per range of light.

    python -m benchmarks.encodings [--samples 20000]

Colours are random in the plate's own primaries: a brightest channel within the range, the others
between a tenth of it and all of it. Neutral light tells the curve alone. An error is relative to
the light, or to 0.01 where there is less.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ocio.config import resolve_config
from ocio.encoding import Encoding, Kind

KINDS: tuple[Kind, ...] = ("view", "reinhard", "log")
SPACES = ("ACEScg", "ACES2065-1", "Linear Rec.709 (sRGB)")
EDGES = (-0.1, 0.0, 0.001, 0.18, 1.0, 4.0, 16.0, 64.0)
FLOOR = 0.01

Float32 = npt.NDArray[np.float32]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=20_000)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    ranges = list(pairwise(EDGES))
    print(
        "| encoding | plate | " + " | ".join(f"{low:g} .. {high:g}" for low, high in ranges) + " |"
    )
    print("|---|---|" + "---|" * len(ranges))
    for kind in KINDS:
        for space in SPACES:
            encoding = Encoding.build(resolve_config(), space, kind)
            cells = []
            for low, high in ranges:
                brightest = random.uniform(low, high, (options.samples, 1)).astype(np.float32)
                share = random.uniform(0.1, 1.0, (options.samples, 3)).astype(np.float32)
                share[np.arange(options.samples), random.integers(0, 3, options.samples)] = 1.0
                colours = _errors(encoding, brightest * share)
                neutral = _errors(encoding, np.repeat(brightest, 3, axis=1))
                within = 100.0 * float((colours <= 0.01).mean())
                cells.append(f"{_percent(neutral.max())}, {within:.0f} %")
            print(f"| {kind} | {space} | " + " | ".join(cells) + " |", flush=True)


def _errors(encoding: Encoding, light: Float32) -> npt.NDArray[np.float64]:
    """Return the largest relative error of each colour's channels."""
    back = encoding.decode(encoding.encode(light)).astype(np.float64)
    return np.asarray((np.abs(back - light) / np.maximum(np.abs(light), FLOOR)).max(axis=1))


def _percent(error: np.float64) -> str:
    return "< 0.01 %" if error < 1e-4 else f"{100.0 * error:.2g} %"


if __name__ == "__main__":
    main()
