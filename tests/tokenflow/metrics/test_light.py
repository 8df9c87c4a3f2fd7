"""Flashes and slow changes of light that an edit keeps or loses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tokenflow.metrics.clips import clip_of, texture
from tokenflow.metrics.light import flash_kept, mean_light, slow_light_kept


def light(*stops: float) -> np.ndarray:
    return np.array(stops)


def test_mean_light_is_in_stops() -> None:
    clip = clip_of("plate", [100 * texture(), 400 * texture()])
    first, second = mean_light(clip, clip.numbers)
    assert second - first == pytest.approx(2.0, rel=1e-3)


def test_a_flash_that_is_there_in_full_is_kept_by_one() -> None:
    plate = light(0, 0, 0.85, 0, 0)
    assert flash_kept(plate + 3, plate) == pytest.approx(1.0)


def test_a_smeared_flash_is_kept_in_part() -> None:
    assert flash_kept(light(0.2, 0.2, 0.5, 0.2), light(0, 0, 0.85, 0)) == pytest.approx(0.3 / 0.85)


def test_a_plate_without_a_flash_has_nothing_to_keep() -> None:
    assert flash_kept(light(0, 1, 0), light(0, 0.02, 0)) is None
    assert flash_kept(light(0), light(0)) is None


def test_half_a_fade_is_half_kept() -> None:
    plate = np.linspace(0, 1, 20)
    assert slow_light_kept(0.5 * plate + 2, plate) == pytest.approx(0.5)


def test_flicker_on_top_of_a_fade_does_not_change_what_is_kept() -> None:
    plate = np.linspace(0, 1, 40)
    flicker = 0.1 * (-1.0) ** np.arange(40)
    assert slow_light_kept(plate + flicker, plate) == pytest.approx(1.0, abs=0.02)


def test_a_plate_whose_light_stays_has_no_change_to_keep() -> None:
    assert slow_light_kept(light(0, 1, 0, 1), light(1, 1, 1, 1)) is None
