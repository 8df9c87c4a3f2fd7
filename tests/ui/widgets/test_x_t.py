"""The x-t slice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.ui.event_loop import EventLoop
from ui.widgets.x_t import MOST_COLUMNS, SAMPLES, WAITING, Slice, XTView, window

PLATE = (200, 100)
LEFT, RIGHT = QColor(250, 0, 0), QColor(0, 0, 250)


def halves(width: int = 200, height: int = 100) -> QImage:
    """A picture whose left half is red and whose right half is blue."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.fillRect(0, 0, width // 2, height, LEFT)
    painter.fillRect(width // 2, 0, width - width // 2, height, RIGHT)
    painter.end()
    return image


def test_a_column_is_the_line_from_its_start_at_the_top_to_its_end() -> None:
    slice_ = Slice([1001, 1002])
    slice_.put(1002, halves(), ((10, 50), (190, 50)), PLATE)
    assert slice_.image.pixelColor(1, 5) == LEFT
    assert slice_.image.pixelColor(1, SAMPLES - 5) == RIGHT
    assert slice_.image.pixelColor(0, 5) == WAITING


def test_a_line_drawn_backwards_or_across_is_followed() -> None:
    slice_ = Slice([1001])
    slice_.put(1001, halves(), ((190, 80), (10, 20)), PLATE)
    assert slice_.image.pixelColor(0, 5) == RIGHT
    assert slice_.image.pixelColor(0, SAMPLES - 5) == LEFT


def test_a_picture_of_another_width_gives_the_same_column() -> None:
    slice_ = Slice([1001, 1002])
    line = ((10.0, 50.0), (190.0, 50.0))
    slice_.put(1001, halves(), line, PLATE)
    slice_.put(1002, halves(100, 50), line, PLATE)
    for y in (5, 100, 150, 250):
        assert slice_.image.pixelColor(0, y) == slice_.image.pixelColor(1, y)


def test_what_flickers_ripples_and_what_stands_still_does_not() -> None:
    slice_ = Slice(range(10))
    for frame in range(10):
        image = halves()
        if frame % 2:
            image.fill(QColor(90, 90, 90))
        slice_.put(frame, image, ((10, 50), (190, 50)), PLATE)
    row = [slice_.image.pixelColor(frame, 20) for frame in range(10)]
    assert row == [LEFT, QColor(90, 90, 90)] * 5


@pytest.fixture
def view(qapp: QApplication) -> Iterator[XTView]:
    made = XTView()
    made.resize(416, 100)
    made.show()
    yield made
    made.close()
    made.deleteLater()


def test_it_tells_which_columns_are_missing(view: XTView) -> None:
    view.show_line(((10, 50), (190, 50)), PLATE, range(1001, 1005), ["plate", "edit"])
    view.put(0, 1002, halves())
    assert view.missing(0) == [1001, 1003, 1004]
    assert view.missing(1) == [1001, 1002, 1003, 1004]


def test_the_same_line_again_keeps_its_columns_and_another_empties_them(view: XTView) -> None:
    line = ((10.0, 50.0), (190.0, 50.0))
    view.show_line(line, PLATE, range(1001, 1005), ["plate"])
    view.put(0, 1002, halves())
    view.show_line(line, PLATE, range(1001, 1005), ["plate"])
    assert len(view.missing(0)) == 3
    view.show_line((line[1], line[0]), PLATE, range(1001, 1005), ["plate"])
    assert len(view.missing(0)) == 4


def test_plate_lies_above_edit(view: XTView) -> None:
    view.show_line(((10, 50), (90, 50)), PLATE, range(1001, 1005), ["", ""])
    for frame in range(1001, 1005):
        view.put(0, frame, halves())
    image = view.grab().toImage()
    assert image.pixelColor(300, 30) == LEFT
    assert image.pixelColor(300, 80) == WAITING


def test_a_click_goes_to_the_columns_frame(view: XTView) -> None:
    view.show_line(((10, 50), (190, 50)), PLATE, range(1001, 1005), ["plate"])
    chosen: list[int] = []
    view.chosen.connect(chosen.append)
    for across in (9, 215, 407, 415):
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(across, 40))
    assert chosen == [1001, 1003, 1004, 1004]


def test_a_short_shot_is_shown_whole_with_its_holes() -> None:
    assert window([1001, 1003, 1004], 1003) == [1001, 1002, 1003, 1004]
    assert window([], 1) == []


def test_of_a_long_shot_neighbours_about_the_playhead_are_shown() -> None:
    frames = range(1, 2001)
    for at in (1, 500, 1234, 2000):
        shown = window(frames, at)
        assert len(shown) == MOST_COLUMNS and at in shown
        assert shown == list(range(shown[0], shown[0] + MOST_COLUMNS))
    # The slice is not begun anew at each frame.
    assert window(frames, 1010) == window(frames, 1011)


def grey(value: int) -> QImage:
    image = QImage(200, 100, QImage.Format.Format_RGB32)
    image.fill(QColor(value, value, value))
    return image


def test_what_brightens_steadily_does_not_ripple_and_what_flickers_does(view: XTView) -> None:
    line = ((10, 50), (190, 50))
    view.show_line(line, PLATE, range(1001, 1009), ["plate", "edit"])
    for number, frame in enumerate(range(1001, 1009)):
        view.put(0, frame, grey(100 + 10 * number))
        view.put(1, frame, grey(100 + 10 * (number % 2)))
    assert view.ripple(0) is None
    view.measure()
    assert view.ripple(0) == pytest.approx(0.0, abs=0.01)
    # Each frame is ten levels of 255 away from both its neighbours.
    assert view.ripple(1) == pytest.approx(10 / 255 * 100, abs=0.01)


def test_frames_beside_a_hole_are_not_measured(view: XTView) -> None:
    view.show_line(((10, 50), (190, 50)), PLATE, range(1001, 1007), ["plate"])
    for frame in (1001, 1002, 1004, 1005):
        view.put(0, frame, grey(40 * (frame % 2)))
    view.measure()
    assert view.ripple(0) is None
    view.put(0, 1003, grey(40))
    view.measure()
    assert view.ripple(0) is not None


def test_the_slice_is_measured_once_its_columns_have_come(
    view: XTView, event_loop: EventLoop
) -> None:
    view.show_line(((10, 50), (190, 50)), PLATE, range(1001, 1005), ["plate"])
    for frame in range(1001, 1005):
        view.put(0, frame, grey(50))
    event_loop.turn_until(lambda: view.ripple(0) == 0.0)
