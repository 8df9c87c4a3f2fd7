"""Exposure and gamma of the viewer."""

from __future__ import annotations

from PySide6.QtGui import QColor, QImage, QPainter

from ui.widgets.grade import grade_table, graded


def grey(value: int, width: int = 5) -> QImage:
    image = QImage(width, 3, QImage.Format.Format_RGB32)
    image.fill(QColor(value, value, value))
    return image


def test_neither_exposure_nor_gamma_gives_the_picture_itself() -> None:
    image = grey(77)
    assert graded(image, 0.0, 1.0) is image
    assert grade_table(0.0, 1.0) == bytes(range(256))


def test_a_stop_doubles_the_light_behind_the_displays_curve() -> None:
    value = graded(grey(100), 1.0, 1.0).pixelColor(4, 2).red()
    assert abs((value / 100) ** 2.2 - 2) < 0.03


def test_gamma_lifts_the_middle_and_leaves_black_and_white() -> None:
    table = grade_table(0.0, 2.0)
    assert (table[0], table[255]) == (0, 255)
    assert table[64] == round(255 * (64 / 255) ** 0.5)


def test_what_gets_too_bright_is_white() -> None:
    assert graded(grey(200), 8.0, 1.0).pixelColor(0, 0) == QColor(255, 255, 255)


def test_rows_whose_length_is_no_multiple_of_four_bytes_stay_straight() -> None:
    image = grey(10, width=7)
    image.setPixelColor(6, 2, QColor(250, 0, 0))
    assert graded(image, 0.5, 1.0).pixelColor(6, 2).green() == 0
    assert graded(image, 0.5, 1.0).pixelColor(0, 0).red() < 20


def test_a_darkened_picture_covers_what_lies_behind_it() -> None:
    ground = QImage(5, 3, QImage.Format.Format_RGB32)
    ground.fill(QColor(255, 0, 0))
    painter = QPainter(ground)
    painter.drawImage(0, 0, graded(grey(255), -4.0, 1.0))
    painter.end()
    seen = ground.pixelColor(2, 1)
    assert seen.red() == seen.green() == grade_table(-4.0, 1.0)[255]
    assert not graded(grey(255), -4.0, 1.0).hasAlphaChannel()
    assert graded(grey(255), -4.0, 1.0).format() == QImage.Format.Format_RGB888
