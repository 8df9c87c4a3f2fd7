"""Blocks and keyframe draws follow from absolute numbers."""

from __future__ import annotations

import pytest

from tokenflow.diffusion.batches import around_keyframes, in_order
from tokenflow.diffusion.keyframes import KEYFRAME_DRAW, blocks, draw_keyframes, uniform


def test_blocks_lie_on_absolute_numbers() -> None:
    assert blocks(range(1003, 1010), 4) == {
        250: (1003,),
        251: (1004, 1005, 1006, 1007),
        252: (1008, 1009),
    }


def test_negative_frames_fall_into_whole_blocks() -> None:
    assert blocks(range(-5, 3), 4) == {-2: (-5,), -1: (-4, -3, -2, -1), 0: (0, 1, 2)}


def test_blocks_without_frames_are_left_out() -> None:
    assert list(blocks([1, 2, 41], 8)) == [0, 5]


@pytest.mark.parametrize("frames", [range(1), range(7), range(8), range(-11, 12), [3, 40, 41]])
def test_every_block_has_one_keyframe_among_its_frames(frames: range | list[int]) -> None:
    for step in range(20):
        keyframes = draw_keyframes(frames, 8, 1, step)
        assert sorted(keyframes) == list(keyframes)
        for drawn, members in zip(keyframes, blocks(frames, 8).values(), strict=True):
            assert drawn in members


def test_a_draw_depends_on_its_own_block_alone() -> None:
    whole = draw_keyframes(range(-80, 80), 8, 3, 5)
    part = draw_keyframes(range(16, 32), 8, 3, 5)
    assert set(part) <= set(whole)


def test_every_frame_of_a_block_is_drawn_at_some_step() -> None:
    drawn = {draw_keyframes(range(8), 8, 1, step)[0] for step in range(200)}
    assert drawn == set(range(8))


def test_seed_step_and_number_each_change_the_draw() -> None:
    draws = {
        uniform(seed, KEYFRAME_DRAW, step, number)
        for seed in (0, 1, -1)
        for step in (0, 1)
        for number in (-1, 0, 1)
    }
    assert len(draws) == 18
    assert all(0 <= draw < 1 for draw in draws)


def test_draws_stay_what_they_are_between_versions() -> None:
    # Philox is defined by its paper; a change here changes every edit that was ever made.
    assert [draw_keyframes(range(1001, 1049), 8, 1, step) for step in (0, 49)] == [
        (1004, 1011, 1019, 1028, 1032, 1042, 1048),
        (1002, 1009, 1019, 1031, 1036, 1045, 1048),
    ]


def test_batches_have_one_size_and_hold_every_frame_once() -> None:
    keyframes = draw_keyframes(range(-3, 50), 8, 1, 0)
    batches = list(around_keyframes(range(-3, 50), keyframes, 8, 8))
    assert {batch.size for batch in batches} == {7}
    assert {len(batch.padded) for batch in batches} == {7}
    frames = [frame for batch in batches for frame in batch.frames]
    assert sorted([*frames, *keyframes]) == list(range(-3, 50))


@pytest.mark.parametrize(("interval", "size"), [(2, 8), (4, 6), (8, 7), (24, 8), (1, None)])
def test_a_batch_is_whole_blocks_or_a_part_of_one(interval: int, size: int | None) -> None:
    keyframes = range(0, 96, interval)
    batches = list(around_keyframes(range(96), keyframes, interval, 8))
    assert {batch.size for batch in batches} == (set() if size is None else {size})
    for batch in batches:
        first, last = batch.frames[0] // interval, batch.frames[-1] // interval
        assert last - first < max(1, 8 // max(1, interval - 1))


def test_the_last_batch_is_filled_up_with_its_last_frame() -> None:
    assert [batch.padded for batch in in_order((1, 2, 3), 2)] == [(1, 2), (3, 3)]
