"""The paper's comparison of methods on held-out clips of the demo world, with exact motion.

Every kind of edit in turn (colour, pattern, floor, time of day), each clip edited by all methods
with the same technique, strength and seed. The warp error is along the renderer's exact motion, on
the finished frames through the view; the excess is what lies above the plate's own. The rows are
those of the paper's table 1. CLIP scores are by the bundled model of the demo world.

What is finished is kept in the folder, clip by clip and row by row, so that the benchmark can be
stopped and goes on, and new rows cost only themselves.

    python -m benchmarks.consistency
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from tokenflow.demo.world import KINDS
from tokenflow.job import Deflicker
from tokenflow.metrics.clip_score import DEMO_CLIP, ImageText, frame_consistency, text_score
from tokenflow.metrics.warp_error import Motion, warp_error

from .demo_world import Clip, edit_clip, edit_of, make_clip, motions, pictures

METHODS: dict[str, dict[str, Any]] = {
    "ldm-recon": {"method": "ldm-recon"},
    "per-frame": {"method": "per-frame"},
    "first-frame": {"method": "first-frame"},
    "joint-attention": {"method": "joint-attention"},
    "fixed keyframes": {"keyframes": "fixed"},
    "released": {"mode": "released"},
    "dreammotion": {"method": "dreammotion"},
    "tokenflow": {},
}
"""The paper's rows; in its words LDM recon., PnP per frame, Text2Video-Zero (its attention alone,
with the technique of the others), ours with joint attention, ours without
random keyframes, ours as its code does it, DreamMotion, ours."""

STRENGTH = {"guidance": 3.0, "qk_threshold": 0.5, "conv_threshold": 0.8}
"""Patterns and floors must be free to change, so the plate is held less than in the demo."""

DEFLICKERED = "normal"
"""The strength of the rows with deflicker."""

COMPARED = ("joint-attention", "fixed keyframes", "released", "tokenflow")


def rows() -> list[str]:
    """Return the names of the rows: every method, and with deflicker where the job has it."""
    strengths = get_args(get_type_hints(Deflicker)["strength"])
    with_it = [f"{name} + deflicker" for name in METHODS] if DEFLICKERED in strengths else []
    return [*METHODS, *with_it]


def judge(
    work: tuple[Path, int, int, dict[str, Any], str, Sequence[str], bool],
) -> dict[str, Any]:
    """Edit one clip by all methods that are not finished; returns kind, words and figures."""
    folder, number, frames, options, dtype, wanted, afresh = work
    clip = make_clip(folder, number, KINDS[number % len(KINDS)], frames)
    kept = clip.plate.folder.parent / "consistency.json"
    settings = {
        "version": metadata.version("tokenflow"),
        "frames": frames,
        "edit": {**STRENGTH, **options},
        "dtype": dtype,
    }
    found = json.loads(kept.read_text()) if kept.is_file() and not afresh else {}
    if found.get("settings") != settings:
        found = {
            "settings": settings,
            "kind": clip.kind,
            "words": f"{clip.scene.caption} -> {getattr(clip.wanted, clip.kind)}",
            "rows": {},
        }
    missing = [row for row in ("plate", *wanted) if row not in found["rows"]]
    flow = motions(clip) if missing else []
    judged = ImageText(DEMO_CLIP) if missing else None
    for row in missing:
        assert judged is not None
        found["rows"][row] = measure(clip, row, settings, flow, judged)
        # Whole or not at all: the benchmark may be stopped at any moment.
        partial = kept.with_suffix(".tmp")
        partial.write_text(json.dumps(found, indent=1) + "\n")
        partial.replace(kept)
    return {"kind": found["kind"], "words": found["words"], **found["rows"]}


def measure(
    clip: Clip, row: str, settings: dict[str, Any], flow: list[Motion], judged: ImageText
) -> dict[str, float | None]:
    """Edit a clip as a row says, and measure it."""
    frames = pictures(clip.plate, clip.frames)
    if row != "plate":
        method, _, deflickered = row.partition(" + ")
        edit = replace(edit_of(clip, settings["edit"]), **METHODS[method])
        strength = DEFLICKERED if deflickered else "off"
        record = edit_clip(clip, edit, settings["dtype"], row.replace(" ", "-"), strength)
        frames = pictures(record.plan.output, clip.frames)
    embedded = [judged.of_picture(frame) for frame in frames]
    return {
        "warp_error": warp_error(frames, flow),
        "clip_text": text_score(embedded, judged.of_text(clip.wanted.caption)),
        "clip_frames": frame_consistency(embedded),
    }


def excess(clips: list[dict[str, Any]], row: str) -> float:
    """Mean over clips of the warp error above the plate's."""
    return float(np.mean([c[row]["warp_error"] - c["plate"]["warp_error"] for c in clips]))


def mean(clips: list[dict[str, Any]], row: str, figure: str) -> float:
    """Mean of a figure over clips."""
    return float(np.mean([clip[row][figure] for clip in clips]))


def print_table(clips: list[dict[str, Any]], wanted: Sequence[str]) -> None:
    """Print the paper's table, with the excess and its ratio to per-frame editing's."""
    base = excess(clips, "per-frame") if "per-frame" in wanted else float("nan")
    print(
        f"\n{len(clips)} clips              warp x1000   excess   ratio   CLIP text   CLIP frames"
    )
    for row in ("plate", *wanted):
        above = excess(clips, row)
        ratio = f"{above / base:8.2f}" if row != "plate" else " " * 8
        print(
            f"{row:<28}{1000 * mean(clips, row, 'warp_error'):8.3f} {1000 * above:8.3f}{ratio}"
            f"{mean(clips, row, 'clip_text'):12.3f}{mean(clips, row, 'clip_frames'):14.3f}"
        )


def print_kinds(clips: list[dict[str, Any]], wanted: Sequence[str]) -> None:
    """Print the excess by kind of edit, as a share of per-frame editing's."""
    compared = [row for row in COMPARED if row in wanted]
    if "per-frame" not in wanted or not compared:
        return
    print("\nexcess over per-frame's      " + "".join(f"{row:>17}" for row in compared))
    groups: dict[str, tuple[str, ...]] = {kind: (kind,) for kind in KINDS}
    groups |= {"pattern and floor": ("pattern", "floor"), "all": KINDS}
    for name, kinds in groups.items():
        chosen = [clip for clip in clips if clip["kind"] in kinds]
        if chosen:
            base = excess(chosen, "per-frame")
            ratios = "".join(f"{excess(chosen, row) / base:17.2f}" for row in compared)
            print(f"{name:<18} {len(chosen):3} clips  {ratios}")


def main() -> None:
    """Judge all clips; print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--first", type=int, default=100, help="number of the first clip")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--edit", type=json.loads, default={}, help='fields of Edit, {"steps": 25}')
    parser.add_argument("--rows", nargs="+", choices=rows(), default=rows(), metavar="ROW")
    parser.add_argument("--afresh", action="store_true", help="measure again what is kept")
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks/consistency"))
    a = parser.parse_args()
    numbers = range(a.first, a.first + a.clips)
    work = [(a.folder, number, a.frames, a.edit, a.dtype, a.rows, a.afresh) for number in numbers]
    clips = []
    print("warp error x1000" + "".join(f"{row:>17}" for row in ("plate", *a.rows)))
    with ProcessPoolExecutor(a.workers, mp_context=get_context("spawn")) as pool:
        for clip in pool.map(judge, work):
            clips.append(clip)
            errors = (1000 * clip[row]["warp_error"] for row in ("plate", *a.rows))
            figures = "".join(f"{error:17.3f}" for error in errors)
            print(f"{clip['kind']:<16}{figures}   {clip['words']}", flush=True)
    print_table(clips, a.rows)
    print_kinds(clips, a.rows)


if __name__ == "__main__":
    main()
