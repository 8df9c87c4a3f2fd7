"""What the canvas draws: pictures through a framing, the wipe, the x-t line, labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from ui.framing import Framing, Point
from ui.widgets.grade import graded

SURROUND = QColor(34, 34, 34)
"""Neutral and dark in every palette: the eye judges colours against what lies around them."""
INK, SHADE = QColor(255, 255, 255), QColor(0, 0, 0, 150)
PEEP = 3.0
"""Above so many device pixels per picture pixel, pixels are drawn as the squares that they are."""
PAD = 4.0
INSET_SHARE = 0.22
"""Of the view's width."""


@dataclass(frozen=True)
class Shown:
    """A picture on the canvas; `label` says what it is, `note` why there is none.

    `image` may be smaller than the plate: it is stretched to the plate's size.
    """

    image: QImage | None = None
    label: str = ""
    note: str = ""


def draw_shown(
    painter: QPainter,
    cell: QRectF,
    shown: Shown,
    framing: Framing,
    exposure: float,
    gamma: float,
    clip: QRectF | None = None,
) -> None:
    """Draw one picture into a cell of the view, or the note why there is none.

    Parameters
    ----------
    clip
        The part of the cell that is seen of it, in the cell's own coordinates; None is all.
    """
    if shown.image is None:
        draw_note(painter, cell, shown.note)
        return
    source = visible_part(shown.image, framing, clip or QRectF(0, 0, *framing.view))
    if source.isEmpty():
        return
    target = _target(shown.image, source, framing).translated(cell.topLeft())
    per_pixel = target.width() / source.width() * painter.device().devicePixelRatioF()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, per_pixel < PEEP)
    if (exposure, gamma) == (0.0, 1.0):
        painter.drawImage(target, shown.image, QRectF(source))
    else:
        # Only what is in sight is graded: a plate at 1:1 is mostly out of it.
        painter.drawImage(target, graded(shown.image.copy(source), exposure, gamma))


def visible_part(image: QImage, framing: Framing, seen: QRectF) -> QRect:
    """Return which pixels of a picture are in sight, with one more around for the smoothing."""
    across = image.width() / framing.plate[0]
    down = image.height() / framing.plate[1]
    left, top = framing.to_plate((seen.left(), seen.top()))
    right, bottom = framing.to_plate((seen.right(), seen.bottom()))
    corner = (floor(left * across) - 1, floor(top * down) - 1)
    end = (ceil(right * across) + 1, ceil(bottom * down) + 1)
    part = QRect(corner[0], corner[1], end[0] - corner[0], end[1] - corner[1])
    return part.intersected(image.rect())


def _target(image: QImage, source: QRect, framing: Framing) -> QRectF:
    across = framing.plate[0] / image.width()
    down = framing.plate[1] / image.height()
    left, top = framing.to_view((source.left() * across, source.top() * down))
    right, bottom = framing.to_view(
        ((source.left() + source.width()) * across, (source.top() + source.height()) * down)
    )
    return QRectF(QPointF(left, top), QPointF(right, bottom))


def draw_note(painter: QPainter, cell: QRectF, note: str) -> None:
    """Draw a sentence in the middle of a cell, on as many lines as it needs."""
    painter.setPen(QColor(190, 190, 190))
    inner = cell.adjusted(4 * PAD, PAD, -4 * PAD, -PAD)
    painter.drawText(inner, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, note)


def draw_label(
    painter: QPainter, cell: QRectF, text: str, *, right: bool = False, bottom: bool = False
) -> None:
    """Draw a small plaque in a cell's corner, upper left if not told; its middle gives way."""
    if not text:
        return
    metrics = QFontMetricsF(painter.font())
    room = cell.width() - 6 * PAD
    text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
    if not text:
        return
    size = metrics.horizontalAdvance(text) + 3 * PAD, metrics.height() + PAD
    left = cell.right() - 2 * PAD - size[0] if right else cell.left() + 2 * PAD
    top = cell.bottom() - 2 * PAD - size[1] if bottom else cell.top() + 2 * PAD
    plaque = QRectF(left, top, size[0], size[1])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(SHADE)
    painter.drawRoundedRect(plaque, 3, 3)
    painter.setPen(INK)
    painter.drawText(plaque, Qt.AlignmentFlag.AlignCenter, text)


def draw_inset(painter: QPainter, cell: QRectF, inset: Shown) -> None:
    """Draw a small picture with its label into the lower right corner of a cell."""
    if inset.image is None:
        return
    width = min(max(cell.width() * INSET_SHARE, 128.0), 2.0 * inset.image.width())
    height = width * inset.image.height() / inset.image.width()
    box = QRectF(cell.right() - width - 2 * PAD, cell.bottom() - height - 2 * PAD, width, height)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(box, inset.image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(SHADE, 3))
    painter.drawRect(box)
    painter.setPen(QPen(INK, 1))
    painter.drawRect(box)
    draw_label(painter, box.adjusted(-PAD, -PAD, PAD, 0), inset.label)


def draw_wipe(painter: QPainter, cell: QRectF, across: float) -> None:
    """Draw the wipe's line and its handle at `across` units from the left."""
    _outlined_line(painter, QPointF(across, cell.top()), QPointF(across, cell.bottom()))
    middle = QPointF(across, cell.center().y())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(INK, 1.5))
    painter.setBrush(SHADE)
    painter.drawEllipse(middle, 11.0, 11.0)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(INK)
    for side in (-1.0, 1.0):
        tip = middle + QPointF(7.5 * side, 0)
        back = 2.5 * side
        corners = [tip, middle + QPointF(back, -4.0), middle + QPointF(back, 4.0)]
        painter.drawPolygon(QPolygonF(corners))


def draw_line(painter: QPainter, line: Sequence[Point], framing: Framing) -> None:
    """Draw the line whose pixels the x-t slice shows; its start is the filled end."""
    start, end = (QPointF(*framing.to_view(point)) for point in line)
    _outlined_line(painter, start, end)
    painter.setPen(QPen(INK, 1.5))
    for point, brush in ((start, INK), (end, SHADE)):
        painter.setBrush(brush)
        painter.drawEllipse(point, 4.0, 4.0)


def _outlined_line(painter: QPainter, start: QPointF, end: QPointF) -> None:
    """White on a dark edge: seen on any picture."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(SHADE, 3.5))
    painter.drawLine(start, end)
    painter.setPen(QPen(INK, 1.25))
    painter.drawLine(start, end)
