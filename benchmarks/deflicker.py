"""The deflicker filter on synthetic clips with known truth, beside ffmpeg's `deflicker`.

python -m benchmarks.deflicker            # the table, 320x180, 48 frames: a quarter of an hour
python -m benchmarks.deflicker --chunks   # hashes of a clip filtered whole and in chunks
python -m benchmarks.deflicker --speed    # seconds per frame at 1920x1080
python -m benchmarks.deflicker --memory   # peak memory of a short and of a long clip
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.ffmpeg_deflicker import SIZES, ffmpeg_deflicker
from benchmarks.flicker_clips import FIRST, FLASHES, SCENES, Clip, Float32, Frame
from tokenflow.deflicker.flow import DisFlow, FlowPair, PlateAt
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.settings import STRENGTHS, Form, Settings
from tokenflow.deflicker.stops import to_stops
from tokenflow.deflicker.stream import deflicker
from tokenflow.deflicker.visibility import visible
from tokenflow.deflicker.warp import Kernel, warp

_BLOCK = 10
_CHUNKS = (5, 13, 16)
HEAD = (
    "scene, method                        rmse share silhouette    inner   s/i    E1      HF"
    "  flash   slow  sharp   lamp"
)


class KeptFlow:
    """The motion of a plate, computed once for all runs over it."""

    def __init__(self) -> None:
        self._flow, self._pairs = DisFlow(), dict[tuple[int, int], FlowPair]()

    @property
    def name(self) -> str:
        """Method and version."""
        return self._flow.name

    def pair(self, first: int, second: int, plate: PlateAt) -> FlowPair:
        """Return the motion between two frames."""
        if (first, second) not in self._pairs:
            self._pairs[first, second] = self._flow.pair(first, second, plate)
        return self._pairs[first, second]


class Case:
    """A clip with its frames, and the same with a steady light where the light changes."""

    def __init__(self, clip: Clip) -> None:
        self.clip, self.frames, self.flow = clip, list(clip), KeptFlow()
        self.twin: Case | None = None
        if clip.scene.flash or clip.scene.slow_light:
            steady = replace(clip.scene, flash=False, slow_light=False)
            self.twin = Case(replace(clip, scene=steady))

    @property
    def edits(self) -> list[Float32]:
        """The edit that flickers."""
        return [frame.flickering for frame in self.frames]

    @property
    def truth(self) -> list[Float32]:
        """The edit as it should be."""
        return [frame.truth for frame in self.frames]


@dataclass(frozen=True)
class Score:
    """How far a result is from the truth; see `measure` for the recipes."""

    rmse: float
    silhouette: float
    interior: float
    warp_excess: float
    high: float
    flash: float
    slow: float
    sharp: float
    lamp: float


def measure(
    case: Case, results: Sequence[Float32], steady: Sequence[Float32] | None = None
) -> Score:
    """Measure results against the truth of a clip.

    rmse, silhouette, interior
        Root mean square of ℓ(O) - ℓ(T) in stops: over the clip, in the band of 6 pixels round the
        outlines, and elsewhere.
    warp_excess
        Short warp error ×10³ (design, section 9) along the exact motion, less the truth's.
    high
        Energy of the mean errors of blocks of 10 pixels above a quarter of the frame rate (Hann).
    flash, slow
        How much is left of the flashes' height, and of the slow light change (least squares over
        the frames without flash): difference of the mean of ℓ between this result and `steady`,
        that of the same clip with the same flicker and a steady light, against the same difference
        of the truths. 1 is all.
    sharp
        Energy of the gradient of ℓ against the truth's.
    lamp
        The lamp's light against the picture's, geometric mean; 1 is the truth's.
    """
    frames = case.frames
    ours, truth = (np.stack([to_stops(p) for p in side]) for side in (results, case.truth))
    error = ours - truth
    band = np.stack([frame.silhouette for frame in frames])
    flash, slow = _kept(case, ours, truth, steady)
    return Score(
        rmse=_rms(error),
        silhouette=_rms(error[band]),
        interior=_rms(error[~band]),
        warp_excess=1e3 * (_warp_error(ours, frames) - _warp_error(truth, frames)),
        high=_high(error),
        flash=flash,
        slow=slow,
        sharp=_gradient_energy(ours) / _gradient_energy(truth),
        lamp=_lamp(error, np.stack([frame.lamp for frame in frames])),
    )


def _residual(case: Case, results: Sequence[Float32]) -> float:
    pairs = zip(results, case.truth, strict=True)
    return _rms(np.stack([to_stops(ours) - to_stops(truth) for ours, truth in pairs]))


def _lamp(error: Float32, lamp: npt.NDArray[np.bool_]) -> float:
    """Geometric mean over the frames that show the lamp; relative to the frame."""
    shown = [(frame[mask], frame) for frame, mask in zip(error, lamp, strict=True) if mask.any()]
    return float(np.exp2(np.mean([inside.mean() - frame.mean() for inside, frame in shown])))


def _rms(error: npt.NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))


def _warp_error(stops: Float32, frames: Sequence[Frame]) -> float:
    errors = []
    for (first, second), (here, there) in zip(pairwise(stops), pairwise(frames), strict=True):
        steps = [np.diff(here.forward, axis=a, append=here.forward.take([-1], a)) for a in (0, 1)]
        slope = sum((step**2).sum(-1) for step in steps)
        smooth = slope <= 0.01 * (here.forward**2).sum(-1) + 0.002
        mask = visible(FlowPair(here.forward, there.backward)) & smooth
        squares = (first - warp(second, here.forward, Kernel.LINEAR)) ** 2
        errors.append(squares[mask].mean(dtype=np.float64))
    return float(np.mean(errors))


def _high(error: Float32) -> float:
    frames, height, width = error.shape[:3]
    blocks = error[:, : height // _BLOCK * _BLOCK, : width // _BLOCK * _BLOCK]
    blocks = blocks.reshape(frames, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, 3)
    means = blocks.mean(axis=(2, 4), dtype=np.float64)
    spectrum = np.fft.rfft(means * np.hanning(frames)[:, None, None, None], axis=0)
    return float(np.sum(np.abs(spectrum[np.fft.rfftfreq(frames) > 0.25]) ** 2))


def _kept(
    case: Case, ours: Float32, truth: Float32, steady: Sequence[Float32] | None
) -> tuple[float, float]:
    """Return the shares of flash and slow light that are left; NaN where nothing changes."""
    if case.twin is None or steady is None:
        return np.nan, np.nan
    twins = (np.stack([to_stops(p) for p in side]) for side in (steady, case.twin.truth))
    change, wanted = (
        (lit - unlit).mean(axis=(1, 2, 3), dtype=np.float64)
        for lit, unlit in zip((ours, truth), twins, strict=True)
    )
    numbers = np.array(case.clip.numbers)
    lit = np.isin(numbers, FLASHES)
    beside = np.isin(numbers, [number + k for number in FLASHES for k in (-1, 1)]) & ~lit
    flash = (change[lit].mean() - change[beside].mean()) / (
        wanted[lit].mean() - wanted[beside].mean()
    )
    if not case.clip.scene.slow_light:
        return float(flash), np.nan
    shape = wanted[~lit] - wanted[~lit].mean()
    return float(flash), float((change[~lit] * shape).sum() / (shape**2).sum())


def _gradient_energy(stops: Float32) -> float:
    return float(sum(np.mean(np.square(np.diff(stops, axis=axis))) for axis in (1, 2)))


def filtered(
    case: Case, settings: Settings, edits: Sequence[Float32], chunk: int = 0
) -> list[Float32]:
    """Run the filter over edits of a clip, in chunks of so many frames if asked."""
    numbers = list(case.clip.numbers)
    pictures = {
        number: Picture(edit, frame.plate)
        for number, edit, frame in zip(numbers, edits, case.frames, strict=True)
    }
    size = chunk or len(numbers)
    cuts = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    # Chunks on a farm do not share their flows.
    return [
        result.edit
        for cut in cuts
        for result in deflicker(
            cut, numbers, pictures.__getitem__, DisFlow() if chunk else case.flow, settings
        )
    ]


def table(seed: int, names: Sequence[str]) -> None:
    """Print a row per scene and method."""
    print(HEAD)
    for scene in SCENES:
        if names and scene.name not in names:
            continue
        case = Case(Clip(scene, seed=seed))
        twin = case.twin
        before = measure(case, case.edits, twin.edits if twin else None)
        _row(f"{scene.name}: input", before, before)
        rivals = {size: ffmpeg_deflicker(case.edits, size) for size in SIZES}
        best = min(SIZES, key=lambda size: _residual(case, rivals[size]))
        steady = ffmpeg_deflicker(twin.edits, best) if twin else None
        _row(f"  ffmpeg size {best}", measure(case, rivals[best], steady), before)
        form: Form = "carried" if scene.grainy_edit else "bare"
        for name, settings in _settings(form).items():
            results = filtered(case, settings, case.edits)
            steady = filtered(twin, settings, twin.edits) if twin else None
            _row(f"  {name}", measure(case, results, steady), before)
        for name in ("normal", "strong"):
            settings = Settings(form, STRENGTHS[name])
            results = filtered(case, settings, case.truth)
            _row(f"  {name}, edit without flicker", measure(case, results), before)


def _settings(form: Form) -> dict[str, Settings]:
    given = {name: Settings(form, strength) for name, strength in STRENGTHS.items()}
    gain_only = {"normal, gain only": Settings(form, STRENGTHS["normal"], gain_only=True)}
    return given | gain_only


def _row(name: str, score: Score, before: Score) -> None:
    high = 10 * np.log10(max(score.high, 1e-12) / before.high)
    print(
        f"{name:34} {score.rmse:.4f} {score.rmse / before.rmse:.3f}  {score.silhouette:.4f} "
        f"({score.silhouette / before.silhouette:.3f}) {score.interior:.4f} "
        f"{score.silhouette / score.interior:5.2f} {score.warp_excess:7.2f} {high:6.1f} "
        f"{score.flash:6.3f} {score.slow:6.3f} {score.sharp:6.3f} {score.lamp:6.4f}",
        flush=True,
    )


def chunks(seed: int) -> None:
    """Print hashes of scene B, 160x90, filtered whole and in chunks."""
    case = Case(Clip(SCENES[3], width=160, height=90, seed=seed))
    for name in ("normal", "strong"):
        for chunk in (0, *_CHUNKS):
            results = filtered(case, Settings("bare", STRENGTHS[name]), case.edits, chunk)
            digest = hashlib.sha256(b"".join(result.tobytes() for result in results)).hexdigest()
            cut = f"chunks of {chunk}" if chunk else "whole"
            print(f"{name}, {cut:13} {digest[:16]}", flush=True)


def memory(short: int = 12, long: int = 48) -> None:
    """Print the peak memory while a clip of 480x270 is filtered, after some frames and after many.

    The clip is eight frames over and over, read from files each time as a shot would be.
    """
    clip = Clip(SCENES[2], width=480, height=270, frames=8)
    shot = list(range(FIRST, FIRST + long))
    with tempfile.TemporaryDirectory() as folder:
        for number, frame in zip(clip.numbers, clip, strict=True):
            np.save(f"{folder}/{number - FIRST}.npy", np.stack([frame.flickering, frame.plate]))

        def read(number: int) -> Picture:
            return Picture(*np.load(f"{folder}/{(number - FIRST) % clip.frames}.npy"))

        settings = Settings("bare", STRENGTHS["normal"])
        for done, _ in enumerate(deflicker(shot, shot, read, DisFlow(), settings), 1):
            if done in (short, long):
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"normal, {done} frames of 480x270: peak {peak:.0f} MiB", flush=True)


def speed(frames: int = 9) -> None:
    """Print seconds per frame at 1920x1080, wall clock and processor, two threads; and memory."""
    cv2.setNumThreads(2)
    clip = Clip(SCENES[3], width=1920, height=1080)
    made = [clip.frame(number) for number in clip.numbers[:frames]]
    pictures = {n: Picture(f.flickering, f.plate) for n, f in zip(clip.numbers, made, strict=False)}
    for form in ("bare", "carried"):
        for name in ("normal", "strong"):
            shot = list(pictures)
            settings = Settings(form, STRENGTHS[name])
            first, wall, processor = True, 0.0, 0.0
            for _ in deflicker(shot, shot, pictures.__getitem__, DisFlow(), settings):
                if first:  # reads the whole window
                    first, wall, processor = False, time.perf_counter(), time.process_time()
            count = len(shot) - 1
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{form}, {name}: {wall / count:.2f} s per frame, {processor / count:.2f} s of "
                f"processors, peak {memory:.0f} MiB with the clip",
                flush=True,
            )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--chunks", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scene", action="append", default=[], help="only this one; repeatable")
    asked = parser.parse_args()
    if asked.speed:
        speed()
    elif asked.memory:
        memory()
    elif asked.chunks:
        chunks(asked.seed)
    else:
        table(asked.seed, asked.scene)


if __name__ == "__main__":
    main()
