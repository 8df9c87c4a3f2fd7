"""Warp error on clips whose answer is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tokenflow.metrics.warp_error import Motion, visible, warp, warp_error

Float32 = npt.NDArray[np.float32]

HEIGHT, WIDTH = 40, 60


def still(count: int = 1) -> list[Motion]:
    zero = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    return [Motion(zero, zero)] * count


def moving(dx: float, dy: float) -> Motion:
    forward = np.empty((HEIGHT, WIDTH, 2), np.float32)
    forward[:] = dx, dy
    return Motion(forward, -forward)


@pytest.fixture
def picture() -> Float32:
    """Smooth waves: what a bilinear fetch between the pixels hardly changes."""
    y, x = np.indices((HEIGHT, WIDTH), dtype=np.float32)
    waves = [0.5 + 0.4 * np.sin(x / 7 + phase) * np.cos(y / 9) for phase in (0, 1, 2)]
    return np.stack(waves, axis=-1).astype(np.float32)


def test_a_clip_that_stands_still_has_no_error(picture: Float32) -> None:
    assert warp_error([picture] * 3, still(2)) < 1e-12


def test_a_change_of_all_pixels_counts_as_its_square(picture: Float32) -> None:
    assert warp_error([picture, picture + 0.1], still()) == pytest.approx(0.01, rel=1e-4)


def test_whole_pixels_of_motion_are_followed_exactly(picture: Float32) -> None:
    """A point moves 3 right and 2 down: the next picture is this one, rolled."""
    second = np.roll(picture, (2, 3), axis=(0, 1))
    assert warp_error([picture, second], [moving(3, 2)]) < 1e-10
    assert warp_error([picture, second], still()) > 1e-3
    assert warp_error([picture, second], [moving(-3, -2)]) > 1e-3


def test_half_a_pixel_is_fetched_between_its_neighbours() -> None:
    ramp = np.tile(np.arange(WIDTH, dtype=np.float32)[None, :, None], (HEIGHT, 1, 3))
    fetched = warp(ramp, moving(0.5, 0).forward)
    np.testing.assert_allclose(fetched[:, :-1], ramp[:, :-1] + 0.5, atol=1e-4)


def test_the_error_grows_with_the_flicker(picture: Float32) -> None:
    def flickering(amount: float) -> float:
        clip = [picture + np.float32(amount * (-1) ** frame) for frame in range(6)]
        return warp_error(clip, still(5))

    errors = [flickering(amount) for amount in (0.0, 0.01, 0.02, 0.04)]
    assert errors == sorted(errors) and errors[0] < 1e-12
    assert errors[3] == pytest.approx(4 * errors[2], rel=1e-3)


def test_what_leaves_the_picture_is_not_counted() -> None:
    mask = visible(moving(5, 0))
    assert mask[:, : WIDTH - 5].all() and not mask[:, WIDTH - 5 :].any()


def test_what_gets_covered_is_not_counted(picture: Float32) -> None:
    """Where the way there and the way back disagree, something else has come before it."""
    motion = moving(2, 0)
    motion.backward[10:20, 10:30] = 9, 0
    mask = visible(motion)
    assert not mask[10:20, 8:28].any()
    assert mask[25:, : WIDTH - 2].all()


def test_the_border_between_two_motions_is_not_counted() -> None:
    forward = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    forward[:, 30:, 0] = 0.4
    mask = visible(Motion(forward, -forward))
    assert not mask[:, 29].any()
    assert mask[:, :29].all()


def test_one_motion_too_few_is_a_mistake(picture: Float32) -> None:
    with pytest.raises(ValueError, match="shorter"):
        warp_error([picture] * 3, still(1))


def test_a_single_picture_has_no_warp_error(picture: Float32) -> None:
    with pytest.raises(ValueError, match="two pictures"):
        warp_error([picture], [])
