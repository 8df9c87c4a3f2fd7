import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocio.grain import without_grain
from ocio.upsample import Guide, guided_upsample, make_guide
from ocio.window import Window

STOP = 1 / 17.52


def guide_of(
    plate: np.ndarray, size: tuple[int, int], *, at: tuple[int, int] = (0, 0), rectangle: Window
) -> Guide:
    window = Window(*at, plate.shape[1], plate.shape[0])
    return make_guide(plate, STOP, data_window=window, rectangle=rectangle, size=size)


def scene(height: int, width: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    steps = np.kron(random.random((4, 4, 3)), np.ones((-(-height // 4), -(-width // 4), 1)))
    grain = random.normal(0.0, 0.003, (height, width, 3))
    return (0.2 + 0.5 * steps[:height, :width] + grain).astype(np.float32)


def whole(plate: np.ndarray) -> Window:
    return Window(0, 0, plate.shape[1], plate.shape[0])


@given(
    st.integers(5, 60), st.integers(5, 60), st.integers(2, 16), st.integers(2, 16), st.integers()
)
@settings(max_examples=60, deadline=None)
def test_the_result_stays_within_the_coarse_values_around_it(
    height: int, width: int, rows: int, columns: int, seed: int
) -> None:
    plate = scene(height, width, abs(seed))
    low = np.random.default_rng(abs(seed) + 1).normal(size=(rows, columns, 3)).astype(np.float32)
    fine = guided_upsample(low, guide_of(plate, (columns, rows), rectangle=whole(plate)))
    y = np.floor((np.arange(height) + 0.5) * rows / height).astype(int)
    x = np.floor((np.arange(width) + 0.5) * columns / width).astype(int)
    near = np.pad(low, ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = np.stack([near[y + dy][:, x + dx] for dy in range(3) for dx in range(3)])
    assert (fine >= around.min(axis=0)).all()
    assert (fine <= around.max(axis=0)).all()


@given(st.integers(0, 50), st.floats(-2.0, 2.0, width=32))
@settings(max_examples=30, deadline=None)
def test_a_constant_stays_exactly_that_constant(seed: int, value: float) -> None:
    plate = scene(37, 51, seed)
    low = np.full((6, 7, 3), value, np.float32)
    assert (
        guided_upsample(low, guide_of(plate, (7, 6), rectangle=whole(plate))) == low[0, 0]
    ).all()


def test_zero_around_a_pixel_stays_exactly_zero() -> None:
    plate = scene(80, 80, 1)
    low = np.zeros((8, 8, 3), np.float32)
    low[5, 5] = 1.0
    fine = guided_upsample(low, guide_of(plate, (8, 8), rectangle=whole(plate)))
    outside = np.ones((80, 80), bool)
    outside[40:70, 40:70] = False
    assert (fine[outside] == 0.0).all()
    assert fine.any()


@pytest.mark.parametrize("tile", [7, 16, 33])
def test_the_result_does_not_depend_on_tiles(tile: int) -> None:
    plate = scene(70, 90, 2)
    guide = guide_of(plate, (13, 11), rectangle=whole(plate))
    low = np.random.default_rng(5).normal(size=(11, 13, 3)).astype(np.float32)
    at_once = guided_upsample(low, guide)
    for y in range(0, 70, tile):
        for x in range(0, 90, tile):
            part = Window(x, y, min(tile, 90 - x), min(tile, 70 - y))
            assert np.array_equal(
                guided_upsample(low, guide, window=part), at_once[part.slices_in(whole(plate))]
            )


def test_at_equal_resolution_the_coarse_picture_comes_back() -> None:
    flat = np.full((12, 15, 3), 0.4, np.float32)
    low = np.random.default_rng(5).normal(size=(12, 15, 3)).astype(np.float32)
    fine = guided_upsample(low, guide_of(flat, (15, 12), rectangle=whole(flat)))
    assert fine == pytest.approx(low, abs=1e-6)


def red_and_grey(width: int, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """A sharp edge: the log plate, and the edit at full resolution (nothing on grey)."""
    is_red = np.clip(edge - np.arange(width), 0.0, 1.0)[None, :, None]
    red, grey = np.array([0.5, 0.28, 0.27]), np.array([0.41, 0.41, 0.41])
    plate = np.repeat(is_red * red + (1 - is_red) * grey, width, axis=0)
    edit = np.repeat(is_red * np.array([-0.2, 0.05, 0.2]), width, axis=0)
    return plate.astype(np.float32), edit.astype(np.float32)


@pytest.mark.parametrize("edge", [53.0, 55.0, 57.5])
def test_an_edit_follows_the_edge_of_the_plate_at_ten_times_the_resolution(edge: float) -> None:
    plate, edit = red_and_grey(100, edge)
    low = edit.reshape(10, 10, 10, 10, 3).mean(axis=(1, 3))
    fine = guided_upsample(low, guide_of(plate, (10, 10), rectangle=whole(plate)))
    error = np.abs(fine - edit).max(axis=-1)[50]
    near = int(edge)
    assert error[: near - 1].max() < 0.02
    assert error[near + 2 :].max() < 0.02
    nearest = np.abs(np.kron(low, np.ones((10, 10, 1))) - edit).max(axis=-1)[50]
    assert error.mean() < 0.1 * nearest.mean()


def test_a_blurred_edge_comes_out_without_steps() -> None:
    """The range weight alone would switch from one coarse value to the next."""
    ramp = np.clip((np.arange(120) - 20) / 80, 0, 1).astype(np.float32)
    plate = np.repeat(np.repeat((0.2 + 0.5 * ramp)[None, :, None], 120, 0), 3, 2)
    low = np.repeat(np.repeat(ramp.reshape(12, 10).mean(1)[None, :, None], 12, 0), 3, 2)
    fine = guided_upsample(low, guide_of(plate, (12, 12), rectangle=whole(plate)))
    slope = np.diff(fine[60, 35:85, 0])
    assert slope == pytest.approx(1 / 80, rel=0.6)


def test_coarse_pixels_without_data_have_no_say() -> None:
    plate = np.full((20, 20, 3), 0.4, np.float32)
    rectangle = Window(0, 0, 40, 20)
    low = np.full((2, 4, 3), 0.3, np.float32)
    low[:, 2:] = 99.0
    fine = guided_upsample(low, guide_of(plate, (4, 2), rectangle=rectangle))
    assert fine.shape == (20, 20, 3)
    assert (fine == np.float32(0.3)).all()


def test_a_coarse_pixel_with_little_data_has_little_say() -> None:
    plate = np.full((20, 31, 3), 0.4, np.float32)
    low = np.zeros((2, 4, 3), np.float32)
    low[:, 3] = 1.0  # one column of ten has data
    fine = guided_upsample(low, guide_of(plate, (4, 2), rectangle=Window(0, 0, 40, 20)))
    assert 0.0 < fine[:, 29].max() < 0.2


def test_grain_is_smoothed_away_and_edges_are_kept() -> None:
    plate, _ = red_and_grey(64, 32.0)
    grain = np.random.default_rng(0).normal(0.0, 0.004, plate.shape).astype(np.float32)
    smooth, measured = without_grain(plate + grain)
    assert measured == pytest.approx([0.004] * 3, rel=0.2)
    assert (smooth - plate)[:, :28].std() < 0.5 * 0.004
    assert np.abs(np.diff(smooth, axis=1))[:, 31].mean(axis=0) == pytest.approx(
        np.abs(np.diff(plate, axis=1))[0, 31], rel=0.15
    )


def test_grain_does_not_get_into_a_smooth_edit() -> None:
    random = np.random.default_rng(1)
    plate = (0.4 + random.normal(0.0, 0.01, (100, 100, 3))).astype(np.float32)
    ramp = np.linspace(0.0, 0.2, 10, dtype=np.float32)
    low = np.repeat(np.repeat(ramp[None, :, None], 10, 0), 3, 2)
    fine = guided_upsample(low, guide_of(plate, (10, 10), rectangle=whole(plate)))
    assert fine[:, 50, 0].std() < 0.0003


def test_each_pixel_is_the_weighted_mean_of_nine_local_predictions() -> None:
    """The same formula once more, pixel by pixel and in double precision."""
    plate = scene(40, 60, 4)
    guide = guide_of(plate, (12, 8), rectangle=whole(plate))
    low = np.random.default_rng(6).normal(0.0, 0.1, (8, 12, 3)).astype(np.float32)
    fine = guided_upsample(low, guide)
    near = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]

    def at(y: int, x: int) -> tuple[int, int]:
        return min(max(y, 0), 7), min(max(x, 0), 11)

    def slope(y: int, x: int) -> np.ndarray:
        around = [at(y + dy, x + dx) for dy, dx in near]
        colours = np.array([guide.coarse[one] for one in around], np.float64)
        values = np.array([low[one] for one in around], np.float64)
        colours, values = colours - colours.mean(axis=0), values - values.mean(axis=0)
        own = colours.T @ colours / 9 + 2.0 * np.eye(3)
        return np.asarray(np.linalg.solve(own, colours.T @ values / 9))

    for y, x in [(0, 0), (17, 23), (20, 30), (39, 59), (11, 44)]:
        total, weights = np.zeros(3), 0.0
        middle = y // 5, x // 5
        for dy, dx in near:
            spline = 1.0
            for centre, step, count in ((y, dy, 5), (x, dx, 5)):
                f = (centre + 0.5) / count - 0.5 - centre // count
                spline *= {-1: (0.5 - f) ** 2 / 2, 0: 0.75 - f**2, 1: (0.5 + f) ** 2 / 2}[step]
            tap = at(middle[0] + dy, middle[1] + dx)
            apart = guide.fine[y, x].astype(np.float64) - guide.coarse[tap]
            weight = spline / (1.0 + apart @ apart) ** 4
            total += weight * (low[tap] + apart @ slope(*tap))
            weights += weight
        around = [low[at(middle[0] + dy, middle[1] + dx)] for dy, dx in near]
        expected = np.clip(total / weights, np.min(around, axis=0), np.max(around, axis=0))
        assert fine[y, x] == pytest.approx(expected, abs=1e-5)
