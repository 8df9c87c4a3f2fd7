"""Structure, PSNR, sharpness, and what changed outside the matte."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from tests.tokenflow.metrics.clips import HEIGHT, WIDTH, clip_of, texture
from tokenflow.metrics.clip import Clip
from tokenflow.metrics.fidelity import changed_outside, psnr, ssim, structure_distance
from tokenflow.metrics.sharpness import gradient_energy, sharpness_ratio

Float32 = npt.NDArray[np.float32]


@pytest.fixture
def boxes() -> Float32:
    """Boxes with sharp edges."""
    picture = np.full((HEIGHT, WIDTH, 3), 0.3, np.float32)
    picture[10:30, 20:50] = 0.8
    picture[25:40, 60:80] = 0.1
    return picture


def one(picture: Float32) -> Clip:
    return clip_of("edit", [picture])


def test_the_plate_itself_has_its_own_structure(boxes: Float32) -> None:
    assert structure_distance(one(boxes), one(boxes), [1]) == pytest.approx(0, abs=1e-6)


def test_another_colour_is_nearly_the_same_structure_and_moved_edges_are_not(
    boxes: Float32,
) -> None:
    dyed = boxes * np.array([0.6, 1.0, 0.7], np.float32)
    moved = np.roll(boxes, 6, axis=1)
    assert structure_distance(one(dyed), one(boxes), [1]) < 0.02
    assert structure_distance(one(moved), one(boxes), [1]) > 0.15


def test_less_contrast_is_the_same_structure(boxes: Float32) -> None:
    faded = 0.4 + 0.2 * boxes
    assert structure_distance(one(faded), one(boxes), [1]) < 0.01


def test_ssim_of_a_picture_with_itself_is_one_and_with_its_negative_below_zero() -> None:
    grey = texture()[..., 0]
    assert ssim(grey, grey) == pytest.approx(1.0, abs=1e-6)
    assert ssim(grey, 1 - grey) < 0


def test_psnr_of_a_tenth_is_twenty_decibels() -> None:
    plate = one(texture() * 0.5)
    assert psnr(one(texture() * 0.5 + 0.1), plate, [1]) == pytest.approx(20, rel=1e-4)
    assert psnr(plate, plate, [1]) == float("inf")


def test_psnr_counts_only_where_it_is_asked_to() -> None:
    plate, edited = texture() * 0.5, texture() * 0.5
    edited[:10] += 0.3
    outside = np.ones((HEIGHT, WIDTH), np.bool_)
    outside[:10] = False
    assert psnr(one(edited), one(plate), [1], {1: outside}) == float("inf")
    assert psnr(one(edited), one(plate), [1], {1: ~outside}) == pytest.approx(10.458, rel=1e-3)
    assert psnr(one(edited), one(plate), [1], {1: np.zeros_like(outside)}) is None


def test_samples_outside_the_matte_are_counted_to_the_bit() -> None:
    plate = np.ones((4, 4, 3), np.float32)
    edit = plate.copy()
    edit[0, 0, 1] = np.nextafter(np.float32(1), np.float32(2))
    edit[3, 3] = 9
    matte = np.zeros((4, 4), np.float32)
    matte[3, 3] = 0.01
    count, largest = changed_outside(edit, plate, matte)
    assert count == 1 and 0 < largest < 1e-6


def test_nan_that_stays_nan_has_not_changed() -> None:
    plate = np.full((1, 2, 3), np.nan, np.float32)
    edit = plate.copy()
    nothing = np.zeros((1, 2), np.float32)
    assert changed_outside(edit, plate, nothing) == (0, 0.0)
    edit[0, 0, 0] = 1
    assert changed_outside(edit, plate, nothing) == (1, float("inf"))


def test_the_plate_is_as_sharp_as_itself(boxes: Float32) -> None:
    assert sharpness_ratio(one(boxes), one(boxes), [1]) == pytest.approx(1.0)


def test_a_blurred_edit_is_less_sharp_and_a_noisy_one_more(boxes: Float32) -> None:
    blurred = np.asarray(cv2.GaussianBlur(boxes, (0, 0), 2.0), np.float32)
    noise = np.random.default_rng(1).normal(0, 0.05, boxes.shape).astype(np.float32)
    assert sharpness_ratio(one(blurred), one(boxes), [1]) < 0.6  # type: ignore[operator]
    assert sharpness_ratio(one(boxes + noise), one(boxes), [1]) > 1.2  # type: ignore[operator]


def test_exposure_leaves_sharpness_alone() -> None:
    """Far above black a gain is a constant in stops, and has no gradient."""
    bright, brighter = one(100 * texture()), one(300 * texture())
    assert sharpness_ratio(brighter, bright, [1]) == pytest.approx(1.0, abs=1e-3)


def test_a_flat_plate_has_no_sharpness_to_compare_with() -> None:
    flat = one(np.ones((HEIGHT, WIDTH, 3), np.float32))
    assert sharpness_ratio(one(texture()), flat, [1]) is None


def test_gradient_energy_of_a_ramp_is_its_slope_squared() -> None:
    ramp = np.tile(np.arange(10, dtype=np.float32) * 3, (5, 1))
    assert gradient_energy(ramp) == pytest.approx(9.0)
