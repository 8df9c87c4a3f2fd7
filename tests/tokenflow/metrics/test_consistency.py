"""Warp errors of pairs, short and long, on the same masks for all clips."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tokenflow.metrics.clips import clip_of, moving, standing, texture
from tokenflow.metrics.consistency import error_map, pair_errors, pairs_of
from tokenflow.metrics.warp_error import visible, warp_error


def test_the_pairs_of_a_shot_by_their_distance() -> None:
    pairs = pairs_of(range(1001, 1011))
    assert pairs["short"][0] == (1001, 1002) and len(pairs["short"]) == 9
    assert pairs["2"][-1] == (1008, 1010)
    assert pairs["8"] == [(1001, 1009), (1002, 1010)]
    assert pairs["first"][0] == (1001, 1003) and len(pairs["first"]) == 8


def test_a_short_shot_has_no_long_pairs() -> None:
    assert list(pairs_of([1, 2])) == ["short"]
    assert pairs_of([1]) == {}


def test_short_pairs_give_the_warp_error_of_the_clip() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.02, (5, *texture().shape)).astype(np.float32)
    pictures = [np.clip(texture(2 * n) + noise[n], 0, 1) for n in range(5)]
    clip, between = clip_of("edit", pictures), moving(2.0)
    pairs = pairs_of(clip.numbers)["short"]
    found = pair_errors([clip], pairs, between)["edit"]
    motions = [between(*pair)[0] for pair in pairs]
    assert found.mean(pairs) == pytest.approx(warp_error(pictures, motions), rel=1e-6)


def test_drift_shows_in_long_pairs_more_than_in_short_ones() -> None:
    drifting = clip_of("edit", [texture() * np.float32(1 + 0.01 * n) for n in range(9)])
    pairs = pairs_of(drifting.numbers)
    every = [pair for kind in pairs.values() for pair in kind]
    found = pair_errors([drifting], every, standing())["edit"]
    assert found.mean(pairs["8"]) == pytest.approx(64 * found.mean(pairs["short"]), rel=1e-3)


def test_light_is_compared_in_stops() -> None:
    """One stop everywhere, far above black: one square stop."""
    clip = clip_of("edit", [100 * texture(), 200 * texture()])
    pairs = pairs_of(clip.numbers)["short"]
    found = pair_errors([clip], pairs, standing())["edit"]
    assert found.mean(pairs, "stops") == pytest.approx(1.0, rel=1e-3)


def test_the_map_shows_where_frames_differ_and_nothing_off_the_mask() -> None:
    motion, mask = standing()(1, 2)
    changed = texture()
    changed[10:20, 10:20] += 0.2
    mask = mask.copy()
    mask[:, :15] = False
    where = error_map(texture(), changed, motion, mask)
    assert where[15, 17] == pytest.approx(0.2, rel=1e-4)
    assert not where[15, 12] and where[30:].max() < 1e-6
    assert visible(motion).all()
