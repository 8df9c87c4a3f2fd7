"""Zoom and pan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ui.framing import Framing

FRAMING = Framing(plate=(2000, 1000), view=(500.0, 500.0))


def test_fitting_shows_the_whole_plate_in_the_middle() -> None:
    assert FRAMING.scale == 0.25
    assert FRAMING.to_view((0, 0)) == (0, 125)
    assert FRAMING.to_view((2000, 1000)) == (500, 375)


def test_fitting_an_anamorphic_plate_counts_its_unsqueezed_width() -> None:
    framing = Framing(plate=(1000, 1000), view=(500.0, 500.0), pixel_aspect=2.0)
    assert framing.to_view((0, 0)) == (0, 125)
    assert framing.to_plate((500, 375)) == (1000, 1000)


def test_zooming_keeps_the_point_under_the_cursor_there() -> None:
    cursor = (100.0, 200.0)
    held = FRAMING.to_plate(cursor)
    framing = FRAMING.zoomed(3, cursor)
    assert framing.to_plate(cursor) == pytest.approx(held)
    assert framing.scale == pytest.approx(0.75)


def test_panning_moves_the_picture_with_the_hand() -> None:
    zoomed = FRAMING.zoomed_to(1.0, (250.0, 250.0))
    before = zoomed.to_view((900, 400))
    after = zoomed.panned(-30, 12).to_view((900, 400))
    assert after == pytest.approx((before[0] - 30, before[1] + 12))


def test_the_picture_cannot_be_lost_out_of_sight() -> None:
    framing = FRAMING.zoomed_to(1.0, (250.0, 250.0)).panned(1e6, 1e6)
    assert framing.to_view((0, 0)) == (250, 250)


def test_the_zoom_has_bounds() -> None:
    assert FRAMING.zoomed(1e9, (0, 0)).scale == 64
    assert FRAMING.zoomed(1e-9, (0, 0)).scale == 0.01


def test_a_fitted_picture_follows_the_view_and_a_zoomed_one_keeps_its_zoom() -> None:
    assert replace(FRAMING, view=(1000.0, 1000.0)).scale == 0.5
    zoomed = FRAMING.zoomed_to(2.0, (0, 0))
    assert replace(zoomed, view=(1000.0, 1000.0)).scale == 2.0
    assert zoomed.fitted() == FRAMING
