"""Judge colour edits: the colour asked for is reached, and nothing else changes.

Held-out shots of the demo world, one colour word of the caption changed, no matte. Judged against
the same scene rendered in the colour asked for.

- hue: the mean chroma vector (a, b of Oklab) over the solid's matte points nearer, in angle, to
  that of the rendered target than to that of the plate;
- outside: mean absolute change of the display picture where the matte is 0.

    python -m benchmarks.colour_edits
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from tokenflow.demo.render import render, render_picture
from tokenflow.demo.shot import FIRST_FRAME
from tokenflow.demo.view import to_display
from tokenflow.demo.world import Floats

from .demo_world import HEIGHT, WIDTH, edit_clip, edit_of, make_clip, pictures

_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_AB = np.array(
    [[1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
)


def chroma(picture: Floats, matte: Floats) -> complex:
    """Mean chroma a + ib (Oklab, Ottosson 2020) of a display picture over a matte."""
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    a, b = np.moveaxis(np.cbrt(linear @ _LMS.T) @ _AB.T, -1, 0)
    return complex((a * matte).sum(), (b * matte).sum()) / float(matte.sum())


def apart(first: complex, second: complex) -> float:
    """Angle between two chroma vectors in degrees."""
    return float(abs(np.degrees(np.angle(first / second))))


def judge(
    arguments: tuple[Path, int, int, dict[str, Any], str],
) -> tuple[str, bool, float, float, float]:
    """Edit one clip: its words, whether the hue was reached, both angles, change outside."""
    folder, number, frames, options, dtype = arguments
    clip = make_clip(folder, number, "color", frames)
    record = edit_clip(clip, edit_of(clip, options), dtype)
    plate, edited = (pictures(p, clip.frames) for p in (clip.plate, record.plan.output))
    hues, outside = [], []
    for frame, before, after in zip(clip.frames, plate, edited, strict=True):
        at = frame - FIRST_FRAME
        matte = render(clip.scene, at, WIDTH, HEIGHT).matte
        target = to_display(render_picture(clip.wanted, at, WIDTH, HEIGHT)[0])
        hues.append([chroma(p, matte) for p in (before, after, target)])
        outside.append(float(np.abs(after - before)[matte == 0].mean()))
    source, result, wanted = np.mean(hues, axis=0)
    to_target, to_source = apart(result, wanted), apart(result, source)
    words = f"{clip.scene.caption} -> {clip.wanted.color}"
    return words, to_target < to_source, to_target, to_source, float(np.mean(outside))


def main() -> None:
    """Judge all clips and print the two figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--edit", type=json.loads, default={}, help='fields of Edit, {"steps": 25}')
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks/colour"))
    a = parser.parse_args()
    work = [(a.folder, n, a.frames, a.edit, a.dtype) for n in range(a.clips)]
    rows = []
    with ProcessPoolExecutor(a.workers, mp_context=get_context("spawn")) as pool:
        for row in pool.map(judge, work):
            rows.append(row)
            words, reached, to_target, to_source, outside = row
            print(
                f"{'yes' if reached else 'NO ':<4}{to_target:6.1f} deg from asked, "
                f"{to_source:6.1f} from plate, outside {outside:.4f}  {words}",
                flush=True,
            )
    print(f"hue reached {100 * np.mean([row[1] for row in rows]):.0f} % of {len(rows)} shots")
    print(f"change outside the object {np.mean([row[4] for row in rows]):.4f}")


if __name__ == "__main__":
    main()
