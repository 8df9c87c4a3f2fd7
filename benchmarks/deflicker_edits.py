"""What `tokenflow deflicker` does to real edits: those that `benchmarks.consistency` left behind.

    python -m benchmarks.consistency --clips 6 --rows per-frame tokenflow
    python -m benchmarks.deflicker_edits --clips 6

The warp error is along the exact motion, through the view; the pass takes the same motion
from the plate's files. The excess is what lies above the plate's own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ocio.exr import read_frame
from ocio.sequence import SequencePattern
from tokenflow.deflicker.stops import to_stops
from tokenflow.demo.world import KINDS
from tokenflow.metrics.warp_error import warp_error
from tokenflow.pipeline.deflicker_finished import deflicker_finished
from tokenflow.pipeline.finished import Asked, find_finished

from .demo_world import Clip, make_clip, motions, pictures

STRENGTHS = ("off", "light", "normal", "strong", "gain-only")


def gradients(folder: Path, clip: Clip) -> float:
    """Return the energy of the gradient of the logarithms: how sharp frames are."""
    frames = [to_stops(read_frame(folder / f"edit.{n}.exr").rgb()) for n in clip.frames]
    return float(
        np.mean([np.square(np.diff(one, axis=a)).mean() for one in frames for a in (0, 1)])
    )


def steadied(clip: Clip, edit: Path, strength: str) -> Path:
    """Filter an edit; return where the result lies."""
    if strength == "off":
        return edit
    out = edit.with_name(f"{edit.name} deflicker {strength}")
    asked = Asked(str(edit), str(clip.plate), str(out), strength, overwrite=True)
    deflicker_finished(find_finished(asked), lambda event: None)
    return out


def main() -> None:
    """Filter and measure; print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--first", type=int, default=100, help="number of the first clip")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--methods", nargs="+", default=["per-frame", "tokenflow"])
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks/consistency"))
    asked = parser.parse_args()
    excess: dict[tuple[str, str], list[float]] = {}
    sharp: dict[tuple[str, str], list[float]] = {}
    for number in range(asked.first, asked.first + asked.clips):
        clip = make_clip(asked.folder, number, KINDS[number % len(KINDS)], asked.frames)
        flow = motions(clip)
        own = warp_error(pictures(clip.plate, clip.frames), flow)
        for method in asked.methods:
            edit = clip.plate.folder.parent / method
            before = gradients(edit, clip)
            for strength in STRENGTHS:
                folder = steadied(clip, edit, strength)
                pattern = SequencePattern.parse(folder / "edit.####.exr")
                shown = pictures(pattern, clip.frames)
                excess.setdefault((method, strength), []).append(warp_error(shown, flow) - own)
                sharp.setdefault((method, strength), []).append(gradients(folder, clip) / before)
        print(f"clip {number} done", flush=True)
    print(f"\n{asked.clips} clips           excess x1000   of the edit's   sharpness")
    for (method, strength), values in excess.items():
        share = np.mean(values) / np.mean(excess[method, "off"])
        print(
            f"{method:<12}{strength:<12}{1e3 * np.mean(values):10.3f}{share:14.2f}"
            f"{np.mean(sharp[method, strength]):14.3f}"
        )


if __name__ == "__main__":
    main()
