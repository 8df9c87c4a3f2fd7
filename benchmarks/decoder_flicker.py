"""What the autoencoder alone makes flicker, and what each line of defence takes out of it.

Held-out clips of the demo world are rendered twice: as the plate, and with one word of the scene
changed, as the truth. The truth goes through the demo checkpoint's autoencoder: an edit that is
perfect in latents, so all that is wrong with the picture is the decoder's doing.

    python -m benchmarks.decoder_flicker

The demo checkpoint has no second decoder in its latent space: the rows are lines 0, 1, 3 and 1 + 3.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np
import torch

from ocio.config import resolve_config
from ocio.encoding import Encoding
from ocio.merge import delta
from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.source import DEMO, resolve
from tokenflow.deflicker.blur import blur
from tokenflow.deflicker.flow import DisFlow
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.likeness import likeness
from tokenflow.deflicker.settings import Form, settings_named
from tokenflow.deflicker.stream import deflicker
from tokenflow.deflicker.vectors import VectorFlow, Vectors
from tokenflow.deflicker.warp import Kernel, warp
from tokenflow.demo.render import Layers, render
from tokenflow.demo.world import KINDS, Floats, random_edit, random_scene
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.vae import decode_frame, encode_frame
from tokenflow.metrics.clip import Clip as Measured
from tokenflow.metrics.flicker import band, follow, spectrum
from tokenflow.metrics.warp_error import Mask, Motion, visible, warp_error

from .demo_world import HELD_OUT

WIDTH, HEIGHT = 160, 88
HIGH = 0.25  # cycles per frame


@dataclass(frozen=True)
class Shot:
    """A clip: scene-linear plate and truth, exact motion, and what the decoder makes of both."""

    plates: list[Layers]
    truth: list[Floats]
    decoded: list[Floats]
    decoded_plate: list[Floats]

    @classmethod
    def make(cls, number: int, frames: int, encoding: Encoding, model: Model) -> Shot:
        """Render held-out clip `number` and send it through the autoencoder."""
        rng = np.random.default_rng([HELD_OUT, number])
        scene = random_scene(rng)
        wanted = random_edit(scene, KINDS[number % len(KINDS)], rng)
        plates = [render(scene, frame, WIDTH, HEIGHT) for frame in range(frames)]
        truth = [render(wanted, frame, WIDTH, HEIGHT).rgb for frame in range(frames)]

        def round_trip(linear: Floats) -> Floats:
            return decode_frame(model, encode_frame(model, encoding.encode(linear)))

        return cls(
            plates, truth, [*map(round_trip, truth)], [round_trip(one.rgb) for one in plates]
        )

    @property
    def numbers(self) -> range:
        """Numbers of the frames."""
        return range(len(self.truth))

    @cached_property
    def motions(self) -> list[Motion]:
        """The exact motion from each frame to the next."""
        return [Motion(a.forward, b.backward) for a, b in pairwise(self.plates)]

    def steadied(self, edits: Sequence[Floats], form: Form, strength: str) -> list[Floats]:
        """Run the filter along the exact motion."""
        flow = VectorFlow(
            lambda n: Vectors(self.plates[n].forward, self.plates[n].backward),
            list(self.numbers),
            "rendered",
        )

        def read(number: int) -> Picture:
            return Picture(edits[number], self.plates[number].rgb)

        settings = settings_named(strength, form)
        return [r.edit for r in deflicker(self.numbers, self.numbers, read, flow, settings)]


def lines(shot: Shot, encoding: Encoding) -> dict[str, list[Floats]]:
    """Return the pictures, scene-linear, that each line of defence leaves."""
    stop = np.float32(encoding.log.stop)
    bare = [encoding.decode(picture) for picture in shot.decoded]
    edits = [
        delta(encoding, after, before) / stop
        for after, before in zip(shot.decoded, shot.decoded_plate, strict=True)
    ]

    bare_edits = [
        delta(encoding, after, encoding.encode(plate.rgb)) / stop
        for after, plate in zip(shot.decoded, shot.plates, strict=True)
    ]

    def merged(deltas: Sequence[Floats]) -> list[Floats]:
        return [
            encoding.log.inverse(encoding.log.forward(plate.rgb) + change * stop)
            for plate, change in zip(shot.plates, deltas, strict=True)
        ]

    return {
        "0: the decoded picture": bare,
        "the truth, blurred": [blur(picture, 1.0) for picture in shot.truth],
        "1: compensated": merged(edits),
        "3: normal": shot.steadied(bare, "bare", "normal"),
        "3: strong": shot.steadied(bare, "bare", "strong"),
        "3 without 1: strong": merged(shot.steadied(bare_edits, "delta", "strong")),
        "1 + 3: normal": merged(shot.steadied(edits, "delta", "normal")),
        "1 + 3: strong": merged(shot.steadied(edits, "delta", "strong")),
        "1 + 3: gain-only": merged(shot.steadied(edits, "delta", "gain-only")),
    }


def measure(shot: Shot, pictures: Sequence[Floats], encoding: Encoding) -> dict[str, float]:
    """Return the flicker that was added, the error, and the excess of the warp error.

    shimmer
        Energy of what is left of picture minus truth after a temporal high-pass along the exact
        motion, e(t-1) - 2 e(t) + e(t+1) over 4, at pixels seen in all three frames: stops². The
        difference is blurred by 1.5 pixels first: finer detail that the decoder loses moves with
        the picture, and fetching it between pixels looks like flicker. A row of the truth itself
        blurred by a pixel, which does not flicker, tells how much of that is left.
    high
        Power above a quarter of the frame rate of picture minus truth, mean log luma of blocks
        that follow the exact motion, stops².
    rmse
        Of the logarithms, in stops.
    excess
        Warp error along the exact motion, through the view, ×10³, above the truth's.
    """

    def measured(linear: Sequence[Floats]) -> Measured:
        stack = np.stack(linear).astype(np.float32)
        return Measured("clip", list(shot.numbers), stack, stack)

    def followed(first: int, second: int) -> tuple[Motion, Mask]:
        motion = shot.motions[first]
        return motion, visible(motion)

    ours, truth = measured(pictures), measured(shot.truth)
    found = spectrum(ours, truth, follow(shot.numbers, (WIDTH, HEIGHT), followed))
    errors = [ours.stops(n) - truth.stops(n) for n in shot.numbers]
    warped = [
        warp_error([encoding.encode(one) for one in clip], shot.motions)
        for clip in (pictures, shot.truth)
    ]
    return {
        "shimmer": _shimmer(shot, errors),
        "high": band(found.added, found.frequencies, HIGH, 0.5),
        "rmse": float(np.sqrt(np.mean(np.square(errors)))),
        "excess": 1e3 * (warped[0] - warped[1]),
    }


def _shimmer(shot: Shot, errors: Sequence[Floats]) -> float:
    smooth = [blur(error, 1.5) for error in errors]
    energies = []
    for frame in shot.numbers[1:-1]:
        before, after = shot.motions[frame - 1], shot.motions[frame]
        back = Motion(before.backward, before.forward)
        seen = (visible(back) & visible(after)).astype(np.uint8)
        inside = cv2.erode(seen, np.ones((7, 7), np.uint8)) > 0
        around = warp(smooth[frame - 1], back.forward, Kernel.LANCZOS)
        around += warp(smooth[frame + 1], after.forward, Kernel.LANCZOS)
        energies.append(np.square((around - 2 * smooth[frame])[inside] / 4).mean(dtype=np.float64))
    return float(np.mean(energies))


def correlation(shot: Shot) -> float:
    """Return how alike edit and plate flicker: of the steps over time of both decoding errors.

    Compensation gains where it is above 0.5 (design, section 2).
    """
    encoding = Encoding.build(resolve_config(), "ACEScg")
    steps = []
    for decoded, linear in (
        (shot.decoded, shot.truth),
        (shot.decoded_plate, [one.rgb for one in shot.plates]),
    ):
        error = np.stack(
            [picture - encoding.encode(one) for picture, one in zip(decoded, linear, strict=True)]
        )
        steps.append(np.diff(error, axis=0).ravel())
    first, second = (step - step.mean() for step in steps)
    return float((first * second).mean() / (first.std() * second.std()))


def told(shot: Shot, encoding: Encoding) -> float | None:
    """Return what a run reports of this without knowing the truth, along DIS."""
    return likeness(
        shot.numbers,
        lambda n: shot.decoded[n],
        lambda n: shot.decoded_plate[n],
        lambda n: encoding.encode(shot.plates[n].rgb),
        DisFlow(),
    )


def main() -> None:
    """Measure all clips; print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--first", type=int, default=300, help="number of the first clip")
    parser.add_argument("--frames", type=int, default=20)
    asked = parser.parse_args()
    encoding = Encoding.build(resolve_config(), "ACEScg")
    model = load_model(resolve(DEMO), "cpu", torch.float32)
    found: dict[str, list[dict[str, float]]] = {}
    alike = []
    for number in range(asked.first, asked.first + asked.clips):
        shot = Shot.make(number, asked.frames, encoding, model)
        alike.append(correlation(shot))
        for name, pictures in lines(shot, encoding).items():
            found.setdefault(name, []).append(measure(shot, pictures, encoding))
        print(
            f"clip {number}, {KINDS[number % len(KINDS)]}: correlation {alike[-1]:.2f}, "
            f"told {told(shot, encoding) or math.nan:.2f}",
            flush=True,
        )
    first = next(iter(found.values()))
    print(f"\n{asked.clips} clips of {asked.frames} frames, mean correlation {np.mean(alike):.2f}")
    print("lines                     shimmer dB  worst    blocks dB  worst      RMSE   warp excess")
    for name, rows in found.items():
        gains = (f"{all_and_worst(rows, first, key):>22}" for key in ("shimmer", "high"))
        rmse, excess = (np.mean([row[key] for row in rows]) for key in ("rmse", "excess"))
        print(f"{name:<25}{''.join(gains)}{rmse:10.4f}{excess:14.3f}")
    levels = (np.sqrt(np.mean([row[key] for row in first])) for key in ("shimmer", "high"))
    print("0 dB are {:.4f} and {:.4f} stops, root mean square".format(*levels))


def all_and_worst(rows: list[dict[str, float]], first: list[dict[str, float]], key: str) -> str:
    """Return a figure against line 0 in dB, over all clips and of the worst."""
    pairs = [(row[key], zero[key]) for row, zero in zip(rows, first, strict=True)]
    total = sum(ours for ours, _ in pairs) / sum(theirs for _, theirs in pairs)
    worst = max(ours / theirs for ours, theirs in pairs)
    return f"{10 * np.log10(total):8.1f}{10 * np.log10(worst):8.1f}"


if __name__ == "__main__":
    main()
