"""Where an edit is at its worst: the pairs of frames and the line that flicker most."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tokenflow.metrics.consistency import Pair, error_map
from tokenflow.metrics.evaluation import Evaluation
from tokenflow.metrics.warp_error import visible

Float32 = npt.NDArray[np.float32]

SHOWN = 4  # pairs on a page, at least one of each edit
_GAIN = 3.0  # of the map, so that a change of a third is white
_SMOOTH = 5  # rows


@dataclass(frozen=True)
class WorstPair:
    """Two neighbouring frames of an edit that differ most along the plate's motion.

    Attributes
    ----------
    index
        Number of the edit.
    error
        Excess of the warp error over the plate's.
    before, after : (h, w, 3)
        The edit in both frames.
    where : (h, w, 3)
        The error as grey, brightened; black also where it is not measured.
    """

    name: str
    index: int
    pair: Pair
    error: float
    before: Float32
    after: Float32
    where: Float32

    @property
    def anchor(self) -> str:
        """Its name within the page."""
        return f"worst-{self.index}-{self.pair[0]}-{re.sub('[^a-zA-Z0-9]+', '-', self.name)}"


def worst_pairs(evaluation: Evaluation) -> list[WorstPair]:
    """Return the pairs of neighbours with the highest excess, edit by edit, the worst one first."""
    pairs = evaluation.pairs.get("short", [])
    base = evaluation.errors["plate"].display
    found = []
    for index, edit in enumerate(evaluation.edits):
        excess = {p: evaluation.errors[edit.name].display[p] - base[p] for p in pairs}
        ordered = sorted(excess, key=lambda pair: excess[pair], reverse=True)
        for pair in ordered[: max(1, SHOWN // len(evaluation.edits))]:
            motion = evaluation.motion.between(*pair)
            before, after = (edit.display(number) for number in pair)
            where = error_map(before, after, motion, visible(motion)) * np.float32(_GAIN)
            grey = np.repeat(where[..., None], 3, axis=2)
            found.append(WorstPair(edit.name, index, pair, excess[pair], before, after, grey))
    return found


def flickering_row(evaluation: Evaluation) -> int:
    """Return the row whose difference edit minus plate jerks most, over all edits.

    The measure is the mean square of its second difference over time; the middle row for fewer than
    three frames.
    """
    numbers = evaluation.subject.numbers
    height = int(evaluation.plate.display(numbers[0]).shape[0])
    energy = np.zeros(height)
    for edit in evaluation.edits:
        last: deque[Float32] = deque(maxlen=3)
        for number in numbers:
            last.append((edit.display(number) - evaluation.plate.display(number)).mean(axis=-1))
            if len(last) == 3:
                energy += ((last[0] - 2 * last[1] + last[2]) ** 2).mean(axis=1)
    if not energy.any():
        return height // 2
    # Rows near the border are hardly looked at, and show least of the shot.
    smooth = np.convolve(energy, np.ones(_SMOOTH) / _SMOOTH, mode="same")
    margin = height // 10
    return int(smooth[margin : height - margin].argmax()) + margin
