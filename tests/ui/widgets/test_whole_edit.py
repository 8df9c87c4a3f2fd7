"""A whole edit by hand: the panel, a real service in processes of its own, the demo checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit

from tests.tokenflow.conftest import demo_plate, real_service, tiny_checkpoint
from tests.tokenflow.played import Played
from tests.ui.event_loop import EventLoop
from tests.ui.screening import drag
from tokenflow.client import What
from ui.host import FolderHost
from ui.presenters.panel import PanelPresenter
from ui.qt_runner import QtRunner
from ui.widgets.field import FieldRow
from ui.widgets.panel import TokenFlowPanel
from ui.widgets.timeline_bar import LANE, RULER

__all__ = ["demo_plate", "real_service", "tiny_checkpoint"]

Key = Qt.Key
LONG = 300.0
"""Seconds that a job may take on a busy machine."""


@pytest.fixture
def panel(real_service: Played, tmp_path: Path, qapp: QApplication) -> Iterator[TokenFlowPanel]:
    """The panel in a window of its own, at a service that has the demo checkpoint."""
    host = FolderHost(output_root=real_service.folder / tmp_path.name, settings=tmp_path)
    presenter = PanelPresenter(lambda: real_service.client, QtRunner(), host)
    made = TokenFlowPanel(presenter)
    made.resize(1360, 860)
    presenter.start()
    made.show()
    yield made
    made.close()
    made.deleteLater()
    presenter.close()


def drop(panel: TokenFlowPanel, path: str) -> None:
    """Let a file fall on the panel."""
    content = QMimeData()
    content.setUrls([QUrl.fromLocalFile(path)])
    action, button, key = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    panel.dropEvent(QDropEvent(QPointF(20, 20), action, content, button, key))


def write(field: FieldRow, text: str) -> None:
    """Type into a field with several lines."""
    editor = field.editor
    assert isinstance(editor, QPlainTextEdit)
    editor.clear()
    QTest.keyClicks(editor, text)


def seen(panel: TokenFlowPanel, event_loop: EventLoop, key: Key, what: What) -> QImage:
    """Choose a picture by its key and wait until the frame itself is here."""
    QTest.keyClick(panel.viewer.canvas, key)
    event_loop.turn_until(panel.viewer.feed.exact)
    assert panel.presenter.viewer.what.value == what
    (shown,) = panel.viewer.feed.pictures()
    assert shown.image is not None
    return shown.image


def mark(panel: TokenFlowPanel, first: int, last: int) -> None:
    """Drag over frames of the timeline."""
    bar, lane = panel.timeline.bar, RULER + LANE // 2
    ends = [QPoint(int(bar.left_of(frame) + 2), lane) for frame in (first, last)]
    drag(bar, *ends)


def test_a_shot_is_picked_described_tried_rendered_judged_and_a_stretch_edited_again(
    panel: TokenFlowPanel, real_service: Played, event_loop: EventLoop
) -> None:
    presenter = panel.presenter
    drop(panel, real_service.plate.replace("####", "1003"))
    event_loop.turn_until(lambda: panel.shot.name.whole_text() == "plate")
    assert str(presenter.shot.frames.value) == "1001-1005"

    write(panel.edit.source, "a blue striped ball on a wooden floor at noon")
    write(panel.edit.prompt, "a red striped ball on a wooden floor at sunset")
    assert presenter.edit["checkpoint"].value.value == "demo"
    presenter.edit.set_values({"steps": 3, "inversion_steps": 3, "inversion_evaluations": 1})

    presenter.tries.set_count(3)
    event_loop.turn_until(panel.actions_row.try_button.isEnabled)
    panel.actions_row.try_button.click()
    tried = presenter.tries.tries
    event_loop.turn_until(lambda: [len(each.pictures or ()) for each in tried.value] == [3], LONG)
    assert panel.tries.list.model().rowCount() == 1

    panel.actions_row.render_button.click()
    event_loop.turn_until(lambda: panel.versions.model.rowCount() == 1, LONG)
    event_loop.turn_until(lambda: {row.state for row in presenter.jobs.rows.value} == {"done"})
    presenter.versions.show(1)
    event_loop.turn_until(lambda: presenter.viewer.edit.value is not None)
    plate = seen(panel, event_loop, Key.Key_P, "plate")
    edit = seen(panel, event_loop, Key.Key_E, "edit")
    assert plate.size() == edit.size()
    assert plate != edit
    presenter.show_job(presenter.jobs.rows.value[0].id)
    difference = seen(panel, event_loop, Key.Key_D, "difference")
    assert difference not in (plate, edit)

    mark(panel, 1002, 1004)
    assert panel.timeline.again.text() == "Edit 1002-1004 again"
    write(panel.edit.prompt, "a green striped ball on a wooden floor at sunset")
    event_loop.turn_until(panel.timeline.again.isEnabled)
    panel.timeline.again.click()

    def frames_of_versions() -> list[str]:
        return [str(version.frames) for version in presenter.versions.versions.value]

    # The stretch is new, and the frames beside it have come over.
    event_loop.turn_until(lambda: frames_of_versions() == ["1001-1005", "1001-1005"], LONG)
    newest, oldest = presenter.versions.versions.value
    assert newest.prompt.startswith("a green")
    first = [Path(version.path.replace("####", "1001")) for version in (newest, oldest)]
    assert first[0].read_bytes() == first[1].read_bytes()
