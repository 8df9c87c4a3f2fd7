"""The viewer with its presenter, its cache and its keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from tests.ui.drawn_client import colour_of, encoded
from tests.ui.event_loop import EventLoop
from tests.ui.presenters.desk import described, now
from tests.ui.screening import Screening, drag
from tokenflow.client import What
from ui.frames import FrameCache
from ui.pictures import Source
from ui.presenters.viewer import Line, PreviewPicture
from ui.qt_runner import QtRunner
from ui.widgets.feed import label
from ui.widgets.viewer import ViewerWidget

Key = Qt.Key


@pytest.fixture
def screen(qapp: QApplication, tmp_path: Path) -> Iterator[Screening]:
    made = Screening(tmp_path)
    made.show()
    yield made
    made.close()


def shows(screen: Screening, frame: int, what: What = "plate", x: int = 60) -> bool:
    """Whether this frame is seen, as near as a JPEG comes."""
    QApplication.processEvents()
    canvas = screen.viewer.canvas
    seen = canvas.grab().toImage().pixelColor(x, canvas.height() // 2)
    wanted = colour_of(frame, what)
    return near(seen, wanted)


def near(one: QColor, other: QColor) -> bool:
    pairs = ((one.red(), other.red()), (one.green(), other.green()), (one.blue(), other.blue()))
    return all(abs(a - b) < 6 for a, b in pairs)


def test_the_first_frame_of_a_shot_is_shown(screen: Screening) -> None:
    assert screen.panel.viewer.frame.value == 1001
    assert shows(screen, 1001)


def test_arrow_keys_step_and_end_keys_jump(screen: Screening) -> None:
    for key, frame in (
        (Key.Key_Right, 1002),
        (Key.Key_Right, 1003),
        (Key.Key_Left, 1002),
        (Key.Key_End, 1048),
        (Key.Key_Home, 1001),
    ):
        screen.press(key)
        assert shows(screen, frame)


def test_i_and_o_set_the_range(screen: Screening) -> None:
    screen.panel.viewer.go_to(1010)
    screen.press(Key.Key_I)
    screen.panel.viewer.go_to(1020)
    screen.press(Key.Key_O)
    assert str(screen.panel.shot.frames.value) == "1010-1020"


def test_keys_of_the_viewer_come_before_the_hosts_shortcuts(screen: Screening) -> None:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Key.Key_W, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(screen.viewer.canvas, event)
    assert event.isAccepted()
    control = QKeyEvent(
        QEvent.Type.ShortcutOverride, Key.Key_W, Qt.KeyboardModifier.ControlModifier
    )
    control.ignore()
    QApplication.sendEvent(screen.viewer.canvas, control)
    assert not control.isAccepted()


def test_w_wipes_between_plate_and_edit(screen: Screening) -> None:
    screen.show_edit()
    screen.press(Key.Key_W)
    width = screen.viewer.canvas.width()
    assert shows(screen, 1001, "plate", 60)
    assert shows(screen, 1001, "edit", width - 60)
    drag(screen.viewer.canvas, QPoint(width // 2, 90), QPoint(30, 90))
    assert screen.panel.viewer.wipe.value == pytest.approx(30 / width, abs=0.01)
    assert shows(screen, 1001, "edit", 60)
    screen.press(Key.Key_W)
    assert screen.panel.viewer.compare.value == "single"


def test_s_shows_both_side_by_side(screen: Screening) -> None:
    screen.show_edit()
    screen.press(Key.Key_S)
    assert screen.viewer.canvas.comparison == "side"


def test_a_held_key_shows_the_other_side_at_once(screen: Screening) -> None:
    screen.show_edit()
    plate = screen.panel.viewer.plate.value
    assert plate is not None
    screen.cache.forget(plate)
    screen.settle()
    assert shows(screen, 1001, "edit")
    QTest.keyPress(screen.viewer.canvas, Key.Key_T)
    assert shows(screen, 1001, "plate")
    QTest.keyRelease(screen.viewer.canvas, Key.Key_T)
    assert shows(screen, 1001, "edit")


def test_a_held_key_is_let_go_when_the_focus_goes_elsewhere(screen: Screening) -> None:
    screen.show_edit()
    screen.viewer.canvas.setFocus()
    QTest.keyPress(screen.viewer.canvas, Key.Key_T)
    screen.viewer.transport.frame.setFocus()
    assert not screen.panel.viewer.toggled.value


@pytest.mark.parametrize("what", ["plate", "edit", "difference", "matte"])
def test_a_button_for_each_kind_of_picture(screen: Screening, what: What) -> None:
    screen.show_edit()
    screen.viewer.tools.whats[what].click()
    screen.settle()
    assert shows(screen, 1001, what)


def test_without_an_edit_there_is_nothing_to_compare(screen: Screening) -> None:
    tools = screen.viewer.tools
    assert tools.whats["plate"].isEnabled()
    assert not any(
        button.isEnabled() for button in (*list(tools.whats.values())[1:], tools.wipe, tools.side)
    )


def test_f_fits_and_1_shows_plate_pixels_as_png(screen: Screening) -> None:
    screen.panel.shot.set_range(1001, 1003)
    screen.press(Key.Key_1)
    assert screen.viewer.canvas.percent == 100
    assert now(screen.panel.viewer.zoom) == "free"
    QTest.qWait(200)
    screen.settle()
    assert ("plate", 1001, None) in screen.drawn.asked
    screen.press(Key.Key_F)
    assert now(screen.panel.viewer.zoom) == "fit"


def test_the_zoom_of_the_presenter_is_shown(screen: Screening) -> None:
    screen.panel.viewer.zoom_to(2.0, (0.25, 0.5))
    framing = screen.viewer.canvas.framing
    assert screen.viewer.canvas.percent == 200
    assert framing.middle == (512, 540)


def test_pictures_are_as_wide_as_the_screen_needs_them(screen: Screening) -> None:
    screen.panel.viewer.go_to(1030)
    screen.settle()
    assert screen.viewer.canvas.pixels_needed == 700
    assert ("plate", 1030, 960) in screen.drawn.asked
    assert max(width for _, _, width in screen.drawn.asked if width is not None) == 960


def test_the_frames_ahead_are_fetched_before_they_are_looked_at(screen: Screening) -> None:
    assert {frame for _, frame, _ in screen.drawn.asked} >= set(range(1010, 1030))
    screen.drawn.asked.clear()
    screen.panel.viewer.go_to(1020)
    screen.settle()
    assert shows(screen, 1020)
    assert screen.drawn.asked == []


def test_a_frame_that_is_not_here_yet_leaves_the_one_before_and_says_so(
    screen: Screening,
) -> None:
    source = screen.panel.viewer.plate.value
    assert source is not None
    screen.cache.forget(source)
    screen.panel.viewer.go_to(1020)
    assert shows(screen, 1001)
    (shown,) = screen.viewer.feed.pictures()
    assert shown.label == "Plate · 1001, 1020 is coming"
    screen.settle()
    assert shows(screen, 1020)


def test_without_a_service_a_frame_waits_for_it(screen: Screening) -> None:
    source = screen.panel.viewer.plate.value
    assert source is not None
    screen.cache.forget(source)
    screen.panel.service.client.set(None)
    screen.panel.viewer.go_to(1020)
    (shown,) = screen.viewer.feed.pictures()
    assert shown.label == "Plate · 1001, 1020 waits for the service"


def test_a_frame_that_was_not_rendered_is_said_to_be(screen: Screening) -> None:
    screen.show_edit(frames="1001-1010")
    screen.panel.viewer.go_to(1020)
    screen.settle()
    (shown,) = screen.viewer.feed.pictures()
    assert shown.image is None
    assert shown.note == "Frame 1020 is not rendered yet."


def test_a_frame_that_could_not_be_had_comes_once_it_can(screen: Screening) -> None:
    source = screen.panel.viewer.plate.value
    assert source is not None
    screen.cache.forget(source)
    screen.knobs.unreachable = True
    screen.panel.viewer.go_to(1020)
    for _ in range(3):
        QTest.qWait(100)
        screen.runner.advance(0)
    assert not shows(screen, 1020)
    screen.knobs.unreachable = False
    QTest.qWait(2200)
    screen.runner.advance(0)
    assert shows(screen, 1020)


def test_exposure_and_gamma_are_for_the_display_alone(screen: Screening) -> None:
    screen.viewer.tools.display.click()
    assert screen.viewer.display.isVisible()
    asked = len(screen.drawn.asked)
    screen.viewer.display.exposure.setValue(-40)
    screen.settle()
    assert screen.panel.viewer.exposure.value == -2
    assert not shows(screen, 1001)
    assert len(screen.drawn.asked) == asked
    screen.viewer.display.reset.click()
    assert shows(screen, 1001)


def test_the_gain_is_offered_with_the_difference(screen: Screening) -> None:
    screen.viewer.tools.display.click()
    screen.show_edit()
    assert not screen.viewer.display.gain.isVisible()
    screen.panel.viewer.show_what("difference")
    assert screen.viewer.display.gain.isVisible()
    screen.viewer.display.gain.setValue(4)
    screen.settle()
    assert screen.panel.viewer.gain.value == 16
    assert set(screen.drawn.gains) == {None, 4.0, 16.0}


def test_the_pixel_under_the_pointer_is_read_out(screen: Screening) -> None:
    canvas = screen.viewer.canvas
    QTest.mouseMove(canvas, QPoint(canvas.width() // 2, canvas.height() // 2))
    screen.settle()
    pixel = screen.panel.viewer.pixel.value
    assert pixel is not None
    assert abs(pixel.x - 1024) < 6 and abs(pixel.y - 540) < 6
    wanted = colour_of(1001)
    assert abs(pixel.values[0][0] - wanted.red()) < 6
    assert f"x {pixel.x}  y {pixel.y}  ·  ≈ " in canvas.accessibleDescription()


def test_a_line_drawn_in_the_viewer_is_seen_over_time(screen: Screening) -> None:
    screen.show_edit()
    screen.press(Key.Key_X)
    canvas = screen.viewer.canvas
    middle = canvas.height() // 2
    drag(canvas, QPoint(100, middle), QPoint(canvas.width() - 100, middle))
    screen.settle()
    view = screen.viewer.slice
    assert view.isVisible()
    # The hole and nothing else is empty.
    assert view.missing(0) == view.missing(1) == [1009]
    for row, what in ((0, "plate"), (1, "edit")):
        seen = view.slice(row).pixelColor(20, 128)
        wanted = colour_of(1021, "plate" if what == "plate" else "edit")
        assert abs(seen.red() - wanted.red()) < 6 and abs(seen.green() - wanted.green()) < 6
    screen.press(Key.Key_Escape)
    assert screen.panel.viewer.slice_line.value is None
    assert not view.isVisible()


def test_the_slice_fills_in_as_frames_arrive(screen: Screening) -> None:
    screen.panel.viewer.set_slice(Line(0.1, 0.5, 0.9, 0.5))
    left = [len(screen.viewer.slice.missing(0))]
    while screen.runner.waiting:
        screen.runner.run_one()
        left.append(len(screen.viewer.slice.missing(0)))
    assert left == sorted(left, reverse=True)
    assert left[0] > left[len(left) // 2] > left[-1] == 1


def test_a_click_in_the_slice_goes_to_the_frame(screen: Screening) -> None:
    screen.panel.viewer.set_slice(Line(0.1, 0.5, 0.9, 0.5))
    screen.settle()
    view = screen.viewer.slice
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 2, 20))
    assert abs(screen.panel.viewer.frame.value - 1025) <= 1


def test_dragging_in_the_picture_scrubs(screen: Screening) -> None:
    drag(screen.viewer.canvas, QPoint(100, 50), QPoint(141, 50))
    assert screen.panel.viewer.frame.value == 1006


def test_the_preview_of_a_running_job_lies_over_the_picture(screen: Screening) -> None:
    image = screen.viewer.canvas.grab().toImage().scaled(64, 36)
    screen.panel.viewer.preview.set(PreviewPicture(1012, encoded(image, "png")))
    inset = screen.viewer.canvas.inset
    assert inset is not None and inset.label == "Preview 1012"
    screen.panel.viewer.preview.set(PreviewPicture(1012, b"broken"))
    assert screen.viewer.canvas.inset is None


def test_typing_a_frame_goes_there(screen: Screening) -> None:
    spin = screen.viewer.transport.frame
    spin.setValue(1033)
    screen.settle()
    assert screen.panel.viewer.frame.value == 1033
    screen.panel.viewer.go_to(1012)
    assert spin.value() == 1012


def test_a_typed_hole_comes_back_as_the_frame_that_is_shown(screen: Screening) -> None:
    spin = screen.viewer.transport.frame
    spin.setValue(1009)
    screen.settle()
    assert spin.value() == screen.panel.viewer.frame.value != 1009


@pytest.mark.parametrize("service", ["slow", "gone"])
def test_the_loop_is_never_held_up_by_the_service(
    screen: Screening, event_loop: EventLoop, service: str
) -> None:
    source = screen.panel.viewer.plate.value
    assert source is not None
    runner = QtRunner()
    cache = FrameCache(runner, lambda: screen.client)
    viewer = ViewerWidget(screen.panel.viewer, cache)
    viewer.resize(700, 500)
    viewer.show()
    event_loop.turn_for(0.2)
    event_loop.longest_block = 0.0
    if service == "slow":
        screen.knobs.delay = 0.3
    else:
        screen.knobs.unreachable = True
    for frame in range(1010, 1040):
        screen.panel.viewer.go_to(frame)
        event_loop.turn_for(0.02)
    viewer.close()
    viewer.deleteLater()
    cache.close()
    runner.close()
    event_loop.turn_for(0.4)


def test_two_thousand_frames_are_scrubbed_and_sliced_without_holding_the_loop_up(
    screen: Screening, event_loop: EventLoop
) -> None:
    long = str(screen.folder / "long.####.exr")
    screen.knobs.plates[long] = described(long, frames="1-2000", missing="")
    screen.panel.shot.open(long)
    screen.runner.advance(0)
    screen.panel.viewer.set_slice(Line(0.1, 0.5, 0.9, 0.5))
    event_loop.longest_block = 0.0
    for frame in (500, 1000, 1990):
        event_loop.measure(lambda frame=frame: screen.panel.viewer.go_to(frame))  # type: ignore[misc]
        event_loop.turn_for(0.1)


def test_an_anamorphic_plate_is_shown_unsqueezed(screen: Screening) -> None:
    path = str(screen.folder / "scope.####.exr")
    screen.knobs.plates[path] = {**described(path), "pixel_aspect": 2.0}
    screen.panel.shot.open(path)
    screen.settle()
    assert screen.viewer.canvas.framing.pixel_aspect == 2.0


def test_versions_keep_their_names_on_the_canvas() -> None:
    assert label(Source(path="/a", name="v003")) == "v003"
    assert label(Source(path="/a", name="plate")) == "Plate"


def test_every_control_has_a_name_and_a_tooltip(screen: Screening) -> None:
    screen.show_edit()
    for button in screen.window.findChildren(QToolButton):
        if not button.objectName().startswith("qt_"):
            assert button.accessibleName() and button.toolTip(), button


def test_at_320_everything_fits(screen: Screening) -> None:
    screen.show_edit()
    screen.window.resize(320, 600)
    screen.settle()
    assert screen.window.width() == 320
    for widget in screen.viewer.findChildren(QWidget):
        if widget.isVisible() and not widget.objectName().startswith("qt_"):
            corner = widget.mapTo(screen.window, QPoint(widget.width(), 0))
            assert corner.x() <= 320, widget
            if isinstance(widget, QToolButton):
                assert widget.width() >= widget.minimumSizeHint().width()


def test_destroyed_widgets_leave_the_presenter_alone(qapp: QApplication, tmp_path: Path) -> None:
    screen = Screening(tmp_path)
    screen.show()
    screen.window.close()
    screen.window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    screen.panel.viewer.go_to(1020)
    screen.panel.viewer.set_slice(Line(0, 0, 1, 1))
    screen.panel.timeline.select(1002, 1004)
    screen.runner.run_all()
    screen.cache.close()
    screen.panel.close()
    assert screen.cache.arrived.listeners == 0
