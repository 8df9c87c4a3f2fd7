"""A strip of small pictures of a shot, holes drawn as holes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui.presenters.thumbnails import Thumbnail
from ui.widgets.theme import UNIT, state_brush, state_colour

HEIGHT = 9 * UNIT
GAP = 1


class ThumbnailStrip(QWidget):
    """Shows as many of the thumbnails as fit; a click asks for their frame."""

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails: tuple[Thumbnail, ...] = ()
        self._pictures: dict[int, QImage] = {}
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Frames of the shot")

    def sizeHint(self) -> QSize:
        """Take the width that there is."""
        return QSize(60 * UNIT, HEIGHT)

    def set_thumbnails(self, thumbnails: tuple[Thumbnail, ...]) -> None:
        """Show these."""
        known = {each.frame: each.picture for each in self._thumbnails}
        for each in thumbnails:
            if each.picture and known.get(each.frame) != each.picture:
                self._pictures[each.frame] = QImage.fromData(each.picture)
        wanted = {each.frame for each in thumbnails if each.picture}
        self._pictures = {f: image for f, image in self._pictures.items() if f in wanted}
        self._thumbnails = thumbnails
        self.setVisible(bool(thumbnails))
        self.update()

    def shown(self) -> list[tuple[Thumbnail, QRect]]:
        """Return the thumbnails that fit, first and last among them, and where they stand."""
        count = len(self._thumbnails)
        if not count:
            return []
        fitting = max(1, min(count, (self.width() + GAP) // (self._tile_width() + GAP)))
        chosen = [self._of_part(index, fitting) for index in range(fitting)]
        wide = self.width() / fitting
        edges = [round(index * wide) for index in range(fitting + 1)]
        most = self._tile_width() * 3 // 2
        return [
            (each, QRect(left, 0, min(right - left - GAP, most), self.height()))
            for each, left, right in zip(chosen, edges, edges[1:], strict=False)
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the strip."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for thumbnail, area in self.shown():
            picture = self._pictures.get(thumbnail.frame)
            if thumbnail.missing:
                self._draw_hole(painter, area)
            elif picture is not None and not picture.isNull():
                painter.drawImage(QRectF(area), picture, _covering(picture, area))
            else:
                painter.fillRect(area, self.palette().color(QPalette.ColorRole.Base))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask for the frame under the pointer."""
        frame = self._frame_at(event.position().toPoint())
        if frame is not None:
            self.picked.emit(frame)

    def event(self, event: QEvent) -> bool:
        """Tell the frame under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            holes = {each.frame for each in self._thumbnails if each.missing}
            frame = self._frame_at(event.pos())
            if frame is not None:
                missing = ", missing on disk" if frame in holes else ""
                QToolTip.showText(event.globalPos(), f"Frame {frame}{missing}", self)
            return True
        return super().event(event)

    def _frame_at(self, place: QPoint) -> int | None:
        for thumbnail, area in self.shown():
            if area.contains(place):
                return thumbnail.frame
        return None

    def _draw_hole(self, painter: QPainter, area: QRect) -> None:
        painter.fillRect(area, state_brush("missing", self.palette()))
        painter.setPen(QPen(state_colour("missing", self.palette()), 1))
        painter.drawRect(area.adjusted(0, 0, -1, -1))

    def _of_part(self, index: int, parts: int) -> Thumbnail:
        """Return what stands for one of so many parts: its hole, else the first or last frame."""
        count = len(self._thumbnails)
        if index in (0, parts - 1):
            return self._thumbnails[0 if index == 0 else count - 1]
        begin, end = (round(edge * count / parts) for edge in (index, index + 1))
        holes = [each for each in self._thumbnails[begin:end] if each.missing]
        middle = self._thumbnails[round(index * (count - 1) / (parts - 1))]
        return holes[0] if holes else middle

    def _tile_width(self) -> int:
        pictures = [image for image in self._pictures.values() if image.height()]
        aspect = pictures[0].width() / pictures[0].height() if pictures else 16 / 9
        return max(2 * UNIT, round(self.height() * min(aspect, 2.4)))


def _covering(picture: QImage, area: QRect) -> QRectF:
    """Return the middle of a picture that has the shape of an area."""
    scale = max(area.width() / picture.width(), area.height() / picture.height())
    width, height = area.width() / scale, area.height() / scale
    return QRectF((picture.width() - width) / 2, (picture.height() - height) / 2, width, height)
