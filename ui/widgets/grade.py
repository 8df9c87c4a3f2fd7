"""Exposure and gamma of the viewer: for the eye only, no file knows of them."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QImage

DISPLAY_GAMMA = 2.2
"""What the displays' own curves come to, near enough to judge by."""


@lru_cache(maxsize=64)
def grade_table(exposure: float, gamma: float) -> bytes:
    """Return what becomes of each 8-bit value.

    The pictures are display-referred. Exposure acts on light, so the display's curve is taken off
    and put on again: ``((v ** 2.2 * 2 ** exposure) ** (1 / 2.2)) ** (1 / gamma)``.

    Parameters
    ----------
    exposure
        In stops.
    gamma
        Above 1 lifts the mid-tones.
    """
    gain = 2.0 ** (exposure / DISPLAY_GAMMA)
    return bytes(round(255 * min((value / 255 * gain) ** (1 / gamma), 1.0)) for value in range(256))


def graded(image: QImage, exposure: float, gamma: float) -> QImage:
    """Return the picture through exposure and gamma, as RGB888; itself if they change nothing."""
    if (exposure, gamma) == (0.0, 1.0) or image.isNull():
        return image
    # Three bytes per pixel, so that the one table meets colours only, never an alpha.
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    values = bytes(plain.constBits()).translate(grade_table(exposure, gamma))
    stride = plain.bytesPerLine()
    # The image only borrows the bytes; a copy owns them.
    return QImage(values, plain.width(), plain.height(), stride, plain.format()).copy()
