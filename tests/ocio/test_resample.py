import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocio.resample import INFINITE_LIGHT, AreaGrid, proxy
from ocio.window import EditRectangle, Window


def light(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


def test_a_whole_factor_gives_the_mean_of_each_block() -> None:
    plate = light(12, 20)
    expected = plate.reshape(3, 4, 5, 4, 3).mean(axis=(1, 3))
    assert proxy(plate, Window(0, 0, 20, 12), (5, 3)) == pytest.approx(expected, abs=1e-6)


@given(st.integers(3, 40), st.integers(3, 40), st.integers(1, 50), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_the_mean_of_the_picture_is_kept_at_any_size(h: int, w: int, nh: int, nw: int) -> None:
    plate = light(h, w)
    small = proxy(plate, EditRectangle(Window(0, 0, w, h)), (nw, nh))
    assert small.shape == (nh, nw, 3)
    assert small.mean(axis=(0, 1)) == pytest.approx(plate.mean(axis=(0, 1)), abs=1e-5)


def test_an_odd_sized_plate_weighs_cut_pixels_by_their_share() -> None:
    plate = np.repeat(np.arange(3, dtype=np.float32)[None, :, None], 3, axis=2)
    assert proxy(plate, Window(0, 0, 3, 1), (2, 1))[0, :, 0].tolist() == pytest.approx(
        [1 / 3, 5 / 3]
    )


def test_pixels_without_data_are_black() -> None:
    small = proxy(
        np.ones((4, 4, 3), np.float32), Window(0, 0, 8, 4), (4, 2), data_window=Window(3, 0, 4, 4)
    )
    assert small[0, :, 0].tolist() == [0.0, 0.5, 1.0, 0.5]


def test_nan_and_infinity_are_left_out_and_spread_nowhere() -> None:
    plate = np.full((4, 12, 3), 0.25, np.float32)
    clean = proxy(plate, Window(0, 0, 12, 4), (3, 1))
    plate[1, 1] = (np.nan, np.inf, -np.inf)
    assert proxy(plate, Window(0, 0, 12, 4), (3, 1)) == pytest.approx(clean)


def test_a_pixel_of_nothing_but_nan_is_black_and_of_infinity_bright() -> None:
    plate = np.zeros((2, 4, 3), np.float32)
    plate[:, :2], plate[:, 2:] = np.nan, np.inf
    small = proxy(plate, Window(0, 0, 4, 2), (2, 1))
    assert small[0, 0].tolist() == [0.0] * 3
    assert small[0, 1].tolist() == [INFINITE_LIGHT] * 3


def test_coverage_is_the_share_of_each_pixel_that_has_data() -> None:
    grid = AreaGrid(Window(-5, 2, 9, 100), Window(0, 0, 8, 8), (2, 4))
    assert grid.coverage.tolist() == [[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]
