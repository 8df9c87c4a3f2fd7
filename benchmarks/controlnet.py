"""Compare what holds an edit to its shot: the plate's features, a late start, or its depth.

Held-out clips of the demo world, one word of the caption changed, the same guidance and steps for
all; `free` is an edit that nothing holds, which says what ControlNet itself adds.

- reached: the image-text model of the demo world finds the edited pictures nearer to the sentence
  that was asked for than to that of the plate;
- structure: distance of edges to the plate's (`tokenflow.metrics.fidelity`), 0 is the plate;
- target: mean absolute difference to the same scene rendered as asked for.

What is finished is kept in the folder, so that the benchmark can be stopped and goes on.

    python -m benchmarks.controlnet
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from tokenflow.checkpoints.controlnet import DEMO_DEPTH_FOLDER
from tokenflow.demo.render import render_picture
from tokenflow.demo.shot import FIRST_FRAME
from tokenflow.demo.view import to_display
from tokenflow.demo.world import Floats, Kind
from tokenflow.job import Control
from tokenflow.metrics import clip as metrics
from tokenflow.metrics.clip_score import DEMO_CLIP, ImageText
from tokenflow.metrics.fidelity import structure_distance

from .demo_world import HEIGHT, WIDTH, Clip, edit_clip, edit_of, make_clip, pictures

STEPS = 10  # those of the demo
KINDS: tuple[Kind, ...] = ("color", "floor")
HELD: dict[str, dict[str, Any]] = {
    "pnp": {},
    "sdedit": {"technique": "sdedit"},
    "controlnet": {"technique": "controlnet"},
    "controlnet 0.5": {"technique": "controlnet", "controls": (Control(weight=0.5),)},
    "free": {"qk_threshold": 0.0, "conv_threshold": 0.0},
}


def judged(clip: Clip, edited: list[Floats], score: ImageText) -> dict[str, float]:
    """Return the figures of one edit."""
    plate = pictures(clip.plate, clip.frames)
    wanted = [
        to_display(render_picture(clip.wanted, frame - FIRST_FRAME, WIDTH, HEIGHT)[0])
        for frame in clip.frames
    ]
    seen = np.mean([score.of_picture(picture) for picture in edited], axis=0)
    asked, shown = (score.of_text(scene.caption) for scene in (clip.wanted, clip.scene))
    edit, source = (
        metrics.Clip(name, clip.frames, np.stack(side), np.stack(side))
        for name, side in (("edit", edited), ("plate", plate))
    )
    return {
        "reached": float(seen @ asked > seen @ shown),
        "structure": structure_distance(edit, source, clip.frames),
        "target": float(np.abs(np.stack(edited) - np.stack(wanted)).mean()),
    }


def figures(folder: Path, number: int, frames: int, name: str, score: ImageText) -> dict[str, Any]:
    """Edit and judge one clip in one way, unless that is done."""
    clip = make_clip(folder, number, KINDS[number % len(KINDS)], frames)
    weights = ""
    if HELD[name].get("technique") == "controlnet":
        weights = (DEMO_DEPTH_FOLDER / "checksums.json").read_text()
    file = clip.plate.folder.parent / f"{name}.json"
    asked = {"frames": frames, "options": str(HELD[name]), "weights": weights}
    if file.exists() and (found := json.loads(file.read_text()))["asked"] == asked:
        return dict(found)
    steps = {"steps": STEPS, "inversion_steps": STEPS}
    record = edit_clip(clip, edit_of(clip, steps | HELD[name]), name=name)
    found = judged(clip, pictures(record.plan.output, clip.frames), score)
    words = f"{clip.scene.caption} -> {getattr(clip.wanted, clip.kind)}"
    file.write_text(json.dumps({"asked": asked, "words": words, **found}))
    return {"words": words, **found}


def main() -> None:
    """Print the figures of every edit, then their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--held", nargs="+", choices=[*HELD], default=[*HELD])
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks/controlnet"))
    a = parser.parse_args()
    score = ImageText(DEMO_CLIP)
    for name in a.held:
        rows = []
        for number in range(a.clips):
            row = figures(a.folder, number, a.frames, name, score)
            rows.append([row[key] for key in ("reached", "structure", "target")])
            print(
                f"  {name:<15}" + "".join(f"{x:8.4f}" for x in rows[-1]), row["words"], flush=True
            )
        reached, structure, target = np.mean(rows, axis=0)
        print(
            f"{name:<15} reached {100 * reached:.0f} %, structure {structure:.4f}, "
            f"target {target:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
