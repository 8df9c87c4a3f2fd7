"""The bar of frames."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.ui.event_loop import EventLoop
from tests.ui.screening import drag
from ui.widgets.theme import State
from ui.widgets.timeline_bar import LANE, RULER, TimelineBar

ON_RULER, ON_LANE = 6, RULER + LANE // 2


@pytest.fixture
def bar(qapp: QApplication) -> Iterator[TimelineBar]:
    """Frames 1001 to 1048, ten units each."""
    made = TimelineBar()
    made.resize(480 + 16, made.sizeHint().height())
    made.set_ends(1001, 1048)
    made.set_frame(1010)
    made.show()
    yield made
    made.close()
    made.deleteLater()


def over(bar: TimelineBar, frame: int, y: int) -> QPoint:
    """Return a point a third into a frame's cell."""
    return QPoint(int(bar.left_of(frame) + 3), y)


def test_each_frame_has_its_cell(bar: TimelineBar) -> None:
    for frame in (1001, 1017, 1048):
        assert bar.frame_at(bar.left_of(frame) + 0.1) == frame
        assert bar.frame_at(bar.left_of(frame + 1) - 0.1) == frame
    assert bar.frame_at(-50) == 1001
    assert bar.frame_at(9999) == 1048


def test_dragging_on_the_ruler_scrubs(bar: TimelineBar) -> None:
    frames: list[int] = []
    bar.scrubbed.connect(frames.append)
    drag(bar, over(bar, 1005, ON_RULER), over(bar, 1006, ON_RULER), over(bar, 1020, ON_RULER))
    assert frames == [1005, 1006, 1020]


def test_dragging_on_the_lane_selects_in_either_direction(bar: TimelineBar) -> None:
    stretches: list[object] = []
    bar.selected.connect(stretches.append)
    drag(bar, over(bar, 1020, ON_LANE), over(bar, 1031, ON_LANE))
    drag(bar, over(bar, 1031, ON_LANE), over(bar, 1020, ON_LANE))
    assert stretches == [(1020, 1031), (1020, 1031)]


def test_either_end_of_a_stretch_can_be_moved(bar: TimelineBar) -> None:
    bar.set_stretch((1020, 1031))
    stretches: list[object] = []
    bar.selected.connect(stretches.append)
    end = QPoint(int(bar.left_of(1032)) - 1, ON_LANE)
    drag(bar, end, over(bar, 1035, ON_LANE))
    assert stretches[-1] == (1020, 1035)
    beginning = QPoint(int(bar.left_of(1020)) + 1, ON_LANE)
    drag(bar, beginning, over(bar, 1015, ON_LANE))
    assert stretches[-1] == (1015, 1031)


def test_a_click_on_the_lane_goes_there_and_gives_the_stretch_up(bar: TimelineBar) -> None:
    bar.set_stretch((1020, 1031))
    stretches: list[object] = []
    frames: list[int] = []
    bar.selected.connect(stretches.append)
    bar.scrubbed.connect(frames.append)
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=over(bar, 1040, ON_LANE))
    assert (stretches, frames) == ([None], [1040])


def test_shift_and_an_arrow_grow_the_stretch_from_the_playhead(bar: TimelineBar) -> None:
    bar.selected.connect(bar.set_stretch)
    bar.scrubbed.connect(bar.set_frame)
    stretches: list[object] = []
    bar.selected.connect(stretches.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        QTest.keyClick(bar, key, Qt.KeyboardModifier.ShiftModifier)
    assert stretches == [(1010, 1011), (1010, 1012), (1010, 1011)]
    QTest.keyClick(bar, Qt.Key.Key_Escape)
    assert stretches[-1] is None


def test_shift_and_left_grow_the_stretch_backwards(bar: TimelineBar) -> None:
    bar.selected.connect(bar.set_stretch)
    bar.scrubbed.connect(bar.set_frame)
    stretches: list[object] = []
    bar.selected.connect(stretches.append)
    for _ in range(2):
        QTest.keyClick(bar, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert stretches == [(1009, 1010), (1008, 1010)]


def test_a_frame_is_told_in_words_as_well(bar: TimelineBar) -> None:
    bar.set_states({1009: "missing", 1010: "done"}, keyframes=[1010])
    bar.set_stretch((1011, 1012), pins=(1010,))
    assert bar.state_sentence(1009) == "1009 · missing"
    assert bar.state_sentence(1010) == "1010 · keyframe · done · pinned: stays as it is"


def test_states_are_told_apart_in_greyscale(bar: TimelineBar) -> None:
    states: tuple[State, ...] = ("done", "running", "failed", "missing")
    bar.set_states({1001 + 10 * n + i: s for n, s in enumerate(states) for i in range(10)})
    bar.set_frame(1048)
    image = bar.grab().toImage()
    looks = set()
    for number in range(len(states)):
        left = int(bar.left_of(1001 + 10 * number)) + 20
        greys = [
            image.pixelColor(left + x, RULER + 2 + y).lightness()
            for x in range(24)
            for y in range(LANE - 4)
        ]
        mean = sum(greys) / len(greys)
        ripple = max(greys) - min(greys)
        looks.add((round(mean / 12), round(ripple / 24)))
    assert len(looks) == len(states)


def test_two_thousand_frames_are_drawn_within_a_frame_of_the_host(
    bar: TimelineBar, event_loop: EventLoop
) -> None:
    bar.set_ends(1, 2000)
    states: dict[int, State] = {
        frame: ("done", "running", "failed")[frame % 3] for frame in range(1, 2001)
    }
    bar.set_states(states, range(1, 2001, 8))
    event_loop.measure(bar.grab)
