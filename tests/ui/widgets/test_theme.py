"""States are told apart without their colours, and by eyes that see them otherwise."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPalette
from PySide6.QtWidgets import QApplication

from ui.widgets.theme import (
    ICONS,
    LOOKS,
    State,
    dark_palette,
    draw_state,
    icon_image,
    is_dark,
    light_palette,
    state_colour,
)

PALETTES = {"dark": dark_palette, "light": light_palette}
JOBS: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")
SERVICE: tuple[State, ...] = ("ready", "busy", "starting", "gone", "wrong_version")


@pytest.mark.parametrize("states", [JOBS, SERVICE])
def test_states_that_stand_beside_each_other_have_different_shapes(
    states: tuple[State, ...],
) -> None:
    for one, other in combinations(states, 2):
        assert LOOKS[one].shape != LOOKS[other].shape, (one, other)


@pytest.mark.parametrize("states", [JOBS, SERVICE])
def test_signs_differ_in_greyscale(qapp: QApplication, states: tuple[State, ...]) -> None:
    signs = {state: _grey_sign(state) for state in states}
    for one, other in combinations(states, 2):
        differing = sum(abs(a - b) > 40 for a, b in zip(signs[one], signs[other], strict=True))
        assert differing > 20, (one, other)


@pytest.mark.parametrize("name", PALETTES)
def test_words_and_signs_stand_out_from_the_ground(qapp: QApplication, name: str) -> None:
    palette = PALETTES[name]()
    ground = palette.color(QPalette.ColorRole.Window)
    assert is_dark(palette) == (name == "dark")
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.PlaceholderText):
        assert contrast(palette.color(role), ground) >= 4.5, role
    for state in LOOKS:
        assert contrast(state_colour(state, palette), ground) >= 3, state


@pytest.mark.parametrize("path", sorted(ICONS.glob("*.svg")), ids=lambda path: path.stem)
def test_an_icon_is_drawn_in_the_colour_it_is_given(qapp: QApplication, path: Path) -> None:
    picture = icon_image(path.stem, 32, "#ff0000")
    pixels = [QColor.fromRgba(picture.pixel(x, y)) for x in range(32) for y in range(32)]
    drawn = [pixel for pixel in pixels if pixel.alpha() > 200]
    assert len(drawn) > 10
    assert all(pixel.red() > 190 and pixel.green() == pixel.blue() == 0 for pixel in drawn)


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast ratio of WCAG 2.2, 1 to 21."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: QColor) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _grey_sign(state: State) -> bytes:
    picture = QImage(24, 24, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.black)
    painter = QPainter(picture)
    draw_state(painter, QRectF(0, 0, 24, 24), state, dark_palette())
    painter.end()
    grey = picture.convertToFormat(QImage.Format.Format_Grayscale8)
    return bytes(grey.constBits())
