"""The timeline with its presenter: what became of frames, and editing a stretch again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from ocio.frame_range import FrameRange
from tests.ui.screening import Screening, drag
from ui.presenters.timeline import Marks, Stretch
from ui.widgets.timeline import says_of, states_of
from ui.widgets.timeline_bar import LANE, RULER

LANE_Y = RULER + LANE // 2


@pytest.fixture
def screen(qapp: QApplication, tmp_path: Path) -> Iterator[Screening]:
    made = Screening(tmp_path)
    made.show()
    yield made
    made.close()


def at(screen: Screening, frame: int, y: int = LANE_Y) -> QPoint:
    return QPoint(int(screen.timeline.bar.left_of(frame) + 2), y)


def select(screen: Screening, first: int, last: int) -> None:
    drag(screen.timeline.bar, at(screen, first), at(screen, last))
    screen.settle()


def test_scrubbing_on_the_ruler_moves_the_viewer(screen: Screening) -> None:
    drag(screen.timeline.bar, at(screen, 1004, 5), at(screen, 1030, 5))
    assert screen.panel.viewer.frame.value == 1030


def test_the_viewers_keys_work_on_the_timeline_too(screen: Screening) -> None:
    screen.press(Qt.Key.Key_Right, screen.timeline.bar)
    assert screen.panel.viewer.frame.value == 1002


def test_a_drag_selects_a_stretch_and_offers_to_edit_it_again(screen: Screening) -> None:
    assert not screen.timeline.again.isVisible()
    select(screen, 1020, 1031)
    assert screen.panel.timeline.stretch.value == Stretch(1020, 1031, (1019, 1032))
    assert screen.timeline.again.isVisible()
    assert screen.timeline.again.text() == "Edit 1020-1031 again"
    assert screen.timeline.says.text() == "12 frames selected; 1019 and 1032 stay."


def test_editing_a_stretch_again_sends_a_job_for_it_alone_into_the_next_version(
    screen: Screening,
) -> None:
    screen.show_edit()
    select(screen, 1020, 1031)
    screen.timeline.again.click()
    screen.runner.advance(0)
    newest, earlier = screen.client.jobs()[:2]
    assert str(newest.job.range.frames) == "1020-1031"
    assert newest.job.edit.prompt == "a marble statue"
    assert newest.job.base is not None
    folder = Path(earlier.job.output.path).parent
    assert Path(newest.job.base.job).parent == folder


def test_without_words_it_cannot_be_edited_again_and_says_why(screen: Screening) -> None:
    select(screen, 1020, 1031)
    assert screen.timeline.again.isEnabled()
    screen.panel.edit["prompt"].value.set(" ")
    assert not screen.timeline.again.isEnabled()
    assert "Say what to make of the shot" in screen.timeline.again.toolTip()
    screen.panel.edit["prompt"].value.set("snow")
    assert screen.timeline.again.isEnabled()


def test_escape_and_the_cross_give_the_stretch_up(screen: Screening) -> None:
    select(screen, 1020, 1031)
    screen.timeline.drop.click()
    assert screen.panel.timeline.stretch.value is None
    select(screen, 1020, 1031)
    screen.press(Qt.Key.Key_Escape, screen.timeline.bar)
    assert not screen.timeline.again.isVisible()


def test_a_stretch_can_become_the_range(screen: Screening) -> None:
    select(screen, 1020, 1031)
    screen.timeline.as_range.click()
    assert str(screen.panel.shot.frames.value) == "1020-1031"


def test_without_a_shot_there_is_no_timeline(qapp: QApplication, tmp_path: Path) -> None:
    screen = Screening(tmp_path)
    screen.window.show()
    assert not screen.timeline.isVisible()
    screen.close()


def test_a_hole_is_a_hole_whatever_a_job_says() -> None:
    marks = Marks(
        1001,
        1005,
        done=FrameRange.parse("1001-1005"),
        failed=FrameRange.parse("1004"),
        missing=FrameRange.parse("1003"),
    )
    assert states_of(marks) == {
        1001: "done",
        1002: "done",
        1003: "missing",
        1004: "failed",
        1005: "done",
    }


def test_what_stays_is_said_for_every_kind_of_stretch() -> None:
    assert says_of(Stretch(1001, 1001, (1002,))) == "1 frame selected; 1002 stays."
    assert says_of(Stretch(1001, 1005)) == "5 frames selected: the whole range."


def test_the_hole_of_the_shot_is_told(screen: Screening) -> None:
    assert screen.timeline.bar.state_sentence(1009) == "1009 · missing"
