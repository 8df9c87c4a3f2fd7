"""Blocks of frames and the keyframe that is drawn in each, from absolute numbers alone.

The draw of a block depends on the seed, the step and the block's number, and on nothing that was
drawn before: any part of a shot can be computed anywhere, in any order, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np

#: Purposes of random numbers: the highest word of the counter, so that no two uses share a number.
KEYFRAME_DRAW = 1
STRETCH_DRAW = 2
BENT_LEVEL = 3
BENT_NOISE = 4

_WORD = (1 << 64) - 1


def uniform(seed: int, purpose: int, step: int, number: int) -> float:
    """Draw the number in [0, 1) that belongs to a seed, a purpose, a step and an absolute number.

    See `counter_based`.
    """
    raw = counter_based(seed, purpose, step, number).random_raw()
    return float((int(raw) >> 11) * 2.0**-53)


def counter_based(seed: int, purpose: int, step: int, number: int) -> np.random.Philox:
    """Give the random bits that belong to a seed, a purpose, a step and an absolute number.

    Philox 4×64 (Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3*, SC 2011): the key is
    the seed, the counter (purpose, step, number).
    """
    # The lowest word of the counter stays free: it counts the draws inside one purpose.
    counter = np.array([0, number & _WORD, step & _WORD, purpose], dtype=np.uint64)
    key = np.array([seed & _WORD, 0], dtype=np.uint64)
    return np.random.Philox(key=key, counter=counter)


def blocks(frames: Iterable[int], interval: int) -> dict[int, tuple[int, ...]]:
    """Sort frame numbers into blocks: block b holds the frames bB … bB + B − 1 for interval B.

    Negative numbers included (floor division); blocks without frames are left out.
    """
    grouped = groupby(sorted(frames), key=lambda frame: frame // interval)
    return {number: tuple(members) for number, members in grouped}


def draw_keyframes(frames: Iterable[int], interval: int, seed: int, step: int) -> tuple[int, ...]:
    """Draw one keyframe in every block, ascending.

    Parameters
    ----------
    frames
        All frames of the *job*, not only those that are computed here.
    interval
        Frames per block.
    step
        Number of the step; the same number at each step gives fixed keyframes.
    """
    return tuple(
        members[int(uniform(seed, KEYFRAME_DRAW, step, number) * len(members))]
        for number, members in blocks(frames, interval).items()
    )
