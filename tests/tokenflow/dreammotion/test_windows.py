from __future__ import annotations

import pytest
import torch

from tokenflow.dreammotion.noise import draw_noise, draw_timestep
from tokenflow.dreammotion.windows import cut


def ranges(*given: int, length: int = 16, overlap: int = 4) -> list[tuple[int, int]]:
    windows = cut(range(given[0], given[1] + 1), length, overlap)
    return [(one.frames[0], one.frames[-1]) for one in windows]


def test_a_shot_that_fits_is_one_window() -> None:
    assert ranges(1001, 1016) == [(1001, 1016)]
    assert ranges(7, 7) == [(7, 7)]


def test_windows_start_at_absolute_numbers() -> None:
    assert ranges(0, 39) == [(0, 15), (12, 27), (24, 39)]
    assert ranges(1001, 1048) == [
        (1001, 1011),
        (1008, 1023),
        (1020, 1035),
        (1032, 1047),
        (1044, 1048),
    ]
    assert ranges(-20, 10) == [(-20, -9), (-12, 3), (0, 10)]


def test_a_window_that_lies_in_its_neighbour_is_left_out() -> None:
    assert ranges(0, 26)[-1] == (12, 26)
    assert ranges(0, 27) == [(0, 15), (12, 27)]
    assert ranges(14, 43) == [(14, 27), (24, 39), (36, 43)]


@pytest.mark.parametrize(("length", "overlap"), [(16, 4), (8, 7), (5, 0), (1, 0), (10, 6)])
def test_every_frame_is_in_a_window_and_no_window_is_too_long(length: int, overlap: int) -> None:
    for first in (-7, 0, 1001):
        for count in (1, 4, 17, 40):
            frames = range(first, first + count)
            windows = cut(frames, length, overlap)
            assert {frame for one in windows for frame in one.frames} == set(frames)
            assert all(len(one.frames) <= length for one in windows)
            assert all(
                one.triangle(f) > 0 and one.ramp(f) > 0 for one in windows for f in one.frames
            )


def test_a_gap_in_the_shot_is_a_gap_in_its_window() -> None:
    assert [one.frames for one in cut((1, 2, 5, 30), 16, 4)] == [(1, 2, 5), (30,)]


def test_the_cross_fade_is_linear_over_what_two_windows_share() -> None:
    first, second = cut(range(0, 28), 16, 4)
    for frame, share in ((12, 0.2), (13, 0.4), (14, 0.6), (15, 0.8)):
        total = first.ramp(frame) + second.ramp(frame)
        assert second.ramp(frame) / total == pytest.approx(share)


def test_a_frames_noise_is_its_own_in_every_window_and_order() -> None:
    together = draw_noise(7, 3, (10, 11, 12), (4, 2, 2))
    apart = draw_noise(7, 3, (12, 10), (4, 2, 2))
    assert torch.equal(together[2], apart[0]) and torch.equal(together[0], apart[1])
    assert together.dtype == torch.float32
    for other in (draw_noise(8, 3, (10,), (4, 2, 2)), draw_noise(7, 4, (10,), (4, 2, 2))):
        assert not torch.equal(other[0], together[0])


def test_noise_is_gaussian() -> None:
    drawn = draw_noise(1, 0, range(50), (4, 16, 16))
    assert float(drawn.mean()) == pytest.approx(0, abs=0.02)
    assert float(drawn.std()) == pytest.approx(1, abs=0.02)


def test_levels_fill_their_range_and_leave_its_end_out() -> None:
    drawn = {draw_timestep(5, step, 50, 60) for step in range(400)}
    assert drawn == set(range(50, 60))


def test_the_global_generators_are_not_touched() -> None:
    before = torch.get_rng_state()
    draw_noise(1, 0, (1,), (4, 2, 2))
    assert torch.equal(before, torch.get_rng_state())
