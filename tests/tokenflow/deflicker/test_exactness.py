"""What must come back bit for bit, and what must not spread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.tokenflow.deflicker.shots import (
    FLICKER,
    NORMAL,
    Float32,
    clip,
    pictures,
    run,
    same,
    texture,
)
from tokenflow.deflicker.flow import DisFlow
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.settings import Form, Settings
from tokenflow.deflicker.stops import expose, to_stops
from tokenflow.deflicker.stream import deflicker

FORMS: tuple[Form, ...] = ("delta", "carried", "bare")
FRAMES = clip(replace(FLICKER, flash=True, grain=0.05), 9, seed=5)
SHOT = pictures(FRAMES)
MIDDLE = sorted(SHOT)[4]

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=False)
light = st.floats(min_value=-4, max_value=2.0**14, width=32, allow_subnormal=False)


def differences() -> dict[int, Picture]:
    """The clip's edit as the form delta has it."""
    return {
        number: Picture(to_stops(picture.edit) - to_stops(picture.plate), picture.plate)
        for number, picture in SHOT.items()
    }


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (3, 5, 6, 3), elements=any_float))
def test_a_plate_without_an_edit_comes_back_whatever_it_holds(plates: Float32) -> None:
    shot = {number: Picture(plate, plate.copy()) for number, plate in enumerate(plates)}
    results = run(shot, "carried")
    assert all(same(results[number], plates[number]) for number in shot)


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, 12, elements=any_float))
def test_no_correction_keeps_every_sample(samples: Float32) -> None:
    assert same(expose(samples, np.zeros_like(samples)), samples)


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, 12, elements=light), st.floats(-0.5, 0.5, width=32))
def test_a_correction_is_an_exposure_that_keeps_signs(samples: Float32, stops: float) -> None:
    exposed = expose(samples, np.full_like(samples, stops))
    assert (exposed[samples >= 0] >= 0).all()
    assert (exposed[samples < 0] < 0.004).all()  # by less than the toe
    bright = exposed > 0
    shift = to_stops(exposed[bright]) - to_stops(samples[bright])
    assert shift == pytest.approx(stops, abs=1e-4) or (samples[bright] <= 0).any()


@settings(max_examples=10, deadline=None)
@given(arrays(np.bool_, (54, 96, 3)))
def test_samples_without_an_edit_stay_beside_flickering_ones(edited: np.ndarray) -> None:
    whole = differences()
    shot = {
        number: replace(whole[number], edit=np.where(edited, whole[number].edit, np.float32(0)))
        for number in (MIDDLE, MIDDLE + 1)
    }
    for number, result in run(shot, Settings("delta", NORMAL)).items():
        untouched = shot[number].edit == 0
        assert (result[untouched] == 0).all()
        assert (result != shot[number].edit).any() == edited.any()


@pytest.mark.parametrize("form", FORMS)
def test_a_limit_of_nothing_changes_nothing(form: Form) -> None:
    results = run(SHOT, Settings(form, limit=0.0))
    assert all(same(results[number], SHOT[number].edit) for number in SHOT)


@pytest.mark.parametrize("form", ["carried", "bare"])
def test_a_black_matte_changes_nothing(form: Form) -> None:
    black = np.zeros((54, 96), dtype=np.float32)
    shot = {number: replace(picture, matte=black) for number, picture in SHOT.items()}
    results = run(shot, form)
    assert all(same(results[number], SHOT[number].edit) for number in SHOT)


def test_outside_the_matte_nothing_changes_and_inside_it_does() -> None:
    matte = np.zeros((54, 96), dtype=np.float32)
    matte[10:40, 20:70] = 1
    shot = {number: replace(picture, matte=matte) for number, picture in SHOT.items()}
    result, before = run(shot)[MIDDLE], SHOT[MIDDLE].edit
    assert same(result[matte == 0], before[matte == 0])
    assert (result[matte == 1] != before[matte == 1]).mean() > 0.95


def test_unedited_pixels_do_not_dilute_the_gain_inside_a_matte() -> None:
    matte = np.zeros((54, 96), dtype=np.float32)
    matte[20:34, 40:60] = 1
    plate = texture()
    gains = dict(enumerate(np.random.default_rng(1).normal(0, 0.1, 9).astype(np.float32)))
    shot = {
        number: Picture(plate * np.exp2((1 + gain) * matte[..., None]), plate, matte)
        for number, gain in gains.items()
    }
    inside = matte == 1
    results = run(shot, Settings("carried", gain_only=True))
    left = np.std([np.mean(to_stops(result)[inside]) for result in results.values()])
    before = np.std([np.mean(to_stops(picture.edit)[inside]) for picture in shot.values()])
    assert left < 0.5 * before


def test_a_constant_edit_of_a_plate_that_keeps_still_is_left_alone() -> None:
    plate, edit = texture(), np.random.default_rng(2).normal(0, 1, (54, 96, 3)).astype(np.float32)
    results = run({number: Picture(edit, plate) for number in range(7)}, "delta")
    assert all(same(result, edit) for result in results.values())


@pytest.mark.parametrize("form", FORMS)
def test_neighbours_of_other_shots_are_not_looked_at(form: Form) -> None:
    shot = {n: Picture(SHOT[MIDDLE].edit * n, texture(n)) for n in range(1, 6)}
    results = list(deflicker(shot, list(shot), shot.__getitem__, DisFlow(), Settings(form)))
    assert all(same(result.edit, shot[result.frame].edit) for result in results)
    assert results[0].dropped == (2, 3, 4)


def test_a_hard_cut_inside_the_shot_gives_what_two_shots_give() -> None:
    other = pictures(clip(replace(FLICKER, gain=0.3), 5, seed=77))
    first = {number: SHOT[number] for number in sorted(SHOT)[:5]}
    second = {number + 5: picture for number, picture in other.items()}
    together = run(first | second)
    apart = run(first) | run(second)
    assert all(same(together[number], apart[number]) for number in together)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_number_passes_through_and_does_not_spread(form: Form) -> None:
    edit, plate = SHOT[MIDDLE].edit.copy(), SHOT[MIDDLE].plate.copy()
    edit[20, 30], edit[21, 50, 1], edit[5, 5, 0] = np.nan, np.inf, -np.inf
    plate[40, 80] = np.nan
    shot = SHOT | {MIDDLE: Picture(edit, plate)}
    results = list(deflicker(shot, list(shot), shot.__getitem__, DisFlow(), Settings(form)))
    for result in results:
        strange = ~np.isfinite(shot[result.frame].edit)
        assert same(result.edit[strange], shot[result.frame].edit[strange])
        assert np.isfinite(result.edit[~strange]).all()
    counts = results[4].counts
    assert (counts.nan, counts.infinite, counts.plate_not_finite) == (3, 2, 3)
    far = np.ones((54, 96), dtype=bool)
    far[:30, 15:65] = far[:20, :20] = far[30:50, 70:90] = False
    clean = run(SHOT, form)[MIDDLE]
    assert np.abs(results[4].edit - clean)[far].max() < 0.02 * np.abs(clean[far]).max()


def test_negatives_survive_and_are_counted() -> None:
    edit = SHOT[MIDDLE].edit.copy()
    edit[10, 10], edit[12, 12, 2] = (-0.25, -1e-3, -3.0), -0.0
    shot = SHOT | {MIDDLE: replace(SHOT[MIDDLE], edit=edit)}
    (result,) = deflicker([MIDDLE], list(shot), shot.__getitem__, DisFlow(), Settings("bare"))
    assert result.counts.negative == 3
    assert (result.edit[10, 10] < 0.004).all()
    assert result.edit[10, 10, 2] < -2.9
    assert (result.edit[edit >= 0] >= 0).all()


def test_pictures_that_are_brighter_by_whole_stops_give_the_same_picture_brighter() -> None:
    frames = clip(FLICKER, 7)
    base, bright = (
        {n: Picture(f.flickering * gain, f.plate * gain) for n, f in frames.items()}
        for gain in (np.float32(1024), np.float32(8192))  # far above the toe
    )
    ours, theirs = run(base), run(bright)
    for number in frames:
        ratio = theirs[number] / (ours[number] * 8)
        assert np.quantile(np.abs(ratio - 1), 0.99) < 1e-3
