"""The picture of docs/deflicker.md: one line of a clip over time, before and after the pass.

python -m benchmarks.deflicker_picture docs/images/deflicker.png
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import cv2
import numpy as np

from benchmarks.ffmpeg_deflicker import ffmpeg_deflicker
from benchmarks.flicker_clips import SCENES, Clip, Float32
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.settings import settings_named
from tokenflow.deflicker.stream import deflicker
from tokenflow.deflicker.vectors import VectorFlow, Vectors

ROW = 0.5
_HEIGHT, _GAP = 3, 8  # pixels per frame, and between two slices


def slice_of(pictures: Sequence[Float32]) -> Float32:
    """Return one line of a clip over time, downwards, as a display would show it: 0..1."""
    lines = np.stack([picture[int(ROW * len(picture))] for picture in pictures])
    return np.asarray(np.clip(lines, 0, 1) ** (1 / 2.2), np.float32).repeat(_HEIGHT, axis=0)


def main() -> None:
    """Make the clip, filter it, draw the slices one below the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out")
    clip = Clip(SCENES[3])
    numbers = list(clip.numbers)
    frames = dict(zip(numbers, clip, strict=True))
    flow = VectorFlow(lambda n: Vectors(frames[n].forward, frames[n].backward), numbers, "rendered")
    edits = [frame.flickering for frame in frames.values()]

    def read(number: int) -> Picture:
        return Picture(frames[number].flickering, frames[number].plate)

    steady = deflicker(numbers, numbers, read, flow, settings_named("strong", "bare"))
    columns = [
        edits,
        ffmpeg_deflicker(edits, 9),
        [result.edit for result in steady],
        [frame.truth for frame in frames.values()],
    ]
    slices = [slice_of(pictures) for pictures in columns]
    gap = np.ones((_GAP, clip.width, 3), np.float32)
    rows = [
        np.concatenate([slices[0], gap, slices[1]]),
        np.concatenate([slices[2], gap, slices[3]]),
    ]
    between = np.ones((len(rows[0]), _GAP, 3), np.float32)
    whole = np.concatenate([rows[0], between, rows[1]], axis=1)
    cv2.imwrite(parser.parse_args().out, np.rint(whole[..., ::-1] * 255).astype(np.uint8))


if __name__ == "__main__":
    main()
