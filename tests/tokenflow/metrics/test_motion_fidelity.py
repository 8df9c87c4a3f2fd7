"""Whether points of an edit travel as the plate's do."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tokenflow.metrics.clips import clip_of, texture
from tokenflow.metrics.motion_fidelity import fidelity, tracks


def test_an_edit_in_other_colours_moves_as_the_plate() -> None:
    plate = clip_of("plate", [texture(1.5 * n) for n in range(5)])
    edit = clip_of("edit", [texture(1.5 * n)[..., ::-1] * 0.7 for n in range(5)])
    found = fidelity(tracks(edit, edit.numbers), tracks(plate, plate.numbers))
    assert found > 0.9


def test_an_edit_that_moves_the_other_way_is_found_out() -> None:
    plate = clip_of("plate", [texture(1.5 * n) for n in range(5)])
    edit = clip_of("edit", [texture(-1.5 * n) for n in range(5)])
    assert fidelity(tracks(edit, edit.numbers), tracks(plate, plate.numbers)) < 0.3


def test_standing_still_equals_standing_still_and_not_moving() -> None:
    still = np.zeros((4, 3, 2), np.float32)
    right = np.full((4, 3, 2), (2, 0), np.float32)
    assert fidelity(still, still) == 1.0
    assert fidelity(still, right) == 0.0


def test_opposite_motion_is_minus_one() -> None:
    right = np.full((4, 3, 2), (2, 0), np.float32)
    assert fidelity(right, -right) == pytest.approx(-1.0)
