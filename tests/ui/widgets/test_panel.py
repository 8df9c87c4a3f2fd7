"""The panel as a whole: columns, keys, drops, names, what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QObject, QPoint, QPointF, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from ui.gallery import service
from ui.gallery.stage import Stage, process_events
from ui.widgets.panel import TokenFlowPanel, dropped_path
from ui.widgets.theme import dark_palette, light_palette

Settle = Callable[[], None]


@pytest.mark.parametrize(
    ("width", "arrangement"),
    [(320, "one"), (699, "one"), (700, "two"), (1199, "two"), (1200, "three"), (1600, "three")],
)
def test_the_width_decides_how_many_columns_there_are(
    panel: TokenFlowPanel, qapp: QApplication, width: int, arrangement: str
) -> None:
    panel.resize(width, 800)
    process_events(qapp)
    assert panel.columns.arrangement == arrangement
    for part in vars(panel.columns.parts).values():
        tab_behind = part is panel.versions and arrangement != "three"
        assert part.isVisible() != tab_behind


def test_re_flowing_keeps_what_was_typed(
    stage: Stage, panel: TokenFlowPanel, qapp: QApplication
) -> None:
    editor = panel.edit.prompt.editor
    QTest.keyClicks(editor, "a marble ball")
    for width in (800, 1500, 340):
        panel.resize(width, 800)
        process_events(qapp)
    assert stage.panel.edit["prompt"].value.value == "a marble ball"
    assert isinstance(editor, QPlainTextEdit)
    assert editor.toPlainText() == "a marble ball"


def test_all_that_a_first_edit_needs_is_in_sight_in_a_dock(
    panel: TokenFlowPanel, ready: Settle
) -> None:
    for widget in (
        panel.shot.thumbnails,
        panel.viewer.canvas,
        panel.edit.source,
        panel.edit.prompt,
        panel.edit.structure,
        panel.edit.output.button,
        panel.actions_row.render_button,
    ):
        assert _in_sight(widget, panel), widget


@pytest.mark.parametrize("width", [320, 420, 800, 1600])
def test_no_word_on_a_button_is_cut(
    panel: TokenFlowPanel, ready: Settle, qapp: QApplication, width: int
) -> None:
    panel.resize(width, 900)
    process_events(qapp)
    buttons = [each for each in panel.findChildren(QPushButton) if each.isVisible()]
    assert len(buttons) >= 2
    for button in buttons:
        words = button.fontMetrics().horizontalAdvance(button.text())
        assert button.width() >= words + 8, button.text()


def test_nothing_stands_out_over_the_edge_at_the_narrowest(
    panel: TokenFlowPanel, ready: Settle, qapp: QApplication
) -> None:
    panel.edit.more.set_open(True)
    panel.edit.output.set_open(True)
    panel.resize(320, 900)
    process_events(qapp)
    for widget in panel.edit.findChildren(QWidget):
        if widget.isVisible():
            right = widget.mapTo(panel.edit, QPoint(widget.width(), 0)).x()
            assert right <= panel.edit.width() + 1, widget.accessibleName()


def test_every_control_has_a_name(panel: TokenFlowPanel, ready: Settle) -> None:
    panel.edit.more.set_open(True)
    panel.edit.output.set_open(True)
    kinds = (QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QAbstractSlider)
    controls = [each for kind in kinds for each in panel.findChildren(kind)]
    own = [each for each in controls if each.isVisibleTo(panel)]
    assert len(own) > 60
    nameless = [each for each in own if _matters(each) and not _name(each)]
    assert not nameless, [(type(each), each.parent()) for each in nameless]


def test_keys_try_and_render(stage: Stage, panel: TokenFlowPanel, ready: Settle) -> None:
    panel.activateWindow()
    editor = panel.edit.prompt.editor
    editor.setFocus()
    shift = Qt.KeyboardModifier.ShiftModifier
    control = Qt.KeyboardModifier.ControlModifier
    QTest.keyClick(editor, Qt.Key.Key_Return, control)
    ready()
    assert [row.kind for row in stage.panel.jobs.rows.value] == ["try"]
    QTest.keyClick(editor, Qt.Key.Key_Return, control | shift)
    ready()
    assert sorted(row.kind for row in stage.panel.jobs.rows.value) == ["render", "try"]


def test_a_dropped_file_becomes_the_shot(stage: Stage, panel: TokenFlowPanel) -> None:
    content = QMimeData()
    content.setUrls([QUrl.fromLocalFile(service.PLATE)])
    event = QDropEvent(
        QPointF(10, 10),
        Qt.DropAction.CopyAction,
        content,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    panel.dropEvent(event)
    stage.settle()
    assert stage.panel.shot.condition.value == "ready"


def test_a_path_may_be_dropped_as_text() -> None:
    content = QMimeData()
    content.setText(" /shots/a.####.exr \nmore")
    assert dropped_path(content) == "/shots/a.####.exr"


def test_a_web_address_is_no_path() -> None:
    content = QMimeData()
    content.setUrls([QUrl("https://example.org/a.exr")])
    assert not dropped_path(content).startswith("/")


def test_what_is_open_comes_back_with_the_project(
    stage: Stage, panel: TokenFlowPanel, ready: Settle, tmp_path: Path, qapp: QApplication
) -> None:
    panel.edit.output.set_open(True)
    panel.columns.moved.emit()
    state = stage.panel.save()
    other = Stage(tmp_path / "other")
    again = TokenFlowPanel(other.panel)
    other.panel.restore(state)
    assert again.edit.output.is_open()
    assert not again.edit.more.is_open()
    again.deleteLater()
    other.close()


def test_a_widget_that_is_built_anew_finds_everything_as_it_was(
    stage: Stage, panel: TokenFlowPanel, ready: Settle, qapp: QApplication
) -> None:
    panel.close()
    panel.deleteLater()
    process_events(qapp)
    again = TokenFlowPanel(stage.panel)
    prompt = again.edit.prompt.editor
    assert isinstance(prompt, QPlainTextEdit)
    assert prompt.toPlainText() == "a red striped ball on a wooden floor at sunset"
    assert again.shot.name.whole_text() == "sh010_comp_v012"
    again.deleteLater()


def test_a_destroyed_widget_is_told_nothing(
    stage: Stage, panel: TokenFlowPanel, qapp: QApplication
) -> None:
    before = stage.panel.edit.notice.listeners
    other = TokenFlowPanel(stage.panel)
    assert stage.panel.edit.notice.listeners > before
    other.deleteLater()
    qapp.sendPostedEvents(None, 52)  # QEvent.Type.DeferredDelete
    assert stage.panel.edit.notice.listeners == before


def test_a_destroyed_widget_keeps_no_pictures(
    stage: Stage, ready: Settle, qapp: QApplication
) -> None:
    other = TokenFlowPanel(stage.panel)
    other.show()
    ready()
    cache = other.cache
    assert cache.bytes > 0
    other.deleteLater()
    qapp.sendPostedEvents(None, 52)  # QEvent.Type.DeferredDelete
    assert (cache.bytes, cache.asked) == (0, 0)


def test_the_palette_of_the_host_is_followed(panel: TokenFlowPanel, qapp: QApplication) -> None:
    before = qapp.palette()
    sheets = []
    for palette in (light_palette(), dark_palette()):
        qapp.setPalette(palette)
        process_events(qapp)
        sheets.append(panel.styleSheet())
    qapp.setPalette(before)
    assert sheets[0] != sheets[1]


def test_the_command_line_goes_to_the_clipboard(panel: TokenFlowPanel, ready: Settle) -> None:
    panel.copy_command()
    assert QGuiApplication.clipboard().text().startswith("tokenflow edit ")
    assert "clipboard" in panel.notice.text()


def test_keys_are_explained_until_escape(panel: TokenFlowPanel, qapp: QApplication) -> None:
    panel.header.help_button.click()
    assert panel.keys.isVisible()
    assert panel.keys.size() == panel.size()
    QTest.keyClick(panel.keys, Qt.Key.Key_Escape)
    assert not panel.keys.isVisible()


class Desktop(QObject):
    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.paths.append(url.toLocalFile())


def test_frames_are_shown_in_their_folder(
    stage: Stage, panel: TokenFlowPanel, ready: Settle
) -> None:
    stage.render()
    desktop = Desktop()
    QDesktopServices.setUrlHandler("file", desktop, "take")  # type: ignore[arg-type]
    try:
        panel.jobs.buttons["reveal"].click()
    finally:
        QDesktopServices.unsetUrlHandler("file")
    output = stage.panel.jobs.rows.value[0].output
    assert desktop.paths == [str(Path(output).parent)]


def _in_sight(widget: QWidget, panel: QWidget) -> bool:
    return widget.isVisible() and widget.visibleRegion().boundingRect().height() >= min(
        widget.height() - 2, 20
    )


def _matters(widget: QWidget) -> bool:
    """Pass over what Qt builds inside of other widgets: arrows of scroll bars, lines of combos."""
    parent = widget.parentWidget()
    kinds = ("QScrollBar", "ScrollBar", "QTabBar")
    inside = isinstance(parent, QComboBox | QAbstractSpinBox) or (
        parent is not None and type(parent).__name__ in kinds
    )
    return not inside and type(widget).__name__ not in kinds


def _name(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text
