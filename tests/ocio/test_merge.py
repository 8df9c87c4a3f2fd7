from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocio.config import resolve_config
from ocio.encoding import Encoding, Kind
from ocio.exr import inspect, read_frame
from ocio.exr_write import write_frame
from ocio.merge import Placement, delta, merge_delta, merge_replace
from ocio.resample import proxy
from ocio.sequence import find_sequence
from ocio.window import EditRectangle, Window, edit_rectangle
from tests.ocio.plates import bits, rgb, shared_plate, write_plate

ACES_1 = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
CONFIGS = {"aces-2": None, "aces-1": ACES_1}
RECTANGLE = EditRectangle(Window(0, 0, 48, 32))
SIZE = (12, 8)


@pytest.fixture(scope="module")
def encodings() -> dict[tuple[str, str], Encoding]:
    kinds: tuple[Kind, ...] = ("view", "log", "logc3", "logc4", "reinhard")
    return {
        (config, kind): Encoding.build(resolve_config(location), "ACEScg", kind)
        for config, location in CONFIGS.items()
        for kind in kinds
    }


@pytest.fixture(scope="module")
def encoding(encodings: dict[tuple[str, str], Encoding]) -> Encoding:
    return encodings["aces-2", "view"]


def plate_light(dtype: str = "float32", *, nasty: bool = True, seed: int = 0) -> np.ndarray:
    channels = rgb(32, 48, dtype=dtype, nasty=nasty, seed=seed)
    return np.stack(list(channels.values()), -1, dtype=np.float32)


def same_bits(one: Any, other: Any) -> bool:
    return bool(np.array_equal(bits(one), bits(other)))


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("kind", ["view", "log", "logc3", "logc4", "reinhard"])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_an_edit_that_changes_nothing_returns_the_plate_bit_for_bit(
    tmp_path: Path,
    encodings: dict[tuple[str, str], Encoding],
    config: str,
    kind: str,
    dtype: str,
) -> None:
    encoding = encodings[config, kind]
    channels = rgb(32, 48, dtype=dtype, nasty=True)
    frame = read_frame(write_plate(tmp_path / "p.exr", channels))
    seen = encoding.encode(proxy(frame.rgb(), RECTANGLE, SIZE))
    merged = merge_delta(
        frame.rgb(), delta(encoding, seen, seen.copy()), encoding, Placement(RECTANGLE)
    )
    write_frame(tmp_path / "o.exr", frame.with_rgb(merged.rgb, merged.touched))
    back = read_frame(tmp_path / "o.exr").parts[0].channels
    for name, samples in channels.items():
        assert same_bits(samples, back[name]), name
    assert merged.counts.touched == 0
    assert merged.counts.nan == 1
    assert merged.counts.infinite == 2


def brighter(encoding: Encoding, plate: np.ndarray, by: float = 0.02) -> np.ndarray:
    seen = encoding.encode(proxy(plate, RECTANGLE, SIZE))
    return delta(encoding, np.clip(seen + np.float32(by), 0, 1), seen)


def test_a_difference_of_exactly_zero_in_part_of_the_picture_leaves_that_part_alone(
    encoding: Encoding,
) -> None:
    plate = plate_light()
    change = brighter(encoding, plate)
    change[:, :6] = 0.0
    merged = merge_delta(plate, change, encoding, Placement(RECTANGLE))
    assert same_bits(merged.rgb[:, :20], plate[:, :20])
    assert not merged.touched[:, :20].any()
    assert merged.touched[:, 28:].any()


def test_nan_and_infinity_stay_where_they_are_and_spread_nowhere(encoding: Encoding) -> None:
    clean = plate_light(nasty=False)
    change = brighter(encoding, clean)
    plate = clean.copy()
    plate[10, 10] = (np.nan, 1.0, 2.0)
    plate[20, 30, 1] = np.inf
    merged = merge_delta(plate, change, encoding, Placement(RECTANGLE))
    broken = ~np.isfinite(plate).all(axis=-1)
    assert same_bits(merged.rgb[broken], plate[broken])
    assert np.isfinite(merged.rgb[~broken]).all()
    reference = merge_delta(clean, change, encoding, Placement(RECTANGLE))
    away = np.ones(broken.shape, bool)
    away[8:13, 8:13] = away[18:23, 28:33] = False
    assert merged.rgb[away] == pytest.approx(reference.rgb[away], rel=0.02)


def test_an_exposure_edit_keeps_the_ratios_of_grain_and_texture(encoding: Encoding) -> None:
    plate = plate_light(nasty=False) + np.float32(0.05)
    one_stop = np.full((8, 12, 3), encoding.log.stop, np.float32)
    merged = merge_delta(plate, one_stop, encoding, Placement(RECTANGLE))
    assert merged.rgb == pytest.approx(2.0 * plate, rel=1e-3)


@pytest.mark.parametrize("soft", [False, True])
def test_outside_a_matte_the_plate_comes_back_bit_for_bit(encoding: Encoding, soft: bool) -> None:
    plate = plate_light()
    matte = np.zeros((32, 48), np.float32)
    matte[8:24, 12:30] = 0.5 if soft else 1.0
    merged = merge_delta(
        plate, brighter(encoding, plate), encoding, Placement(RECTANGLE, matte=matte)
    )
    assert same_bits(merged.rgb[matte == 0], plate[matte == 0])
    assert merged.touched[12:20, 16:26].any(axis=-1).mean() > 0.9


def test_a_soft_matte_and_strength_are_partial_exposure_changes(encoding: Encoding) -> None:
    plate = np.full((32, 48, 3), 0.4, np.float32)
    two_stops = np.full((8, 12, 3), 2 * encoding.log.stop, np.float32)
    half = np.full((32, 48), 0.5, np.float32)
    by_matte = merge_delta(plate, two_stops, encoding, Placement(RECTANGLE, matte=half))
    by_strength = merge_delta(plate, two_stops, encoding, Placement(RECTANGLE, strength=0.5))
    assert by_matte.rgb == pytest.approx(0.8, rel=1e-3)
    assert same_bits(by_matte.rgb, by_strength.rgb)


def test_no_strength_is_no_edit(encoding: Encoding) -> None:
    plate = plate_light()
    change = brighter(encoding, plate)
    assert same_bits(
        merge_delta(plate, change, encoding, Placement(RECTANGLE, strength=0.0)).rgb, plate
    )


def test_an_edit_is_limited_to_the_cap_and_the_samples_are_counted(encoding: Encoding) -> None:
    plate = np.full((32, 48, 3), 0.4, np.float32)
    wild = np.full((8, 12, 3), 9 * encoding.log.stop, np.float32)
    merged = merge_delta(plate, wild, encoding, Placement(RECTANGLE), cap_stops=3.0)
    assert merged.rgb == pytest.approx(3.2, rel=2e-3)
    assert merged.counts.capped == plate.size


def test_premultiplied_colour_is_edited_straight_and_alpha_0_is_not_touched(
    encoding: Encoding,
) -> None:
    alpha = np.ones((32, 48), np.float32)
    alpha[:, :16], alpha[:, 16:32] = 0.0, 0.25
    straight = np.full((32, 48, 3), 0.4, np.float32)
    plate = straight * alpha[..., None]
    plate[:, :16] = 0.125  # light without alpha, as a fire has
    change = np.full((8, 12, 3), -1 * encoding.log.stop, np.float32)
    merged = merge_delta(plate, change, encoding, Placement(RECTANGLE, alpha=alpha))
    assert same_bits(merged.rgb[:, :16], plate[:, :16])
    assert merged.rgb[:, 16:32] == pytest.approx(0.05, rel=2e-3)
    assert merged.rgb[:, 32:] == pytest.approx(0.2, rel=2e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5])
def test_pixels_with_an_impossible_alpha_are_not_touched(encoding: Encoding, value: float) -> None:
    plate = plate_light(nasty=False)
    alpha = np.full((32, 48), 0.5, np.float32)
    alpha[4:9, 4:9] = value
    change = brighter(encoding, plate)
    merged = merge_delta(plate, change, encoding, Placement(RECTANGLE, alpha=alpha))
    assert same_bits(merged.rgb[4:9, 4:9], plate[4:9, 4:9])
    assert np.isfinite(merged.rgb).all()
    assert merged.touched[20:, 20:].mean() > 0.9


def test_equal_pixels_of_two_pictures_differ_by_exactly_zero(encoding: Encoding) -> None:
    one = encoding.encode(plate_light(nasty=False))
    other = one.copy()
    other[::3, ::2] += np.float32(0.01)
    difference = delta(encoding, other, one)
    same = (one == other).all(axis=-1)
    assert not difference[same].any()
    assert difference[~same].any(axis=-1).mean() > 0.9


def test_a_broken_pixel_does_not_mislead_its_neighbours(encoding: Encoding) -> None:
    plate = np.full((32, 48, 3), (0.5, 0.05, 0.05), np.float32)
    plate[:, 24:] = 0.2
    seen = encoding.encode(proxy(plate, RECTANGLE, SIZE))
    edited = seen.copy()
    edited[:, :6] = encoding.encode(np.full((8, 6, 3), (0.05, 0.05, 0.5), np.float32))
    change = delta(encoding, edited, seen)
    clean = merge_delta(plate, change, encoding, Placement(RECTANGLE)).rgb
    plate[16, 26] = np.nan
    merged = merge_delta(plate, change, encoding, Placement(RECTANGLE)).rgb
    whole = np.isfinite(plate).all(axis=-1)
    assert merged[whole] == pytest.approx(clean[whole], rel=0.01)


def test_samples_beyond_the_rectangle_are_not_touched(encoding: Encoding) -> None:
    plate = plate_light()
    rectangle = EditRectangle(Window(6, 4, 24, 16), (4, 0, 0, 0))
    change = np.full((8, 12, 3), encoding.log.stop, np.float32)
    merged = merge_delta(
        plate, change, encoding, Placement(rectangle, data_window=Window(0, 0, 48, 32))
    )
    outside = np.ones((32, 48), bool)
    outside[4:20, 6:30] = False
    assert same_bits(merged.rgb[outside], plate[outside])
    ratio = merged.rgb[12] / plate[12]
    assert 1.0 < ratio[6].max() < 1.1
    assert ratio[15] == pytest.approx(2.0, rel=0.01)


def test_a_crop_gets_the_same_edit_as_the_whole_plate(encoding: Encoding) -> None:
    plate = np.full((32, 48, 3), 0.3, np.float32)
    plate[:, 24:] = 0.9
    change = brighter(encoding, plate, 0.05)
    crop = Window(8, 8, 32, 16)
    merged = merge_delta(
        plate[crop.slices_in(RECTANGLE.window)],
        change,
        encoding,
        Placement(RECTANGLE, data_window=crop),
    )
    whole = merge_delta(plate, change, encoding, Placement(RECTANGLE))
    assert merged.rgb == pytest.approx(whole.rgb[crop.slices_in(RECTANGLE.window)], rel=1e-4)


@pytest.mark.parametrize(
    ("config", "guarded"),
    [
        ("aces-2", {0.18: 5.1, 1.0: 5.5, 4.0: 12.4, 8.0: 12.6, 16.0: 0.0, 32.0: 0.0}),
        ("aces-1", {0.18: 3.9, 1.0: 6.0, 4.0: 13.7, 8.0: 0.3, 16.0: 0.0, 32.0: 0.0}),
    ],
)
def test_the_guard_limits_what_a_model_error_does_to_highlights(
    encodings: dict[tuple[str, str], Encoding], config: str, guarded: dict[float, float]
) -> None:
    encoding = encodings[config, "view"]
    for level, percent in guarded.items():
        plate = np.full((32, 48, 3), level, np.float32)
        merged = merge_delta(plate, brighter(encoding, plate, 0.01), encoding, Placement(RECTANGLE))
        change = 100.0 * float(merged.rgb[16, 24, 0] / level - 1.0)
        assert change == pytest.approx(percent, abs=0.4), level


@pytest.mark.parametrize("kind", ["log", "logc3", "logc4"])
def test_log_encodings_need_no_guard(encodings: dict[tuple[str, str], Encoding], kind: str) -> None:
    assert encodings["aces-2", kind].guard is None


def test_a_bright_light_cannot_be_added_and_a_sun_cannot_be_painted_out(encoding: Encoding) -> None:
    """The price of the guard, as the documentation states it."""
    dark, sun = np.full((32, 48, 3), 0.2, np.float32), np.full((32, 48, 3), 40.0, np.float32)
    codes = [encoding.encode(proxy(one, RECTANGLE, SIZE)) for one in (dark, sun)]
    lit = merge_delta(
        dark, delta(encoding, codes[1], codes[0]), encoding, Placement(RECTANGLE), cap_stops=20
    )
    assert lit.rgb.max() == pytest.approx(9.3, rel=0.02)
    half = encoding.encode(np.full((8, 12, 3), 0.5, np.float32))
    out = merge_delta(sun, delta(encoding, half, codes[1]), encoding, Placement(RECTANGLE))
    assert out.rgb.max() == pytest.approx(2.1, rel=0.05)


def test_a_dark_object_made_bright_arrives_exactly(encoding: Encoding) -> None:
    plate = np.full((32, 48, 3), 0.02, np.float32)
    codes = [encoding.encode(np.full((8, 12, 3), light, np.float32)) for light in (0.9, 0.02)]
    merged = merge_delta(plate, delta(encoding, *codes), encoding, Placement(RECTANGLE))
    assert merged.rgb == pytest.approx(0.9, rel=0.01)


def test_highlights_survive_a_lossy_view_under_an_edit_of_dark_things(encoding: Encoding) -> None:
    plate = np.full((32, 48, 3), 0.2, np.float32)
    plate[:, 24:] = 300.0  # beyond the range of the view
    seen = encoding.encode(proxy(plate, RECTANGLE, SIZE))
    edited = seen.copy()
    edited[:, :6] = encoding.encode(np.full((8, 6, 3), 0.3, np.float32))
    merged = merge_delta(plate, delta(encoding, edited, seen), encoding, Placement(RECTANGLE))
    assert merged.rgb[:, 26:] == pytest.approx(300.0, rel=1e-3)
    assert merged.rgb[:, :22] == pytest.approx(0.3, rel=0.02)


def test_repeated_passes_of_no_edit_do_not_drift(encoding: Encoding) -> None:
    plate = plate_light()
    result = plate
    for _ in range(5):
        seen = encoding.encode(proxy(result, RECTANGLE, SIZE))
        result = merge_delta(
            result, delta(encoding, seen, seen), encoding, Placement(RECTANGLE)
        ).rgb
    assert same_bits(result, plate)


def test_a_smooth_ramp_stays_smooth_under_a_smooth_edit(encoding: Encoding) -> None:
    """No banding: no step of the coarse grid in a sky."""
    ramp = np.repeat(np.geomspace(0.3, 0.6, 480, dtype=np.float32)[None, :, None], 64, 0)
    plate = np.repeat(ramp, 3, 2)
    rectangle = EditRectangle(Window(0, 0, 480, 64))
    seen = encoding.encode(proxy(plate, rectangle, (48, 6)))
    edited = seen * np.linspace(0.8, 1.0, 48, dtype=np.float32)[None, :, None]
    merged = merge_delta(plate, delta(encoding, edited, seen), encoding, Placement(rectangle))
    steps = np.diff(np.log2(merged.rgb[32, 20:-20, 0]))
    assert (steps > 0).all()
    assert steps.max() < 2.5 * np.median(steps)


def test_replace_shows_the_models_picture_inside_the_matte_and_the_plate_outside(
    encoding: Encoding,
) -> None:
    plate = plate_light()
    picture = encoding.encode(np.full((8, 12, 3), (0.1, 0.4, 0.2), np.float32))
    matte = np.zeros((32, 48), np.float32)
    matte[8:24, 12:30] = 1.0
    merged = merge_replace(plate, picture, encoding, Placement(RECTANGLE, matte=matte))
    assert same_bits(merged.rgb[matte == 0], plate[matte == 0])
    assert merged.rgb[matte == 1] == pytest.approx(
        np.tile(encoding.decode(picture[:1, 0]), (int(matte.sum()), 1)), rel=1e-3
    )


def test_replace_mixes_by_the_matte(encoding: Encoding) -> None:
    plate = np.full((32, 48, 3), 0.2, np.float32)
    picture = encoding.encode(np.full((8, 12, 3), 0.6, np.float32))
    quarter = np.full((32, 48), 0.25, np.float32)
    merged = merge_replace(plate, picture, encoding, Placement(RECTANGLE, matte=quarter))
    assert merged.rgb == pytest.approx(0.3, rel=0.01)


def test_replace_puts_the_plates_grain_back_when_asked_for(encoding: Encoding) -> None:
    random = np.random.default_rng(0)
    plate = (0.3 * 2.0 ** random.normal(0.0, 0.05, (32, 48, 3))).astype(np.float32)
    picture = encoding.encode(np.full((8, 12, 3), 0.6, np.float32))
    clean = merge_replace(plate, picture, encoding, Placement(RECTANGLE))
    grainy = merge_replace(plate, picture, encoding, Placement(RECTANGLE), regrain=True)
    assert clean.rgb.std() < 1e-3
    stops = np.log2(grainy.rgb / 0.6)
    assert stops.std() == pytest.approx(0.05, rel=0.35)
    assert np.corrcoef(stops.ravel(), np.log2(plate / 0.3).ravel())[0, 1] > 0.95


@pytest.mark.parametrize("name", ["beachball", "wolf"])
def test_passthrough_of_a_real_plate_is_the_plate(name: str, encoding: Encoding) -> None:
    sequence = find_sequence(shared_plate(name))
    rectangle = edit_rectangle((n, inspect(sequence.path(n)).parts[0]) for n in sequence.frames)
    frame = read_frame(sequence.path(sequence.frames[0]))
    window = frame.parts[0].data_window
    seen = encoding.encode(proxy(frame.rgb(), rectangle, (64, 48), data_window=window))
    merged = merge_delta(
        frame.rgb(),
        delta(encoding, seen, seen),
        encoding,
        Placement(rectangle, data_window=window, alpha=frame.alpha()),
    )
    assert same_bits(merged.rgb, frame.rgb())


def test_the_power_spectrum_of_the_grain_survives_an_edit(encoding: Encoding) -> None:
    random = np.random.default_rng(3)
    plate = (0.3 * 2.0 ** random.normal(0.0, 0.06, (128, 128, 3))).astype(np.float32)
    rectangle = EditRectangle(Window(0, 0, 128, 128))
    seen = encoding.encode(proxy(plate, rectangle, (32, 32)))
    edited = seen * np.linspace(0.6, 1.1, 32, dtype=np.float32)[None, :, None]
    merged = merge_delta(plate, delta(encoding, edited, seen), encoding, Placement(rectangle))

    def spectrum(picture: np.ndarray) -> np.ndarray:
        stops = np.log2(picture[..., 1]).astype(np.float64)
        power = np.abs(np.fft.fft2(stops - stops.mean(axis=0)))[:64, :64] ** 2
        # Eight bands of rows and columns each, but the slowest, which the edit itself is in.
        return np.asarray(power.reshape(8, 8, 8, 8).mean(axis=(1, 3)).ravel()[1:])

    assert spectrum(merged.rgb) / spectrum(plate) == pytest.approx(1.0, abs=0.1)
