"""Warp error: how much the pictures change along the plate's own motion (Lai et al., ECCV 2018).

Frame t + k is fetched along the plate's motion and compared with frame t, wherever the plate shows
the same point in both and no motion boundary runs through (`warp_error.visible`). The error of a
pair is the mean square over these pixels and three channels: of the picture through the view, 0 to
1, printed times 1000; or, in stops, of log2(x + 2^-8), printed times 1000. Short: k = 1. Long: k =
2, 4, 8, and every frame against the first. The excess is the edit's error minus the plate's, with
the same motion and mask: 0 is ideal, above is flicker, below means that real change or detail was
lost. Code values shrink with the light: an edit that darkens the shot has a smaller error for that
alone, and the one in stops tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tokenflow.metrics.clip import Clip
from tokenflow.metrics.flicker import Followed
from tokenflow.metrics.warp_error import Mask, Motion, warp

Float32 = npt.NDArray[np.float32]

LONG = (2, 4, 8)
Pair = tuple[int, int]


@dataclass(frozen=True)
class PairErrors:
    """Errors of one clip by pair of frames.

    Attributes
    ----------
    display
        Mean square of code values.
    stops
        Mean square of stops.
    """

    display: Mapping[Pair, float]
    stops: Mapping[Pair, float]

    def mean(self, pairs: Sequence[Pair], unit: str = "display") -> float:
        """Return the mean over some pairs."""
        errors = self.display if unit == "display" else self.stops
        return float(np.mean([errors[pair] for pair in pairs]))


def pairs_of(numbers: Sequence[int]) -> dict[str, list[Pair]]:
    """Return the pairs of each kind by name: ``short``, ``2``, ``4``, ``8``, ``first``.

    Kinds that a clip is too short for are left out.
    """
    kinds = {"short": list(pairwise(numbers))}
    for step in LONG:
        kinds[str(step)] = list(zip(numbers, numbers[step:], strict=False))
    kinds["first"] = [(numbers[0], number) for number in numbers[2:]]
    return {kind: pairs for kind, pairs in kinds.items() if pairs}


def square_error(first: Float32, second: Float32, motion: Motion, mask: Mask) -> float:
    """Return Σ((warp(second) − first)² m) / (3 Σm) of two pictures (h, w, 3); 0 for no pixel."""
    squares = ((warp(second, motion.forward) - first) ** 2).sum(-1)
    return float(squares[mask].sum(dtype=np.float64) / max(1, 3 * mask.sum()))


def error_map(first: Float32, second: Float32, motion: Motion, mask: Mask) -> Float32:
    """Return where the warp error lies: root mean square over channels, (h, w), 0 off the mask."""
    squares = ((warp(second, motion.forward) - first) ** 2).mean(-1)
    return np.where(mask, np.sqrt(squares), np.float32(0.0))


def pair_errors(
    clips: Sequence[Clip], pairs: Sequence[Pair], followed: Followed
) -> dict[str, PairErrors]:
    """Measure all clips, by name, on the same pairs, motion and masks."""
    display: dict[str, dict[Pair, float]] = {clip.name: {} for clip in clips}
    stops: dict[str, dict[Pair, float]] = {clip.name: {} for clip in clips}
    for pair in dict.fromkeys(pairs):
        motion, mask = followed(*pair)
        for clip in clips:
            for kept, look in ((display, clip.display), (stops, clip.stops)):
                kept[clip.name][pair] = square_error(look(pair[0]), look(pair[1]), motion, mask)
    return {clip.name: PairErrors(display[clip.name], stops[clip.name]) for clip in clips}
