"""A shot that is drawn, not rendered: a ball that rolls over planks, at noon and at sunset."""

from __future__ import annotations

import base64
import math
from functools import cache

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QImageWriter,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
    QRadialGradient,
)

from tokenflow.client import AS_FOUND, PictureFormat, Reading, What
from tokenflow.scripted_client import ScriptedClient
from tokenflow.states import JobRecord, JobState

FIRST = 1001
FRAMES = 48
WIDTH, HEIGHT = 2048, 1080
WIDEST = 960
"""Pictures are drawn no wider: most are never looked at."""

NOON = {
    "sky": "#6f97c4",
    "haze": "#c9d4dc",
    "near": "#8a6a4b",
    "far": "#a98a69",
    "sun": "#fffbe8",
    "ball": "#3a5fb0",
    "stripe": "#e6e2d6",
}
SUNSET = {
    "sky": "#4a3760",
    "haze": "#f09a4c",
    "near": "#5a3527",
    "far": "#9c5b36",
    "sun": "#ffd08a",
    "ball": "#b0352f",
    "stripe": "#e8b98a",
}


class DrawnClient(ScriptedClient):
    """The scripted service with pictures that can be told apart and that move.

    Attributes
    ----------
    history
        Jobs that it tells of beside those that it plays, the newest first.
    """

    history: tuple[JobRecord, ...] = ()

    def jobs(
        self, *, state: JobState | None = None, limit: int = 200, before: str | None = None
    ) -> list[JobRecord]:
        """See `Client.jobs`."""
        known = [record.id for record in self.history]
        start = known.index(before) + 1 if before in known else 0
        if not self.history:
            return super().jobs(state=state, limit=limit, before=before)
        kept = [record for record in self.history[start:] if state in (None, record.state)]
        return kept[:limit]

    def job(self, job_id: str) -> JobRecord:
        """See `Client.job`."""
        kept = {record.id: record for record in self.history}
        return kept[job_id] if job_id in kept else super().job(job_id)

    def frame(
        self,
        job_id: str,
        number: int,
        what: What = "edit",
        *,
        width: int | None = None,
        gain: float | None = None,
        picture: PictureFormat = "png",
    ) -> bytes:
        """See `Client.frame`."""
        super().frame(job_id, number, what, width=16)
        return drawn(number, what, min(width or WIDTH, WIDEST), picture)

    def plate_frame(
        self,
        path: str,
        number: int,
        reading: Reading = AS_FOUND,
        *,
        view: str | None = None,
        width: int | None = None,
        picture: PictureFormat = "png",
    ) -> bytes:
        """See `Client.plate_frame`."""
        super().plate_frame(path, number, reading, width=16)
        # An edit is asked for by its path where it is compared as a sequence of its own.
        what: What = "edit" if "edit" in path else "plate"
        return drawn(number, what, min(width or WIDTH, WIDEST), picture)


@cache
def drawn(frame: int, what: What, width: int, picture: PictureFormat) -> bytes:
    """Return the file of a drawn frame."""
    return encoded(draw(frame, what, width), picture)


def encoded(image: QImage, picture: PictureFormat) -> bytes:
    """Return a picture's file."""
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(picture.encode()))
    writer.setQuality(90 if picture == "jpg" else 60)
    writer.write(image)
    buffer.close()
    return bytes(content.data())


def draw(frame: int, what: What, width: int) -> QImage:
    """Draw one frame of the plate, of its edit, of their difference or of the ball's matte."""
    image = QImage(width, round(width * HEIGHT / WIDTH), QImage.Format.Format_RGB888)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(width / 160, width / 160)
    time = (frame - FIRST) / (FRAMES - 1)
    if what == "matte":
        painter.setBrush(Qt.GlobalColor.white)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(*_ball(time))
    elif what == "difference":
        _draw_scene(painter, time, SUNSET)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Difference)
        painter.setOpacity(1.0)
        _draw_over(painter, draw(frame, "plate", width))
    else:
        _draw_scene(painter, time, NOON if what == "plate" else SUNSET)
    painter.end()
    return image


def _draw_over(painter: QPainter, image: QImage) -> None:
    painter.drawImage(QRectF(0, 0, 160, 160 * HEIGHT / WIDTH), image)


def _ball(time: float) -> tuple[QPointF, float, float]:
    bounce = abs(math.sin(time * 2 * math.pi)) * 9
    return QPointF(38 + 84 * time, 56 - bounce), 15.0, 15.0


def _draw_scene(painter: QPainter, time: float, colours: dict[str, str]) -> None:
    high = 160 * HEIGHT / WIDTH
    horizon = 38.0
    sky = QLinearGradient(0, 0, 0, horizon)
    sky.setColorAt(0, QColor(colours["sky"]))
    sky.setColorAt(1, QColor(colours["haze"]))
    painter.fillRect(QRectF(0, 0, 160, horizon), sky)
    sun = QRadialGradient(QPointF(128, 15), 16)
    sun.setColorAt(0, QColor(colours["sun"]))
    sun.setColorAt(0.25, QColor(colours["sun"]))
    sun.setColorAt(1, QColor(0, 0, 0, 0))
    painter.fillRect(QRectF(108, 0, 40, 36), sun)
    floor = QLinearGradient(0, horizon, 0, high)
    floor.setColorAt(0, QColor(colours["far"]))
    floor.setColorAt(1, QColor(colours["near"]))
    painter.fillRect(QRectF(0, horizon, 160, high - horizon), floor)
    painter.setPen(QPen(QColor(0, 0, 0, 70), 0.35))
    for plank in range(-14, 15):
        shift = (plank - 2 * time) * 12
        painter.drawLine(QPointF(80 + shift * 0.45, horizon), QPointF(80 + shift * 2.2, high))
    _draw_ball(painter, time, colours)


def _draw_ball(painter: QPainter, time: float, colours: dict[str, str]) -> None:
    centre, radius, _ = _ball(time)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 80))
    painter.drawEllipse(QPointF(centre.x() - 5, 71), 17, 3.2)
    round_edge = QPainterPath()
    round_edge.addEllipse(centre, radius, radius)
    painter.save()
    painter.setClipPath(round_edge)
    painter.fillRect(QRectF(centre.x() - 20, centre.y() - 20, 40, 40), QColor(colours["ball"]))
    painter.translate(centre)
    painter.rotate(360 * time)
    painter.setBrush(QColor(colours["stripe"]))
    for stripe in (-11, -3, 5):
        corners = [(-20, stripe), (20, stripe), (20, stripe + 4), (-20, stripe + 4)]
        painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.restore()
    shade = QRadialGradient(QPointF(centre.x() + 5, centre.y() - 6), radius * 1.7)
    shade.setColorAt(0, QColor(255, 255, 255, 90))
    shade.setColorAt(0.35, QColor(0, 0, 0, 0))
    shade.setColorAt(1, QColor(0, 0, 0, 170))
    painter.fillPath(round_edge, shade)


def preview(frame: int) -> str:
    """Return a small picture of the edit of a frame, base64 text of a PNG file."""
    return base64.b64encode(encoded(draw(frame, "edit", 192), "png")).decode()
