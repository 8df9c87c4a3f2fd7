"""What ControlNets see of a shot."""

from __future__ import annotations

import numpy as np
import pytest

from tokenflow.pipeline.control_depth import DepthRange, draw_depth, inverse_depth
from tokenflow.pipeline.control_pictures import canny, soft_edges


def test_the_near_is_bright_and_the_far_is_dark() -> None:
    z = np.array([[1, 2, 4, 10000]], np.float32)
    drawn = draw_depth(inverse_depth(z), DepthRange(0.0, 1.0))
    assert np.allclose(drawn, [[1, 0.5, 0.25, 0.0001]])


@pytest.mark.parametrize("nothing", [np.inf, -np.inf, np.nan, 0.0, -3.0])
def test_what_has_no_depth_is_infinitely_far(nothing: float) -> None:
    assert inverse_depth(np.array([2, nothing], np.float32)).tolist() == [0.5, 0.0]


def test_depth_of_a_shot_has_one_range_so_that_it_does_not_flicker() -> None:
    near, far = (np.linspace(low, 1, 50, dtype=np.float32)[None] for low in (0.0, 0.5))
    whole = DepthRange.around([DepthRange.over([near]), DepthRange.over([far])])
    assert whole == DepthRange.over([near, far])
    assert np.allclose(draw_depth(far, whole), far, atol=0.01)


def test_a_few_stray_pixels_do_not_stretch_the_range() -> None:
    inverse = np.linspace(0.1, 0.5, 10000, dtype=np.float32).reshape(100, 100)
    inverse[0, :5] = 1e6
    assert DepthRange.over([inverse]).near < 0.51


def test_a_shot_without_any_depth_is_black() -> None:
    empty = np.zeros((4, 6), np.float32)
    assert not draw_depth(empty, DepthRange.over([empty])).any()
    assert not draw_depth(empty, DepthRange.around([])).any()


def test_what_rounding_leaves_of_a_flat_shot_is_not_drawn() -> None:
    flat = np.float32(1 / 7) + np.float32(2e-8) * np.arange(24, dtype=np.float32).reshape(4, 6)
    assert np.ptp(flat) > 0
    assert not draw_depth(flat, DepthRange.over([flat])).any()
    faint = flat + np.linspace(0, 1e-3, 24, dtype=np.float32).reshape(4, 6)
    assert np.ptp(draw_depth(faint, DepthRange.over([faint]))) == 1


def step(height: float = 1.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    picture = np.zeros((40, 60, 3), np.float32)
    picture[:, 30:] = height
    return picture


def test_canny_finds_a_step_and_nothing_else() -> None:
    edges = canny(step())
    assert set(np.unique(edges)) == {0.0, 1.0}
    columns = np.flatnonzero(edges.any(axis=0))
    assert set(columns) <= {29, 30}
    assert edges[:, columns].any(axis=1).all()


def test_soft_edges_grow_with_the_step_and_reach_white_at_the_highest() -> None:
    faint, strong = (soft_edges(step(height)) for height in (0.1, 1.0))
    assert strong.max() == pytest.approx(1.0, abs=0.1)
    assert faint.max() == pytest.approx(strong.max() * 0.1**0.5, rel=0.02)
    assert strong[:, 29:31].min() > 0.8
    assert strong[:, :5].max() < 0.05
