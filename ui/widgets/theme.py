"""How the panel looks: one grid, the host's palette, and colours of its own for states alone.

A state is never told by its colour only: each has a shape and a word as well, and its colours lie
at different lightnesses, so that they can be told apart in greyscale and by colour-blind eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from PySide6.QtCore import QByteArray, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QIcon,
    QImage,
    QPainter,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
)
from PySide6.QtSvg import QSvgRenderer

UNIT = 4
"""Distances are multiples of it, in pixels that Qt scales to the screen."""

ICONS = Path(__file__).parent / "icons"

State: TypeAlias = Literal[
    "ready", "busy", "starting", "gone", "wrong_version",
    "queued", "running", "done", "failed", "cancelled", "missing", "warning",
]  # fmt: skip
Shape: TypeAlias = Literal["disc", "half", "ring", "cross", "triangle", "check", "dash", "square"]


@dataclass(frozen=True)
class Look:
    """How one state is drawn.

    Attributes
    ----------
    word
        What it is called on the surface.
    shape
        What stands for it where there is room for one sign only.
    on_dark, on_light
        Its colour on a dark and on a light ground, ``#rrggbb``.
    pattern
        How an area of it is filled on the timeline.
    """

    word: str
    shape: Shape
    on_dark: str
    on_light: str
    pattern: Qt.BrushStyle = Qt.BrushStyle.SolidPattern


_GREEN = ("#4cc38a", "#14804a")
_BLUE = ("#7ab8ff", "#1f63b5")
_AMBER = ("#f5c451", "#8a5a00")
_RED = ("#ff8364", "#bf3414")
_GREY = ("#9a9a9a", "#6b6b6b")

LOOKS: dict[State, Look] = {
    "ready": Look("Ready", "disc", *_GREEN),
    "busy": Look("Busy", "half", *_BLUE),
    "starting": Look("Starting", "ring", *_AMBER),
    "gone": Look("Gone", "cross", *_RED),
    "wrong_version": Look("Wrong version", "triangle", *_AMBER),
    "queued": Look("Queued", "ring", *_GREY),
    "running": Look("Running", "half", *_BLUE, Qt.BrushStyle.Dense4Pattern),
    "done": Look("Done", "check", *_GREEN),
    "failed": Look("Failed", "cross", *_RED, Qt.BrushStyle.DiagCrossPattern),
    "cancelled": Look("Cancelled", "dash", *_GREY, Qt.BrushStyle.HorPattern),
    "missing": Look("Missing", "square", *_AMBER, Qt.BrushStyle.BDiagPattern),
    "warning": Look("Warning", "triangle", *_AMBER),
}


def is_dark(palette: QPalette) -> bool:
    """Whether text stands on a dark ground."""
    ground = palette.color(QPalette.ColorRole.Window)
    return ground.lightness() < palette.color(QPalette.ColorRole.WindowText).lightness()


def state_colour(state: State, palette: QPalette) -> QColor:
    """Return the colour of a state that can be read on this palette's ground."""
    look = LOOKS[state]
    return QColor(look.on_dark if is_dark(palette) else look.on_light)


def state_brush(state: State, palette: QPalette) -> QBrush:
    """Return the fill of an area of this state: colour and hatch."""
    return QBrush(state_colour(state, palette), LOOKS[state].pattern)


def draw_state(
    painter: QPainter,
    area: QRectF,
    state: State,
    palette: QPalette,
    colour: QColor | None = None,
) -> None:
    """Draw the sign of a state into the middle of an area, as large as a square in it.

    Parameters
    ----------
    colour
        Another one than the state's, on a ground that is coloured itself.
    """
    side = min(area.width(), area.height()) * 0.75
    box = QRectF(0, 0, side, side)
    box.moveCenter(area.center())
    colour = colour or state_colour(state, palette)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, max(1.5, side / 6), c=Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _draw_shape(painter, box, LOOKS[state].shape, colour)
    painter.restore()


def _draw_shape(painter: QPainter, box: QRectF, shape: Shape, colour: QColor) -> None:
    inner = box.adjusted(*(box.width() * part for part in (0.1, 0.1, -0.1, -0.1)))
    left, top, right, bottom = inner.left(), inner.top(), inner.right(), inner.bottom()
    if shape in ("disc", "half", "ring"):
        if shape == "disc":
            painter.setBrush(colour)
        painter.drawEllipse(inner)
        if shape == "half":
            painter.setBrush(colour)
            painter.drawPie(inner, 90 * 16, 180 * 16)
    elif shape == "cross":
        painter.drawLine(QPointF(left, top), QPointF(right, bottom))
        painter.drawLine(QPointF(left, bottom), QPointF(right, top))
    elif shape == "triangle":
        middle = inner.center().x()
        corners = [QPointF(middle, top), QPointF(right, bottom), QPointF(left, bottom)]
        painter.drawPolygon(QPolygonF(corners))
        painter.drawPoint(QPointF(middle, bottom - inner.height() * 0.18))
        painter.drawLine(
            QPointF(middle, top + inner.height() * 0.4),
            QPointF(middle, bottom - inner.height() * 0.4),
        )
    elif shape == "check":
        points = [(left, 0.55), (left + inner.width() * 0.38, 0.9), (right, 0.12)]
        painter.drawPolyline([QPointF(x, top + inner.height() * part) for x, part in points])
    elif shape == "dash":
        painter.drawLine(QPointF(left, inner.center().y()), QPointF(right, inner.center().y()))
    else:
        painter.drawRect(inner)


def icon(name: str, palette: QPalette, role: QPalette.ColorRole | None = None) -> QIcon:
    """Return one of the icons in the text colour of a palette, with its disabled form.

    Parameters
    ----------
    name
        A file of `icons/` without its ending.
    role
        Another colour than that of the text on buttons.
    """
    groups = {
        QIcon.Mode.Normal: QPalette.ColorGroup.Active,
        QIcon.Mode.Disabled: QPalette.ColorGroup.Disabled,
    }
    result = QIcon()
    for mode, group in groups.items():
        colour = palette.color(group, role or QPalette.ColorRole.ButtonText)
        for side in (16, 32):
            result.addPixmap(QPixmap.fromImage(icon_image(name, side, colour.name())), mode)
    return result


@cache
def icon_image(name: str, side: int, colour: str) -> QImage:
    """Draw an icon `side` pixels wide and high in one colour, ``#rrggbb``."""
    drawing = (ICONS / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    picture = QImage(QSize(side, side), QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter)
    painter.end()
    return picture


def dark_palette() -> QPalette:
    """Return the neutral dark greys that pictures are judged on; for a window without a host."""
    return _palette(
        ground="#2b2b2b", field="#1e1e1e", other="#252525", button="#3a3a3a", text="#d6d6d6",
        quiet="#9c9c9c", off="#6f6f6f", accent="#4f86c6", on_accent="#ffffff",
    )  # fmt: skip


def light_palette() -> QPalette:
    """Return neutral light greys; for a window without a host."""
    return _palette(
        ground="#ededed", field="#ffffff", other="#f6f6f6", button="#e2e2e2", text="#202020",
        quiet="#616161", off="#a0a0a0", accent="#2b68ad", on_accent="#ffffff",
    )  # fmt: skip


def _palette(
    *, ground: str, field: str, other: str, button: str, text: str, quiet: str, off: str,
    accent: str, on_accent: str,
) -> QPalette:  # fmt: skip
    role = QPalette.ColorRole
    palette = QPalette(QColor(button), QColor(ground))
    colours = {
        role.WindowText: text, role.Text: text, role.ButtonText: text, role.BrightText: text,
        role.Base: field, role.AlternateBase: other, role.PlaceholderText: quiet,
        role.Highlight: accent, role.HighlightedText: on_accent, role.Link: accent,
        role.ToolTipBase: field, role.ToolTipText: text,
    }  # fmt: skip
    for each, colour in colours.items():
        palette.setColor(each, QColor(colour))
    for each in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, each, QColor(off))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(off))
    return palette


def style_sheet(palette: QPalette) -> str:
    """Return what the host's style leaves to us: sections, quiet buttons, wrong fields."""
    wrong = state_colour("failed", palette).name()
    edge = "rgba(127, 127, 127, 70)"
    return f"""
    QToolButton {{ border: none; border-radius: 3px; padding: 0 {UNIT}px; }}
    QToolButton:hover, QToolButton:focus {{ background: rgba(127, 127, 127, 60); }}
    QToolButton:pressed, QToolButton:checked {{ background: rgba(127, 127, 127, 100); }}
    QToolButton#fold:checked:!hover {{ background: transparent; }}
    QToolButton::menu-indicator {{ width: 0; }}
    *[wrong="true"] {{ border: 1px solid {wrong}; }}
    #primary {{ font-weight: bold; }}
    #line {{ background: {edge}; border: none; max-height: 1px; min-height: 1px; }}
    """
