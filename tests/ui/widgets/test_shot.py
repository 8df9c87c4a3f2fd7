"""The shot as the artist sees and changes it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from ui.gallery import service
from ui.gallery.stage import Stage, process_events
from ui.widgets.panel import TokenFlowPanel


def test_a_path_is_typed_and_opened(stage: Stage, panel: TokenFlowPanel) -> None:
    QTest.keyClicks(panel.shot.path, service.PLATE)
    QTest.keyClick(panel.shot.path, Qt.Key.Key_Return)
    stage.settle()
    assert panel.shot.name.whole_text() == "sh010_comp_v012"
    assert not panel.shot.path.isVisible()


def test_facts_say_where_they_come_from(stage: Stage, panel: TokenFlowPanel) -> None:
    stage.open()
    assert panel.shot.colour.text() == "ACEScg (header)"
    assert panel.shot.rate.text() == "24 fps (header)"
    assert panel.shot.frames.text() == "1001-1048"


def test_holes_are_named_and_decided_about(stage: Stage, panel: TokenFlowPanel) -> None:
    stage.open(service.HOLED)
    assert panel.shot.holes.text() == "4 frames missing: 1009,1031-1033"
    assert not stage.panel.render.ready.value
    for index, policy in enumerate(("error", "skip", "hold", "black")):
        panel.shot.policy.setCurrentIndex(index)
        panel.shot.policy.activated.emit(index)
        assert stage.panel.shot.missing.value == policy


def test_a_shot_without_holes_does_not_speak_of_them(stage: Stage, panel: TokenFlowPanel) -> None:
    stage.open()
    assert not panel.shot.holes_row.isVisible()


def test_an_unknown_colour_space_is_asked_for_at_once(stage: Stage, panel: TokenFlowPanel) -> None:
    stage.open(service.UNTAGGED)
    editor = panel.shot.colour_editor
    assert editor.isVisible()
    assert "colour space" in editor.problem
    box = editor.editor
    box.setCurrentIndex(1)  # type: ignore[attr-defined]
    box.activated.emit(1)  # type: ignore[attr-defined]
    assert stage.panel.shot.colorspace.value.text == service.SPACES[1]
    assert panel.shot.colour.text() == "ACEScg (you)"
    assert editor.problem == ""


def test_a_click_on_a_fact_opens_its_editor_and_closes_the_other(
    stage: Stage, panel: TokenFlowPanel
) -> None:
    stage.open()
    panel.shot.frames.click()
    assert panel.shot.range_editor.isVisible()
    panel.shot.rate.click()
    assert panel.shot.rate_editor.isVisible()
    assert not panel.shot.range_editor.isVisible()


def test_a_typed_range_becomes_in_and_out(stage: Stage, panel: TokenFlowPanel) -> None:
    stage.open()
    panel.shot.frames.click()
    _retype(panel.shot.range_editor.editor, "1010-1020")
    assert str(stage.panel.shot.frames.value) == "1010-1020"
    assert panel.shot.frames.text() == "1010-1020 of 1001-1048 (you)"


@pytest.mark.parametrize("text", ["later", "1020-1010", "1-5"])
def test_a_wrong_range_is_said_to_be_wrong_and_changes_nothing(
    stage: Stage, panel: TokenFlowPanel, text: str
) -> None:
    stage.open()
    panel.shot.frames.click()
    _retype(panel.shot.range_editor.editor, text)
    assert panel.shot.range_editor.problem
    assert str(stage.panel.shot.frames.value) == "1001-1048"


def test_a_rate_by_its_usual_name_is_exact(stage: Stage, panel: TokenFlowPanel) -> None:
    stage.open()
    panel.shot.rate.click()
    panel.shot.rate_editor.editor.setEditText("23.976")  # type: ignore[attr-defined]
    assert stage.panel.shot.rate.value == Fraction(24000, 1001)


def test_what_cannot_be_opened_says_why_and_offers_to_look_again(
    stage: Stage, panel: TokenFlowPanel
) -> None:
    stage.open("/nothing/here.####.exr")
    assert "does not exist" in panel.shot.trouble.sentence
    stage.knobs.plates["/nothing/here.####.exr"] = service.plate("/nothing/here.####.exr")
    panel.shot.again.click()
    stage.settle()
    assert stage.panel.shot.condition.value == "ready"
    assert panel.shot.trouble.sentence == ""


def test_thumbnails_show_first_and_last_frame_at_every_width(
    stage: Stage, panel: TokenFlowPanel, qapp: QApplication
) -> None:
    stage.open()
    for width in (340, 1500):
        panel.resize(width, 900)
        process_events(qapp)
        shown = panel.shot.thumbnails.shown()
        assert (shown[0][0].frame, shown[-1][0].frame) == (1001, 1048)


def test_a_hole_is_seen_in_the_strip_at_every_width(
    stage: Stage, panel: TokenFlowPanel, qapp: QApplication
) -> None:
    stage.open(service.HOLED)
    assert any(each.missing for each in stage.panel.shot.thumbnails.value)
    for width in (340, 800, 1500):
        panel.resize(width, 900)
        process_events(qapp)
        assert any(each.missing for each, _ in panel.shot.thumbnails.shown()), width


def test_a_click_on_a_thumbnail_goes_to_its_frame(stage: Stage, panel: TokenFlowPanel) -> None:
    stage.open()
    _, area = panel.shot.thumbnails.shown()[-1]
    QTest.mouseClick(panel.shot.thumbnails, Qt.MouseButton.LeftButton, pos=area.center())
    assert stage.panel.viewer.frame.value == 1048


def _retype(line: object, text: str) -> None:
    assert isinstance(line, QLineEdit)
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)
