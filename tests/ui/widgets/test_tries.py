"""The strip of tries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.ui.drawn_client import colour_of
from tests.ui.screening import Screening
from ui.presenters.trouble import Trouble
from ui.widgets.tries import TriesModel


@pytest.fixture
def screen(qapp: QApplication, tmp_path: Path) -> Iterator[Screening]:
    made = Screening(tmp_path)
    made.show()
    yield made
    made.close()


def run_try(screen: Screening, prompt: str) -> None:
    screen.panel.edit["prompt"].value.set(prompt)
    screen.panel.tries.run()
    screen.runner.advance(5)
    screen.settle()


def card(screen: Screening, row: int, across: float = 0.5) -> QPoint:
    area = screen.tries.list.visualRect(screen.tries.list.model().index(row, 0))
    return QPoint(area.left() + int(area.width() * across), area.top() + 50)


def test_before_the_first_try_the_strip_takes_no_room(screen: Screening) -> None:
    assert not screen.tries.isVisible()
    run_try(screen, "a bronze statue")
    assert screen.tries.isVisible()
    assert screen.tries.list.model().rowCount() == 1


def test_a_click_shows_a_try_and_leaves_the_words_alone(screen: Screening) -> None:
    run_try(screen, "a bronze statue")
    run_try(screen, "a marble statue")
    QTest.mouseClick(screen.tries.list.viewport(), Qt.MouseButton.LeftButton, pos=card(screen, 1))
    older = screen.panel.tries.tries.value[1]
    assert screen.panel.tries.chosen.value == older.job_id
    shown = screen.panel.viewer.edit.value
    assert shown is not None and shown.job_id == older.job_id
    assert screen.panel.edit["prompt"].value.value == "a marble statue"


def test_the_settings_of_the_chosen_try_can_be_brought_back(screen: Screening) -> None:
    run_try(screen, "a bronze statue")
    screen.panel.edit["prompt"].value.set("something else")
    screen.tries.bring_back.click()
    assert screen.panel.edit["prompt"].value.value == "a bronze statue"


def test_a_double_click_brings_the_settings_back(screen: Screening) -> None:
    run_try(screen, "a bronze statue")
    screen.panel.edit["prompt"].value.set("something else")
    view = screen.tries.list.viewport()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=card(screen, 0))
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=card(screen, 0))
    assert screen.panel.edit["prompt"].value.value == "a bronze statue"


def test_the_pointer_runs_through_the_frames_of_a_try(screen: Screening) -> None:
    run_try(screen, "a bronze statue")
    frames = screen.panel.tries.tries.value[0].frames
    view = screen.tries.list
    for across, frame in ((0.02, frames[0]), (0.5, frames[2]), (0.97, frames[4])):
        QTest.mouseMove(view.viewport(), card(screen, 0, across))
        screen.settle()
        seen = view.viewport().grab().toImage().pixelColor(card(screen, 0, 0.5))
        wanted = colour_of(frame, "edit")
        assert abs(seen.red() - wanted.red()) < 6 and abs(seen.blue() - wanted.blue()) < 6


def test_delete_takes_a_try_out_of_the_strip(screen: Screening) -> None:
    run_try(screen, "a bronze statue")
    run_try(screen, "a marble statue")
    view = screen.tries.list
    view.setCurrentIndex(view.model().index(1, 0))
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert [each.prompt for each in screen.panel.tries.tries.value] == ["a marble statue"]
    screen.tries.remove.click()
    assert not screen.tries.isVisible()


def test_the_menu_offers_what_can_be_done(screen: Screening) -> None:
    run_try(screen, "a bronze statue")
    made = screen.panel.tries.tries.value[0]
    menu = screen.tries.list.menu_for(made.job_id, screen.tries.list)
    words = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert words == ["Show", "Bring its settings back", "Take out of the strip"]
    menu.actions()[-1].trigger()
    assert screen.panel.tries.tries.value == ()


def test_a_try_that_cannot_be_made_says_why(screen: Screening) -> None:
    screen.panel.tries.trouble.set(Trouble("The folder is full.", "Make room."))
    assert screen.tries.isVisible()
    assert screen.tries.problem.sentence == "The folder is full. Make room."


def test_a_picture_that_is_broken_is_left_out(screen: Screening) -> None:
    run_try(screen, "a bronze statue")
    made = screen.panel.tries.tries.value[0]
    model = TriesModel()
    model.set_tries((replace(made, pictures={made.frames[0]: b"broken"}),))
    assert model.image(made, 0.0) is None
