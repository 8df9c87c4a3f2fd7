"""Flicker round the outline of a matte."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tests.tokenflow.metrics.clips import HEIGHT, WIDTH, clip_of, standing, texture
from tokenflow.metrics.silhouette import outline, silhouette_error

Float32 = npt.NDArray[np.float32]
FRAMES = 4


@pytest.fixture
def matte() -> Float32:
    solid = np.zeros((HEIGHT, WIDTH), np.float32)
    solid[12:36, 30:66] = 1
    return solid


def flickering(where: npt.NDArray[np.bool_], stops: float) -> list[Float32]:
    frames = []
    for number in range(FRAMES):
        picture = 100 * texture()
        picture[where] *= np.float32(2.0 ** (stops * (number % 2)))
        frames.append(picture)
    return frames


def test_the_band_lies_on_both_sides_of_the_outline(matte: Float32) -> None:
    band, inside = outline(matte, 2)
    assert band[12, 40] and band[13, 40] and band[10, 40] and not band[9, 40] and not band[14, 40]
    assert inside[24, 48] and not (band & inside).any()


def test_flicker_of_the_band_alone_is_found_in_stops(matte: Float32) -> None:
    band, _ = outline(matte, 1)
    edit, plate = clip_of("edit", flickering(band, 0.5)), clip_of("plate", [100 * texture()] * 4)
    mattes = dict.fromkeys(plate.numbers, matte)
    found = silhouette_error(edit, plate, mattes, plate.numbers, standing())
    assert found is not None
    assert found[0] == pytest.approx(0.5, rel=1e-2)
    assert found[1] > 100


def test_flicker_that_is_everywhere_has_the_ratio_one(matte: Float32) -> None:
    everywhere = np.ones((HEIGHT, WIDTH), np.bool_)
    edit = clip_of("edit", flickering(everywhere, 0.2))
    plate = clip_of("plate", [100 * texture()] * FRAMES)
    mattes = dict.fromkeys(plate.numbers, matte)
    found = silhouette_error(edit, plate, mattes, plate.numbers, standing())
    assert found == pytest.approx((0.2, 1.0), rel=1e-2)


def test_an_edit_without_flicker_has_no_error(matte: Float32) -> None:
    plate = clip_of("plate", [100 * texture()] * FRAMES)
    edit = clip_of("edit", [150 * texture()] * FRAMES)
    mattes = dict.fromkeys(plate.numbers, matte)
    assert silhouette_error(edit, plate, mattes, plate.numbers, standing()) == (0.0, 1.0)


def test_a_matte_without_outline_has_no_silhouette() -> None:
    plate = clip_of("plate", [texture()] * FRAMES)
    mattes = dict.fromkeys(plate.numbers, np.ones((HEIGHT, WIDTH), np.float32))
    assert silhouette_error(plate, plate, mattes, plate.numbers, standing()) is None
