"""How much flicker goes, and how much of the picture stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.flicker_clips import FIRST, FLASHES, LAMP_HUE, Clip, Scene
from tests.tokenflow.deflicker.shots import (
    FLICKER,
    NORMAL,
    STRONG,
    Float32,
    clip,
    error,
    pictures,
    run,
    texture,
)
from tokenflow.deflicker.blur import blur, normalised_blur
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.settings import STRENGTHS, Form, Settings, Strength, settings_named
from tokenflow.deflicker.stops import to_stops

STILL = Scene("still")


def gradient_energy(picture: Float32) -> float:
    stops = to_stops(picture)
    return float(sum(np.mean(np.diff(stops, axis=axis) ** 2) for axis in (0, 1)))


@pytest.mark.parametrize(("strength", "share"), [("normal", 0.45), ("strong", 0.40)])
def test_local_and_coloured_flicker_over_moving_things_goes(strength: str, share: float) -> None:
    frames = clip(FLICKER, 18)
    inner = sorted(frames)[5:13]
    results = run(pictures(frames), Settings("bare", STRENGTHS[strength]), inner)
    before = error({number: frames[number].flickering for number in inner}, frames)
    assert error(results, frames) < share * before


def test_an_edit_without_flicker_keeps_its_sharpness_and_its_silhouettes() -> None:
    frames = clip(STILL, 9)
    results = run(pictures(frames))
    for number, result in results.items():
        truth = frames[number].truth
        assert gradient_energy(result) == pytest.approx(gradient_energy(truth), rel=0.02)
    assert error(results, frames) < 0.025


def test_global_flicker_of_a_still_is_convolved_with_the_window() -> None:
    gains = np.random.default_rng(4).normal(0, 0.08, 17).astype(np.float32)
    plate, edit = texture(), texture(9) * 0
    shot = {n: Picture(edit + gain, plate) for n, gain in enumerate(gains)}
    results = run(shot, Settings("delta", NORMAL))
    window = np.array([NORMAL.weight(k) if k else 1.0 for k in range(-3, 4)])
    expected = np.convolve(gains, window / window.sum(), mode="valid")
    measured = [float(np.mean(results[number])) for number in range(3, 14)]
    np.testing.assert_allclose(measured, expected, atol=0.002)


@pytest.mark.parametrize("form", ["bare", "carried"])
@pytest.mark.parametrize(("flicker", "kept"), [(0.0, 0.99), (0.08, 0.95)])
def test_a_real_flash_keeps_its_height(form: Form, flicker: float, kept: float) -> None:
    scene = Scene("flash", gain=flicker, local=flicker, flash=True)
    around = range(FLASHES[0] - 4, FLASHES[-3] + 6)
    means = []
    for flash in (True, False):
        made = Clip(replace(scene, flash=flash), 96, 54)
        frames = {number: made.frame(number) for number in around}
        results = run(pictures(frames), form)
        means.append({n: float(np.mean(to_stops(result))) for n, result in results.items()})
        means.append({n: float(np.mean(to_stops(f.truth))) for n, f in frames.items()})
    lit, wanted, unlit, steady = means
    for number in FLASHES[:2]:
        height = (lit[number] - unlit[number]) / (wanted[number] - steady[number])
        assert kept < height < 2 - kept


def test_a_slow_change_of_light_stays() -> None:
    frames = clip(replace(STILL, slow_light=True), 12)
    for number, result in run(pictures(frames), Settings("bare", STRONG)).items():
        change = np.mean(to_stops(result)) - np.mean(to_stops(frames[number].truth))
        assert abs(change) < 0.005  # 1 % of the swing


def test_in_a_difference_flicker_at_single_pixels_goes_too() -> None:
    """As a decoder's errors are: in few places, and large there."""
    plate, shot = texture(), {}
    for number in range(12):
        rng = np.random.default_rng(number)
        where = rng.random((*plate.shape[:2], 1)) < 0.02
        errors = np.where(where, rng.choice([-0.4, 0.4], plate.shape), 0)
        shot[number] = Picture(errors.astype(np.float32), plate)
    results = run(shot, settings_named("strong", "delta"), numbers=sorted(shot))
    left = np.mean([np.square(results[n]).mean() for n in range(5, 7)])
    assert left < 0.15 * np.mean([np.square(one.edit).mean() for one in shot.values()])


def test_delta_and_carried_form_are_one_filter() -> None:
    frames = clip(FLICKER, 7)
    carried = {
        n: Picture(f.flickering + 8, f.plate + 8) for n, f in frames.items()
    }  # away from black
    delta = {n: Picture(to_stops(p.edit) - to_stops(p.plate), p.plate) for n, p in carried.items()}
    exposed, added = run(carried, "carried"), run(delta, "delta")
    for number, picture in carried.items():
        change = to_stops(exposed[number]) - to_stops(picture.edit)
        np.testing.assert_allclose(change, added[number] - delta[number].edit, atol=1e-3)


def test_a_lamp_at_forty_keeps_its_light() -> None:
    frames = clip(STILL, 9)
    number = sorted(frames)[4]
    result, frame = run(pictures(frames), Settings("bare", STRONG))[number], frames[number]
    assert frame.lamp.sum() > 1
    np.testing.assert_allclose(
        result[frame.lamp] / LAMP_HUE, frame.truth[frame.lamp] / LAMP_HUE, rtol=0.005
    )


def test_gain_only_corrects_a_smooth_field_and_keeps_sharpness() -> None:
    frames = clip(FLICKER, 9)
    number = sorted(frames)[4]
    before = frames[number].flickering
    result = run(pictures(frames), Settings("bare", STRONG, gain_only=True))[number]
    change = to_stops(result) - to_stops(before)
    assert np.abs(change).max() > 0.05
    steps = np.abs(np.diff(change, axis=1))
    assert steps.max() < 0.15 * np.abs(change).max()  # the blur is 3.6 pixels wide here
    assert gradient_energy(result) == pytest.approx(gradient_energy(before), rel=0.005)


def test_flicker_beyond_the_limit_is_only_reduced() -> None:
    plate, zero = texture(), np.zeros((54, 96, 3), dtype=np.float32)
    shot = {n: Picture(zero + (2 if n == 3 else 1), plate) for n in range(7)}
    result = run(shot, Settings("delta", NORMAL, limit=0.25))[3]
    others = sum(NORMAL.weight(k) for k in (-3, -2, -1, 1, 2, 3))
    np.testing.assert_allclose(result, 2 - 0.25 * others / (1 + others), atol=1e-4)


def test_an_edit_that_lies_a_pixel_beside_its_plate_is_harmed_little() -> None:
    frames = clip(STILL, 9)
    shifted = {n: np.roll(f.truth, 1, axis=1) for n, f in frames.items()}
    for number, result in run(pictures(frames, shifted)).items():
        change = to_stops(result) - to_stops(shifted[number])
        assert np.sqrt(np.mean(change**2)) < 0.05


def test_black_plates_without_texture_come_through() -> None:
    black = np.zeros((54, 96, 3), dtype=np.float32)
    shot = {n: Picture(black + np.float32(0.01 * (n % 2)), black) for n in range(7)}
    results = list(run(shot).values())
    assert all(np.isfinite(result).all() and (result >= 0).all() for result in results)
    # Nearly two stops of flicker, far beyond the limit: reduced, not removed.
    assert 0 < np.ptp([result.mean() for result in results[2:5]]) < 0.008


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 16), (17, 5)])
def test_pictures_of_a_few_pixels_come_through(size: tuple[int, int]) -> None:
    plate = texture(1, *size)
    shot = {n: Picture(plate * np.float32(1 + 0.1 * (n % 2)), plate) for n in range(5)}
    spread = np.ptp([result.mean() for result in run(shot, "carried").values()])
    assert spread < 0.7 * np.ptp([picture.edit.mean() for picture in shot.values()])


def test_large_pictures_are_filtered_on_a_coarser_grid_with_the_same_result() -> None:
    """Every radius scales with the full format; 1443 is no multiple of the grid's step."""
    plate = texture(3, 90, 1443)
    gains = (0.1, -0.1, 0.05, 0.0, -0.05)
    ramp = np.linspace(-1, 1, 1443, dtype=np.float32)[:, None]
    shot = {n: Picture(plate * np.exp2(g * ramp), plate) for n, g in enumerate(gains)}
    window = Strength(2, 1.4)
    result = run(shot, Settings("carried", window), [2])[2]
    weights = [window.weight(k) if k else 1.0 for k in range(-2, 3)]
    expected = float(np.average(gains, weights=weights)) * ramp
    left = to_stops(result) - to_stops(plate)
    bright = plate > 0.1
    assert np.abs(left - expected)[bright].max() < 0.012


def test_blurs_at_reduced_resolution_are_the_full_ones() -> None:
    rng = np.random.default_rng(6)
    field = blur_plainly(rng.normal(0, 2, (120, 200, 3)).astype(np.float32), 6.0)
    weight = blur_plainly(rng.random((120, 200, 1)).astype(np.float32), 2.0)[..., 0]
    for sigma in (9.0, 24.0):
        full = blur_plainly(field * weight[..., None], sigma) / (
            blur_plainly(weight[..., None], sigma) + 1e-3
        )
        difference = normalised_blur(field, weight, sigma) - full
        assert np.abs(difference).max() < 0.01
        assert np.sqrt(np.mean(difference**2)) < 0.002
    assert np.abs(blur(field, 4.0) - blur_plainly(field, 4.0)).max() < 0.02


def blur_plainly(picture: Float32, sigma: float) -> Float32:
    """A Gaussian blur written out, edges mirrored."""
    reach = int(4 * sigma)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        wide = np.pad(picture.astype(np.float64), pad, mode="symmetric")
        picture = np.apply_along_axis(lambda line: np.convolve(line, kernel, "valid"), axis, wide)
    return picture.astype(np.float32)


def test_the_clips_begin_where_they_say() -> None:
    assert sorted(clip(STILL, 3)) == [FIRST, FIRST + 1, FIRST + 2]
