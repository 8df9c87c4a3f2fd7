"""Seams of re-edited stretches, with exact motion.

Colour edits of held-out clips of the demo world, each re-edited in the middle: with another seed,
and with another colour word, both without a fade and with one of 4 frames. The figure is the warp
error of the pairs across the borders (with a fade: of all pairs from the last untouched frame to
the first whole one) divided by that of the pairs inside. Some pairs are harder than others whoever
edits them, so the same pairs of the whole shot in the new words are set against it too. For
contrast the stretch edited alone, as a shot of its own, and put among the earlier frames.

A fade itself is change: where a cut has the error d, n + 1 pairs have d / (n + 1)² each at best.

What is finished is kept in the folder, so that the benchmark can be stopped and goes on.

    python -m benchmarks.reedit
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ocio.frame_range import FrameRange
from ocio.sequence import SequencePattern
from tokenflow.demo.world import CHROMATIC_COLORS
from tokenflow.job import Base, Edit, EditJob, Output, Plate, Range, RunOptions
from tokenflow.metrics.warp_error import Motion, warp_error
from tokenflow.pipeline import run_job
from tokenflow.pipeline.record import Record

from .demo_world import Clip, edit_of, make_clip, motions, pictures

BLEND = 4

WAYS = ("pinned", "faded", "alone", "whole")
"""Among pinned keyframes, with a fade besides; as a shot of its own; and the whole shot anew."""


def run(clip: Clip, name: str, edit: Edit, frames: FrameRange, base: Base | None) -> Record:
    """Run one job on a clip; the workspace is the clip's."""
    folder = clip.plate.folder.parent
    job = EditJob(
        plate=Plate(str(clip.plate)),
        edit=edit,
        output=Output(str(folder / name / "edit.####.exr")),
        range=Range(frames),
        base=base,
    )
    options = RunOptions(workspace=folder / "workspace", resume=True)
    return run_job(job, options, lambda event: None)


def pair_errors(
    shown: dict[int, SequencePattern], frames: Sequence[int], flow: Sequence[Motion]
) -> dict[tuple[int, int], float]:
    """Warp error of every pair of frames, of which each may lie elsewhere."""
    seen = [pictures(shown[frame], [frame])[0] for frame in frames]
    return {
        pair: warp_error(two, [motion])
        for pair, two, motion in zip(pairwise(frames), pairwise(seen), flow, strict=True)
    }


def across_and_inside(
    errors: dict[tuple[int, int], float], stretch: FrameRange, blend: int
) -> tuple[float, float]:
    """Give the mean error across the borders of a stretch, fades included, and that inside."""
    first, last = stretch[0], stretch[-1]
    across = [
        error
        for (before, after), error in errors.items()
        if first - blend - 1 <= before < first or last < after <= last + blend + 1
    ]
    inside = [
        error for (before, after), error in errors.items() if first <= before and after <= last
    ]
    return float(np.mean(across)), float(np.mean(inside))


def judge(folder: Path, number: int, frames: int, stretch: FrameRange) -> dict[str, Any]:
    """Edit one clip in all ways; returns the errors across and inside."""
    clip = make_clip(folder, number, "color", frames)
    kept = clip.plate.folder.parent / f"seams-{frames}-{stretch}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    whole, flow = FrameRange.of(clip.frames), motions(clip)
    edit = edit_of(clip, {"steps": 10, "inversion_steps": 10})
    colours = [c for c in CHROMATIC_COLORS if c not in (clip.scene.color, clip.wanted.color)]
    third = clip.scene.with_word("color", colours[number % len(colours)])
    base = run(clip, "base", edit, whole, None)
    earlier = str(base.plan.output.folder)
    edits = {"seed": replace(edit, seed=7), "colour": replace(edit, prompt=third.caption)}
    found = {"words": f"{clip.scene.caption} -> {clip.wanted.color} -> {third.color}"}
    for name, changed in edits.items():
        for way in WAYS:
            blend = BLEND if way == "faded" else 0
            if way == "whole":
                record = run(clip, f"{name}-whole", changed, whole, None)
            else:
                upon = None if way == "alone" else Base(earlier, None, blend)
                record = run(clip, f"{name}-{way}", changed, stretch, upon)
            shown = dict.fromkeys(whole, record.plan.output)
            if way == "alone":
                shown |= {f: base.plan.output for f in whole if f not in stretch}
            errors = pair_errors(shown, clip.frames, flow)
            found[f"{name} {way}"] = across_and_inside(errors, stretch, blend)
            if way == "whole":
                found[f"{name} faded whole"] = across_and_inside(errors, stretch, BLEND)
    kept.write_text(json.dumps(found, indent=1) + "\n")
    return found


def main() -> None:
    """Judge all clips and print the seams."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=3)
    parser.add_argument("--first", type=int, default=100, help="number of the first clip")
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--stretch", type=FrameRange.parse, default=FrameRange.parse("1012-1021"))
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks/reedit"))
    a = parser.parse_args()
    print(f"{'warp error x 1000':<18}{'across':>9}{'inside':>9}{'ratio':>8}{'against whole':>15}")
    clips = []
    for number in range(a.first, a.first + a.clips):
        clip = judge(a.folder, number, a.frames, a.stretch)
        clips.append(clip)
        print(clip["words"])
        show(clip)
    print("mean")
    names = [name for name in clips[0] if isinstance(clips[0][name], list | tuple)]
    show({name: np.mean([clip[name] for clip in clips], axis=0) for name in names})


def show(clip: dict[str, Any]) -> None:
    """Print the errors of all ways, and what of them no way could avoid."""
    for name in ("seed", "colour"):
        for way in WAYS:
            across, inside = clip[f"{name} {way}"]
            own = clip[f"{name} faded whole" if way == "faded" else f"{name} whole"][0]
            figures = f"{across * 1e3:9.2f}{inside * 1e3:9.2f}{across / inside:8.2f}"
            print(f"{name + ' ' + way:<18}{figures}{across / own:15.2f}", flush=True)
        # All of the change in one pair, dealt out evenly over those of the fade.
        floor = (clip[f"{name} alone"][0] - clip[f"{name} whole"][0]) / (BLEND + 1) ** 2
        own = clip[f"{name} faded whole"][0]
        print(f"{'  a fade at best':<18}{(own + max(floor, 0)) * 1e3:9.2f}", flush=True)


if __name__ == "__main__":
    main()
