"""The cut of a shot into chunks leaves no trace."""

from __future__ import annotations

import weakref
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.tokenflow.deflicker.shots import (
    FLICKER,
    LIGHT,
    STRONG,
    Float32,
    clip,
    pictures,
    run,
    same,
)
from tokenflow.deflicker.flow import DisFlow
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.settings import Settings
from tokenflow.deflicker.stream import deflicker

FRAMES = clip(FLICKER, 14)
SHOT = pictures(FRAMES)
NUMBERS = sorted(SHOT)
WHOLE = run(SHOT)


@pytest.mark.parametrize("size", [1, 5, 13])
def test_any_chunking_gives_the_same_bits(size: int) -> None:
    cuts = [NUMBERS[start : start + size] for start in range(0, len(NUMBERS), size)]
    parts = {n: edit for cut in cuts for n, edit in run(SHOT, frames=cut).items()}
    assert all(same(parts[number], WHOLE[number]) for number in NUMBERS)


def test_frames_asked_for_in_any_order_are_the_same() -> None:
    parts = run(SHOT, frames=[NUMBERS[9], NUMBERS[2], NUMBERS[3]])
    assert list(parts) == [NUMBERS[2], NUMBERS[3], NUMBERS[9]]
    assert all(same(edit, WHOLE[number]) for number, edit in parts.items())


@pytest.mark.parametrize(("workers", "threads"), [(2, 1), (3, 2), (1, 2)])
def test_the_number_of_threads_changes_nothing(workers: int, threads: int) -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(threads)
        results = run(SHOT, workers=workers)
    finally:
        cv2.setNumThreads(before)
    assert all(same(results[number], WHOLE[number]) for number in NUMBERS)


def test_a_changed_frame_changes_its_window_only() -> None:
    changed, settings = NUMBERS[6], Settings("bare", LIGHT)
    edit = SHOT[changed].edit * np.float32(1.1)
    before = run(SHOT, settings)
    after = run(SHOT | {changed: replace(SHOT[changed], edit=edit)}, settings)
    differ = [number for number in NUMBERS if not same(before[number], after[number])]
    assert differ == list(range(changed - 2, changed + 3))


def test_a_shot_of_every_second_frame_is_filtered_with_the_neighbours_it_has() -> None:
    sparse = {number: SHOT[number] for number in NUMBERS[::2]}
    dense = dict(zip(range(1, 8), sparse.values(), strict=True))
    for (number, ours), (_, other) in zip(run(sparse).items(), run(dense).items(), strict=True):
        assert same(ours, other)
        assert not same(ours, sparse[number].edit)


@pytest.mark.parametrize("count", [1, 2])
def test_shots_of_one_or_two_frames_come_through(count: int) -> None:
    shot = {number: SHOT[number] for number in NUMBERS[:count]}
    results = run(shot)
    assert same(results[NUMBERS[0]], shot[NUMBERS[0]].edit) == (count == 1)


def test_memory_holds_the_window_and_no_more() -> None:
    alive: list[weakref.ref[Float32]] = []
    held = []

    def read(number: int) -> Picture:
        frame = SHOT[number]
        edit = frame.edit.copy()
        alive.append(weakref.ref(edit))
        held.append(sum(kept() is not None for kept in alive))
        return Picture(edit, frame.plate)

    list(deflicker(NUMBERS, NUMBERS, read, DisFlow(), Settings("bare", LIGHT)))
    assert len(alive) == len(NUMBERS)  # each frame is read once
    assert max(held) == 5


def test_a_handle_that_cannot_be_read_is_an_error() -> None:
    missing = {number: SHOT[number] for number in NUMBERS if number != NUMBERS[7]}
    with pytest.raises(KeyError):
        run(missing, frames=[NUMBERS[6]], numbers=NUMBERS)


def test_a_frame_outside_the_shot_is_an_error() -> None:
    with pytest.raises(ValueError, match="frame 7 is not in the shot"):
        run(SHOT, frames=[7])


def test_pictures_of_different_sizes_are_an_error() -> None:
    odd = replace(SHOT[NUMBERS[1]], plate=SHOT[NUMBERS[1]].plate[:-1])
    with pytest.raises(ValueError, match="differ in size"):
        run(SHOT | {NUMBERS[1]: odd})


def test_strong_reads_five_frames_on_each_side() -> None:
    read: list[int] = []

    def note(number: int) -> Picture:
        read.append(number)
        return SHOT[number]

    list(deflicker([NUMBERS[6]], NUMBERS, note, DisFlow(), Settings("bare", STRONG)))
    assert read == NUMBERS[1:12]
