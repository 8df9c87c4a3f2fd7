"""A played service whose pictures can be told apart: each frame has its own colour."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QColor, QImage, QImageWriter

from tests.ui.presenters.desk import PatientClient
from tokenflow.client import AS_FOUND, PictureFormat, Reading, What
from tokenflow.scripted_client import Knobs

PLATE = "/plates/sh010.####.exr"
OWN_WIDTH = 2048


def colour_of(frame: int, what: What = "plate") -> QColor:
    """Give what a frame is filled with; neighbours differ, and so do plate and edit."""
    green = {"plate": 20, "edit": 120, "difference": 200, "matte": 250}[what]
    return QColor(frame * 7 % 256, green, 255 - frame * 7 % 256)


def encoded(image: QImage, picture: PictureFormat) -> bytes:
    """Return a picture's file."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(picture.encode()))
    writer.setQuality(95 if picture == "jpg" else 50)
    assert writer.write(image)
    return bytes(data.data())


class DrawnClient(PatientClient):
    """Draws every frame that it is asked for, and remembers what that was."""

    def __init__(
        self, knobs: Knobs | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(knobs, clock)
        self.gains: list[float | None] = []
        self.asked: list[tuple[What, int, int | None]] = []

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
        """Draw a job's frame."""
        super().frame(job_id, number, what, width=16)
        self.gains.append(gain)
        return self._draw(number, what, width, picture)

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
        """Draw a plate's frame."""
        super().plate_frame(path, number, width=16)
        return self._draw(number, "plate", width, picture)

    def _draw(self, number: int, what: What, width: int | None, picture: PictureFormat) -> bytes:
        self.asked.append((what, number, width))
        return drawn(number, what, width or OWN_WIDTH, picture)


@cache
def drawn(frame: int, what: What, width: int, picture: PictureFormat) -> bytes:
    """Return the file of a frame's picture."""
    image = QImage(width, width * 9 // 16, QImage.Format.Format_RGB32)
    image.fill(colour_of(frame, what))
    return encoded(image, picture)
