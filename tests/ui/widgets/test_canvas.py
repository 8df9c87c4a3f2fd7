"""The surface that pictures are looked at on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.ui.screening import drag
from ui.widgets.canvas import Canvas, Line
from ui.widgets.canvas_drawing import SURROUND, Shown

RED, BLUE = QColor(200, 0, 0), QColor(0, 0, 200)


def filled(colour: QColor, width: int = 200, height: int = 100) -> Shown:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(colour)
    return Shown(image)


@pytest.fixture
def canvas(qapp: QApplication) -> Iterator[Canvas]:
    """A canvas of 400 x 300 on a plate of 2000 x 1000: it is seen 400 x 200, 50 from the top."""
    made = Canvas()
    made.resize(400, 300)
    made.set_plate(2000, 1000)
    made.show()
    qapp.processEvents()
    yield made
    made.close()
    made.deleteLater()


def seen(canvas: Canvas, x: int, y: int) -> QColor:
    return canvas.grab().toImage().pixelColor(x, y)


def test_a_small_picture_fills_the_plates_place(canvas: Canvas) -> None:
    canvas.show_pictures(filled(RED))
    assert seen(canvas, 5, 60) == seen(canvas, 395, 240) == RED
    assert seen(canvas, 200, 30) == seen(canvas, 200, 270) == SURROUND


def test_an_anamorphic_plate_is_unsqueezed(canvas: Canvas) -> None:
    canvas.set_plate(1000, 1000, pixel_aspect=2.0)
    canvas.show_pictures(filled(RED, 100, 100))
    assert seen(canvas, 5, 60) == RED
    assert seen(canvas, 200, 30) == SURROUND


def test_a_wipe_has_one_picture_on_each_side(canvas: Canvas) -> None:
    canvas.show_pictures(filled(RED), filled(BLUE), "wipe")
    canvas.set_wipe(0.25)
    assert seen(canvas, 80, 60) == RED
    assert seen(canvas, 120, 60) == BLUE


def test_the_wipe_follows_the_mouse(canvas: Canvas) -> None:
    canvas.show_pictures(filled(RED), filled(BLUE), "wipe")
    moved: list[float] = []
    canvas.wipe_moved.connect(moved.append)
    drag(canvas, QPoint(100, 150), QPoint(300, 150))
    assert moved == [pytest.approx(0.25), pytest.approx(0.75)]
    assert seen(canvas, 250, 60) == RED


def test_the_wipe_can_be_reached_when_its_place_is_out_of_sight(canvas: Canvas) -> None:
    canvas.show_pictures(filled(RED), filled(BLUE), "wipe")
    canvas.set_wipe(0.0)
    canvas.zoom_by(20)
    assert seen(canvas, 2, 60) == RED
    assert seen(canvas, 60, 60) == BLUE


def test_side_by_side_shows_both_whole(canvas: Canvas) -> None:
    canvas.show_pictures(filled(RED), filled(BLUE), "side")
    assert seen(canvas, 20, 140) == seen(canvas, 180, 140) == RED
    assert seen(canvas, 220, 140) == seen(canvas, 380, 140) == BLUE


def test_side_by_side_goes_below_each_other_where_that_shows_more(canvas: Canvas) -> None:
    canvas.resize(300, 400)
    canvas.show_pictures(filled(RED), filled(BLUE), "side")
    assert seen(canvas, 280, 100) == RED
    assert seen(canvas, 20, 300) == BLUE


def test_the_wheel_zooms_about_the_pointer(canvas: Canvas) -> None:
    at = QPointF(100, 100)
    held = canvas.framing.to_plate((100, 100))
    event = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)
    assert canvas.framing.scale == pytest.approx(0.2 * 1.25**2)
    assert canvas.framing.to_plate((100, 100)) == pytest.approx(held)


def test_one_to_one_shows_a_plate_pixel_as_a_screen_pixel(canvas: Canvas) -> None:
    canvas.one_to_one()
    assert canvas.percent == 100
    assert canvas.pixels_needed == 2000
    canvas.fit()
    assert canvas.percent == 20


def test_the_middle_button_pans(canvas: Canvas) -> None:
    canvas.one_to_one()
    before = canvas.framing.to_view((1000, 500))
    drag(canvas, QPoint(200, 150), QPoint(230, 140), button=Qt.MouseButton.MiddleButton)
    after = canvas.framing.to_view((1000, 500))
    assert (after[0] - before[0], after[1] - before[1]) == (30, -10)


def test_a_double_click_fits(canvas: Canvas) -> None:
    canvas.one_to_one()
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert canvas.framing.zoom is None


def test_a_fitted_picture_follows_the_size_of_the_canvas(canvas: Canvas) -> None:
    canvas.resize(200, 300)
    QApplication.processEvents()
    assert canvas.percent == 10


def test_dragging_a_single_picture_scrubs(canvas: Canvas) -> None:
    canvas.show_pictures(filled(RED))
    steps: list[int] = []
    canvas.scrubbed.connect(steps.append)
    drag(canvas, QPoint(100, 100), QPoint(117, 100), QPoint(92, 100))
    assert steps == [2, -3]


def test_a_line_is_drawn_in_plate_pixels_and_kept_within_the_plate(canvas: Canvas) -> None:
    canvas.set_drawing(True)
    lines: list[Line] = []
    canvas.line_drawn.connect(lines.append)
    drag(canvas, QPoint(100, 100), QPoint(300, 290))
    assert lines == [((500, 250), (1500, 1000))]


def test_a_click_without_a_drag_draws_no_line(canvas: Canvas) -> None:
    canvas.set_drawing(True)
    lines: list[Line] = []
    canvas.line_drawn.connect(lines.append)
    drag(canvas, QPoint(100, 100), QPoint(101, 100))
    assert lines == []


def test_the_colours_under_a_point_are_those_before_exposure(canvas: Canvas) -> None:
    canvas.show_pictures(filled(RED), filled(BLUE), "wipe")
    canvas.set_grade(3.0, 1.0)
    assert canvas.colours_at((1999.5, 0.5)) == [RED, BLUE]
    assert canvas.colours_at((2000.5, 0.5)) == []


def test_exposure_brightens_what_is_seen(canvas: Canvas) -> None:
    canvas.show_pictures(filled(QColor(100, 100, 100)))
    canvas.set_grade(1.0, 1.0)
    assert 135 < seen(canvas, 200, 150).red() < 140


def test_where_there_is_no_picture_it_says_why(canvas: Canvas) -> None:
    canvas.show_pictures(Shown(note="Frame 1009 is missing on disk."))
    image = canvas.grab().toImage()
    inked = sum(image.pixelColor(x, y) != SURROUND for x in range(400) for y in range(140, 160))
    assert inked > 50


def test_a_preview_lies_in_the_lower_corner(canvas: Canvas) -> None:
    canvas.show_pictures(filled(RED))
    canvas.set_inset(filled(BLUE, 64, 36))
    assert seen(canvas, 350, 280) == BLUE
    canvas.set_inset(None)
    assert seen(canvas, 350, 280) == SURROUND


def test_large_pixels_are_drawn_as_squares(canvas: Canvas) -> None:
    image = QImage(2000, 1000, QImage.Format.Format_RGB32)
    image.fill(RED)
    image.setPixelColor(1000, 500, BLUE)
    canvas.show_pictures(Shown(image))
    canvas.one_to_one()
    canvas.zoom_by(16)
    x, y = (round(each) for each in canvas.framing.to_view((1000, 500)))
    assert seen(canvas, x + 1, y + 1) == seen(canvas, x + 14, y + 14) == BLUE
    assert seen(canvas, x - 1, y + 1) == seen(canvas, x + 17, y + 8) == RED
