"""The queue, the versions and the head, as the artist uses them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ocio.frame_range import FrameRange
from tokenflow.client import Client
from tokenflow.errors import OutOfMemory, ServiceUnreachable
from tokenflow.scripted_job import failing_play
from ui.gallery.stage import JOB_SECONDS, Stage, process_events
from ui.presenters.trouble import Trouble
from ui.presenters.versions import Version
from ui.widgets.jobs import trouble_text
from ui.widgets.panel import TokenFlowPanel
from ui.widgets.rows import ROW_ROLE, RowLook

Settle = Callable[[], None]


@pytest.fixture
def rows(panel: TokenFlowPanel) -> Callable[[], list[RowLook]]:
    """What the rows of the queue show."""

    def look() -> list[RowLook]:
        model = panel.jobs.model
        return [model.index(place).data(ROW_ROLE) for place in range(model.rowCount())]

    return look


def test_an_empty_queue_says_what_will_be_there(panel: TokenFlowPanel) -> None:
    assert panel.jobs.empty.isVisible()
    assert not panel.jobs.list.isVisible()


def test_a_running_job_shows_stage_bar_time_left_and_preview(
    stage: Stage, panel: TokenFlowPanel, ready: Settle, rows: Callable[[], list[RowLook]]
) -> None:
    stage.render(0.45)
    (row,) = rows()
    assert row.state == "running"
    assert row.detail.startswith("denoising ")
    assert row.fraction == pytest.approx(0.5, abs=0.1)
    assert re.fullmatch(r"1:[45]\d", row.aside)
    assert row.picture is not None
    assert not QImage.fromData(row.picture).isNull()


def test_the_preview_goes_when_the_job_has_ended(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    stage.render(0.45)
    assert stage.panel.viewer.preview.value is not None
    stage.play(0.6)
    assert stage.panel.jobs.rows.value[0].state == "done"
    assert stage.panel.viewer.preview.value is None


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("the device ran out of memory", "The device ran out of memory."),
        ("sh010.1023.exr is truncated", "sh010.1023.exr is truncated."),
        ("'/a' does not exist.", "'/a' does not exist."),
    ],
)
def test_a_message_is_said_as_a_sentence(sentence: str, said: str) -> None:
    assert trouble_text(Trouble(sentence)) == said


def test_a_failure_says_what_to_do_and_shows_details_on_demand(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    error = OutOfMemory("the device ran out of memory", hint="choose a smaller size")
    stage.knobs.script = failing_play(error, JOB_SECONDS / 2)
    stage.render()
    jobs = panel.jobs
    assert jobs.problem.sentence == "The device ran out of memory. Choose a smaller size."
    assert not jobs.text.isVisible()
    jobs.details.click()
    assert jobs.text.isVisible()
    assert "out_of_memory" in jobs.text.toPlainText()
    jobs.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "message: the device ran out of memory" in copied
    assert "device: NVIDIA RTX A5000" in copied
    assert '"prompt": "a red striped ball on a wooden floor at sunset"' in copied
    jobs.again.click()
    ready()
    assert stage.panel.jobs.rows.value[0].state in ("queued", "running")
    assert not jobs.problem.isVisible()


def test_buttons_do_what_the_chosen_job_allows(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    stage.render(0.2)
    buttons = panel.jobs.buttons
    assert buttons["cancel"].isEnabled()
    assert not buttons["retry"].isEnabled()
    assert not buttons["delete"].isEnabled()
    buttons["cancel"].click()
    ready()
    assert stage.panel.jobs.rows.value[0].state == "cancelled"
    assert buttons["retry"].isEnabled()
    assert not buttons["cancel"].isEnabled()


def test_nothing_is_loaded_into_a_host_that_cannot(panel: TokenFlowPanel, stage: Stage) -> None:
    assert panel.jobs.buttons["load"].isHidden()


def test_waiting_jobs_change_places(stage: Stage, panel: TokenFlowPanel, ready: Settle) -> None:
    ids = _submit(stage, 3)
    stage.panel.jobs.choose(ids[2])
    panel.jobs.buttons["up"].click()
    ready()
    waiting = [row.id for row in stage.panel.jobs.rows.value if row.state == "queued"]
    assert waiting == [ids[2], ids[1]]
    assert panel.jobs.chosen() is not None
    assert panel.jobs.chosen().id == ids[2]  # type: ignore[union-attr]


def test_delete_asks_first_and_the_key_does_it_too(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    stage.render()
    panel.jobs.list.setFocus()
    QTest.keyClick(panel.jobs.list, Qt.Key.Key_Delete)
    question = panel.jobs.question
    assert question.isVisible()
    assert "Its frames stay" in question.sentence.sentence
    question.no.click()
    assert len(stage.panel.jobs.rows.value) == 1
    panel.jobs.buttons["delete"].click()
    question.yes.click()
    ready()
    assert panel.jobs.model.rowCount() == 0


def test_choosing_a_row_chooses_the_job_and_return_shows_it(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    ids = _submit(stage, 2)
    panel.jobs.list.setCurrentIndex(panel.jobs.model.place(ids[1]))
    assert stage.panel.jobs.chosen.value == ids[1]
    panel.jobs.list.activated.emit(panel.jobs.list.currentIndex())
    shown = stage.panel.viewer.edit.value
    assert shown is not None
    assert shown.job_id == ids[1]


def test_a_row_that_moves_takes_the_choice_with_it(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    ids = _submit(stage, 3)
    stage.panel.jobs.choose(ids[1])
    stage.client.cancel(ids[0])
    stage.play(0)
    chosen = panel.jobs.chosen()
    assert chosen is not None
    assert chosen.id == ids[1]


def test_a_menu_offers_the_same_as_the_buttons(
    stage: Stage, panel: TokenFlowPanel, ready: Settle, qapp: QApplication
) -> None:
    stage.render()
    panel.jobs.list.customContextMenuRequested.emit(panel.jobs.list.rect().center())
    menu = qapp.activePopupWidget()
    assert menu is not None
    labels = [act.text() for act in menu.actions()]
    menu.close()
    assert "Show the frames in their folder" in labels
    assert "Load the result into the host" not in labels


def test_rows_are_drawn_not_made_of_widgets(
    stage: Stage, panel: TokenFlowPanel, ready: Settle, qapp: QApplication
) -> None:
    _submit(stage, 5)
    process_events(qapp)
    before = len(panel.jobs.findChildren(QObject))
    _submit(stage, 60, first=10)
    process_events(qapp)
    assert len(panel.jobs.findChildren(QObject)) - before < 10


@pytest.fixture
def versions(stage: Stage, panel: TokenFlowPanel, ready: Settle) -> Iterator[TokenFlowPanel]:
    """A panel with three versions on disk."""
    frames = FrameRange.parse("1001-1048")
    stage.panel.versions.versions.set(
        tuple(
            Version(number, f"v{number:03}", f"/o/v{number:03}/a.####.exr", frames, "a ball", 0.0)
            for number in (3, 2, 1)
        )
    )
    panel.columns.show_versions()
    yield panel


def test_a_version_is_shown_against_the_plate(stage: Stage, versions: TokenFlowPanel) -> None:
    versions.versions.choose(2)
    versions.versions.view.click()
    assert stage.panel.versions.shown.value == 2
    assert stage.panel.versions.against.value is None


def test_any_two_versions_are_compared(stage: Stage, versions: TokenFlowPanel) -> None:
    versions.versions.choose(1, 3)
    assert not versions.versions.view.isEnabled()
    versions.versions.compare.click()
    assert (stage.panel.versions.shown.value, stage.panel.versions.against.value) == (3, 1)
    model = versions.versions.model
    marks = [model.index(place).data(ROW_ROLE).mark for place in range(3)]
    assert marks == ["A", "", "B"]


def test_a_version_without_a_record_has_no_settings_to_bring_back(versions: TokenFlowPanel) -> None:
    versions.versions.choose(1)
    assert not versions.versions.settings.isEnabled()


def test_the_head_says_how_the_service_is_and_what_computes(
    panel: TokenFlowPanel, stage: Stage
) -> None:
    line = panel.header.line
    assert line.word.text() == "Ready"
    assert line.device.whole_text() == "· NVIDIA RTX A5000 · 14.2 GB free"
    assert not panel.header.sentence.isVisible()
    QTest.mouseClick(line, Qt.MouseButton.LeftButton)
    assert panel.header.sentence.text() == "The service waits for work."


def test_a_lost_service_is_said_at_once_with_the_one_thing_to_do(
    panel: TokenFlowPanel, stage: Stage
) -> None:
    stage.knobs.unreachable = True
    stage.runner.advance(2.5)
    header = panel.header
    assert stage.panel.service.state.value.condition == "gone"
    assert header.sentence.isVisible()
    assert header.action.text() == "Try now"
    stage.knobs.unreachable = False
    header.action.click()
    stage.settle()
    assert header.line.sign.state == "ready"
    assert not header.action.isVisible()


def test_a_service_that_never_came_up_leaves_the_form_usable(
    stage: Stage, qapp: QApplication
) -> None:
    def connect() -> Client:
        raise ServiceUnreachable("no service is running")

    stage.connect = connect
    panel = TokenFlowPanel(stage.panel)
    panel.show()
    stage.open("")
    assert panel.actions_row.reason.text() == "The service is not there."
    QTest.keyClicks(panel.edit.prompt.editor, "a red ball")
    assert stage.panel.edit["prompt"].value.value == "a red ball"
    panel.close()
    panel.deleteLater()


def test_a_row_fits_its_two_lines(panel: TokenFlowPanel, stage: Stage, ready: Settle) -> None:
    stage.render(0.3)
    size = panel.jobs.list.sizeHintForIndex(panel.jobs.model.index(0))
    assert isinstance(size, QSize)
    assert size.height() >= 2 * panel.fontMetrics().lineSpacing()


def _submit(stage: Stage, count: int, first: int = 1) -> list[str]:
    job = stage.panel.render.job()
    ids = []
    for number in range(first, first + count):
        path = f"/o/v{number:03}/sh010_v{number:03}.####.exr"
        ids.append(stage.client.submit(replace(job, output=replace(job.output, path=path))))
    stage.panel.jobs.refresh()
    stage.play(0)
    return ids
