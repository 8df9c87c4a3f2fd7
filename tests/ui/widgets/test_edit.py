"""The edit form: words, slider, exact parameters, output, presets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPlainTextEdit, QWidget

from ocio.frame_range import FrameRange
from ui.gallery.stage import Stage, process_events
from ui.widgets.buttons import IconButton
from ui.widgets.editors import ChoiceBox, NumberEdit
from ui.widgets.more import MoreWidget
from ui.widgets.output import OutputWidget
from ui.widgets.panel import TokenFlowPanel

Settle = Callable[[], None]


def test_typing_reaches_the_field_at_once(stage: Stage, panel: TokenFlowPanel) -> None:
    QTest.keyClicks(panel.edit.prompt.editor, "a red ball")
    assert stage.panel.edit["prompt"].value.value == "a red ball"


def test_a_prompt_is_one_sentence(stage: Stage, panel: TokenFlowPanel) -> None:
    QTest.keyClicks(panel.edit.prompt.editor, "a red")
    QTest.keyClick(panel.edit.prompt.editor, Qt.Key.Key_Return)
    QTest.keyClicks(panel.edit.prompt.editor, " ball")
    assert stage.panel.edit["prompt"].value.value == "a red ball"


def test_a_prompt_that_came_from_elsewhere_can_be_undone(
    stage: Stage, panel: TokenFlowPanel
) -> None:
    editor = panel.edit.prompt.editor
    assert isinstance(editor, QPlainTextEdit)
    QTest.keyClicks(editor, "a red ball")
    stage.panel.edit["prompt"].set("a blue cube")
    editor.undo()
    assert stage.panel.edit["prompt"].value.value == "a red ball"


def test_a_long_prompt_grows_to_four_lines_and_no_further(
    panel: TokenFlowPanel, qapp: QApplication
) -> None:
    editor = panel.edit.prompt.editor
    heights = []
    for words in (1, 30, 200, 400):
        panel.presenter.edit["prompt"].set("ball " * words)
        process_events(qapp)
        heights.append(editor.height())
    assert heights[0] < heights[1] <= heights[2] == heights[3]


def test_no_word_of_a_long_prompt_lies_under_the_scroll_bar(
    stage: Stage, qapp: QApplication
) -> None:
    stage.panel.edit["prompt"].set(
        "a marble statue of a running woman with her hair in the wind, standing on a pedestal of "
        "weathered granite beside a lake under a thunderstorm"
    )
    panel = TokenFlowPanel(stage.panel)
    panel.resize(340, 960)
    panel.show()
    process_events(qapp)
    editor = panel.edit.prompt.editor
    assert isinstance(editor, QPlainTextEdit)
    assert editor.verticalScrollBar().isVisible()
    layout = editor.document().firstBlock().layout()
    widest = max(layout.lineAt(line).naturalTextWidth() for line in range(layout.lineCount()))
    assert widest <= editor.viewport().width()
    panel.close()
    panel.deleteLater()


def test_what_an_empty_prompt_says_is_not_cut_off(
    panel: TokenFlowPanel, qapp: QApplication
) -> None:
    editor = panel.edit.prompt.editor
    assert isinstance(editor, QPlainTextEdit)
    panel.resize(320, 900)
    process_events(qapp)
    room = editor.viewport().rect()
    needed = editor.fontMetrics().boundingRect(
        room, Qt.TextFlag.TextWordWrap, editor.placeholderText()
    )
    assert needed.height() <= room.height()


def test_the_slider_sets_the_exact_parameters(stage: Stage, panel: TokenFlowPanel) -> None:
    panel.edit.structure.slider.setValue(0)
    assert stage.panel.edit["qk_threshold"].value.value == 0.8
    assert not panel.edit.structure.custom.isVisible()


def test_an_exact_parameter_makes_the_slider_say_custom(
    stage: Stage, panel: TokenFlowPanel
) -> None:
    panel.edit.more.set_open(True)
    _retype(_more(panel).rows["guidance"].editor, "9")
    assert stage.panel.edit["guidance"].value.value == 9
    assert panel.edit.structure.custom.isVisible()


@pytest.mark.parametrize(
    ("key", "text"), [("steps", "0"), ("steps", "many"), ("size", "large"), ("matte_feather", "-1")]
)
def test_a_wrong_value_is_told_beside_the_field_and_stays(
    stage: Stage, panel: TokenFlowPanel, key: str, text: str
) -> None:
    panel.edit.more.set_open(True)
    row = _more(panel).rows[key]
    _retype(row.editor, text)
    assert row.problem
    assert row.editor.property("wrong") is True
    assert isinstance(row.editor, QLineEdit)
    assert row.editor.text() == text
    stage.panel.edit[key].reset()
    assert row.problem == ""
    assert row.editor.property("wrong") is False


def test_arrow_keys_step_a_number_in_ones_and_tens(panel: TokenFlowPanel) -> None:
    edit = NumberEdit(whole=True)
    got: list[object] = []
    edit.edited.connect(got.append)
    edit.set_value(50)
    QTest.keyClick(edit, Qt.Key.Key_Up)
    QTest.keyClick(edit, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert got == [51, 41]
    edit.deleteLater()


def test_a_seed_larger_than_a_spin_box_holds_is_kept(stage: Stage, panel: TokenFlowPanel) -> None:
    _retype(_more(panel).rows["seed"].editor, str(2**62))
    assert stage.panel.edit["seed"].value.value == 2**62


def test_the_die_rolls_another_seed(stage: Stage, panel: TokenFlowPanel) -> None:
    before = stage.panel.edit["seed"].value.value
    _button(_more(panel), "Take another seed").click()
    assert stage.panel.edit["seed"].value.value != before


def test_the_technique_shows_its_own_parameters_only(panel: TokenFlowPanel) -> None:
    panel.edit.more.set_open(True)
    rows = _more(panel).rows
    box = rows["technique"].editor
    assert isinstance(box, ChoiceBox)
    box.setCurrentIndex(box.findData("sdedit"))
    assert rows["start"].isVisible()
    assert not rows["qk_threshold"].isVisible()


def test_a_checkpoint_is_chosen_from_those_known_or_written(
    stage: Stage, panel: TokenFlowPanel
) -> None:
    box = _more(panel).rows["checkpoint"].editor
    assert isinstance(box, ChoiceBox)
    assert [box.itemData(place) for place in range(box.count())] == [
        "demo",
        "stable-diffusion-v1-5",
    ]
    box.setEditText("/models/own.safetensors")
    assert stage.panel.edit["checkpoint"].value.value == "/models/own.safetensors"


def test_one_strength_of_deflicker_is_no_choice(stage: Stage, panel: TokenFlowPanel) -> None:
    field = stage.panel.edit["deflicker"]
    assert panel.edit.deflicker.isVisible() == (len(field.choices.value) > 1)


def test_unknown_words_warn_and_the_demo_introduces_itself(
    stage: Stage, panel: TokenFlowPanel
) -> None:
    stage.describe("a red ball")
    assert "demo checkpoint" in panel.edit.notice.text()
    assert panel.edit.unknown.sentence == ""
    stage.describe("a marble statue")
    assert "“marble”" in panel.edit.unknown.sentence


def test_the_fold_says_what_is_changed_in_it(stage: Stage, panel: TokenFlowPanel) -> None:
    assert panel.edit.more.summary.whole_text() == "demo · seed 1"
    stage.panel.edit["steps"].set(20)
    assert panel.edit.more.summary.whole_text() == "demo · seed 1 · steps"


def test_frames_that_exist_are_named_and_replaced_only_after_a_question(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    panel.edit.output.set_open(True)
    output = panel.edit.output.body
    assert isinstance(output, OutputWidget)
    stage.panel.output.existing.set(FrameRange.parse("1001-1048"))
    assert output.existing.text() == "On disk already: 1001-1048"
    assert not panel.actions_row.render_button.isEnabled()
    output.overwrite.click()
    panel.actions_row.render_button.click()
    question = panel.actions_row.question
    assert question.isVisible()
    QTest.keyClick(question, Qt.Key.Key_Escape)
    ready()
    assert stage.panel.jobs.rows.value == ()
    panel.actions_row.render_button.click()
    question.yes.click()
    ready()
    assert len(stage.panel.jobs.rows.value) == 1


def test_buttons_say_what_they_would_do_and_why_they_cannot(
    stage: Stage, panel: TokenFlowPanel
) -> None:
    row = panel.actions_row
    assert not row.render_button.isEnabled()
    assert row.reason.text() == "Pick a shot."
    stage.open()
    assert row.reason.text() == "Say what to make of the shot."
    stage.describe()
    assert row.reason.text() == ""
    assert row.render_button.text() == "Render 48 frames"
    assert row.try_button.text() == "Try 5 frames"
    stage.panel.tries.set_count(3)
    assert row.try_button.text() == "Try 3 frames"


def test_an_estimate_appears_after_the_first_render(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    assert panel.actions_row.estimate.text() == ""
    stage.panel.render.restore({"rates": {"2048×1080 auto": [0.0375]}})
    assert panel.actions_row.estimate.text() == "≈ 3 min"


def test_a_preset_is_saved_used_renamed_deleted_and_brought_back(
    stage: Stage, panel: TokenFlowPanel
) -> None:
    presets = panel.presets
    stage.panel.edit["steps"].set(20)
    presets.fill_menu()
    presets.menu.actions()[0].trigger()
    QTest.keyClicks(presets.name, "Quick")
    QTest.keyClick(presets.name, Qt.Key.Key_Return)
    assert not presets.naming.isVisible()
    stage.panel.edit["steps"].set(50)
    _preset_act(panel, "Use")
    assert stage.panel.edit["steps"].value.value == 20
    _preset_act(panel, "Rename …")
    QTest.keyClicks(presets.name, "Fast")
    presets.ok.click()
    assert [each.name for each in stage.panel.presets.presets.value] == ["Fast"]
    _preset_act(panel, "Delete")
    assert not stage.panel.presets.presets.value
    presets.fill_menu()
    presets.menu.actions()[1].trigger()
    assert [each.name for each in stage.panel.presets.presets.value] == ["Fast"]


def test_a_preset_without_a_name_is_asked_for_one(panel: TokenFlowPanel) -> None:
    panel.presets.ask_name("", panel.presenter.presets.save)
    panel.presets.confirm()
    assert panel.presets.naming.isVisible()
    assert "needs a name" in panel.presets.trouble.sentence
    panel.presets.give_up()
    assert panel.presets.trouble.sentence == ""


def test_an_earlier_prompt_is_taken_from_the_menu(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    stage.panel.presets.remember("a ball & a cube")
    button = _button(panel.edit, "The last twenty prompts")
    menu = button.menu()
    menu.aboutToShow.emit()
    menu.actions()[0].trigger()
    assert stage.panel.edit["prompt"].value.value == "a ball & a cube"


def _more(panel: TokenFlowPanel) -> MoreWidget:
    body = panel.edit.more.body
    assert isinstance(body, MoreWidget)
    return body


def _button(widget: QWidget, name: str) -> IconButton:
    return next(b for b in widget.findChildren(IconButton) if b.accessibleName() == name)


def _preset_act(panel: TokenFlowPanel, label: str) -> None:
    panel.presets.fill_menu()
    menu = panel.presets.menu.actions()[-1].menu()
    assert isinstance(menu, QMenu)
    next(act for act in menu.actions() if act.text() == label).trigger()


def _retype(line: QWidget, text: str) -> None:
    assert isinstance(line, QLineEdit)
    line.selectAll()
    QTest.keyClicks(line, text)
