"""How alike two decodings flicker."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tokenflow.deflicker.shots import HEIGHT, WIDTH, Float32, texture
from tokenflow.deflicker.flow import DisFlow
from tokenflow.deflicker.likeness import likeness

SHOT = range(1001, 1013)


def flicker(number: int, seed: int) -> Float32:
    """Noise of a tenth of a stop that is drawn anew in every frame."""
    rng = np.random.default_rng([number, seed])
    return rng.normal(0, 0.1, (HEIGHT, WIDTH, 3)).astype(np.float32)


def decoded(number: int, shared: float, seed: int, grain: bool = False) -> Float32:
    """The same texture, moving; with flicker of which a share is in every decoding."""
    stops = np.sqrt(shared) * flicker(number, 0) + np.sqrt(1 - shared) * flicker(number, seed)
    if grain:
        stops = stops + 2 * flicker(number, 9)
    return plate(number) * np.exp2(np.asarray(stops, np.float32))


def plate(number: int) -> Float32:
    return np.roll(texture(), number - SHOT[0], axis=1)


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
def test_the_correlation_is_the_share_that_both_have(shared: float) -> None:
    found = likeness(
        SHOT, lambda n: decoded(n, shared, 1), lambda n: decoded(n, shared, 2), plate, DisFlow()
    )
    assert found == pytest.approx(shared, abs=0.06)


def test_grain_that_plate_and_both_decodings_show_is_no_flicker_they_share() -> None:
    def grainy(number: int) -> Float32:
        return plate(number) * np.exp2(2 * flicker(number, 9))

    found = likeness(
        SHOT,
        lambda n: decoded(n, 0.0, 1, grain=True),
        lambda n: decoded(n, 0.0, 2, grain=True),
        grainy,
        DisFlow(),
    )
    assert found == pytest.approx(0, abs=0.06)


def test_nothing_is_said_of_two_frames_or_of_pictures_that_keep_still() -> None:
    assert likeness(SHOT[:2], plate, plate, plate, DisFlow()) is None

    def still(number: int) -> Float32:
        return texture()

    assert likeness(SHOT, still, still, still, DisFlow()) is None
