"""The panel: the one widget that a host docks."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QVBoxLayout, QWidget

from tokenflow.folders import user_folder
from ui.frames import FrameCache
from ui.presenters.panel import PanelPresenter
from ui.shared import shared
from ui.widgets.actions import RENDER_KEYS, TRY_KEYS, ActionsWidget
from ui.widgets.bonds import Bonds
from ui.widgets.columns import Columns, Parts
from ui.widgets.edit import EditWidget
from ui.widgets.header import Header
from ui.widgets.jobs import JobsWidget
from ui.widgets.keys import KeysOverlay
from ui.widgets.labels import Sentence
from ui.widgets.presets import PresetsWidget, history_button
from ui.widgets.shot import ShotWidget
from ui.widgets.theme import UNIT, style_sheet
from ui.widgets.timeline import TimelineWidget
from ui.widgets.tries import TriesWidget
from ui.widgets.versions import VersionsWidget
from ui.widgets.viewer import ViewerWidget

NOTICE_MS = 8000


class TokenFlowPanel(QWidget):
    """Everything, in one column beside the host's properties or in three on a second screen.

    Parameters
    ----------
    presenter
        What is shown; None takes the host's, which outlives the widget.
    """

    def __init__(
        self, presenter: PanelPresenter | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("TokenFlowPanel")
        self.setWindowTitle("TokenFlow")
        self.setAcceptDrops(True)
        self.presenter = presenter or shared.get()
        self._sheet = ""
        self._taking = False
        self._make_parts()
        self.columns = Columns(self._parts(), self)
        self.notice = Sentence(parent=self)
        self._notice_end = QTimer(self)
        self._notice_end.setSingleShot(True)
        self._notice_end.setInterval(NOTICE_MS)
        self._notice_end.timeout.connect(lambda: self.notice.setText(""))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.header, self.columns, self.notice):
            column.addWidget(widget, 1 if widget is self.columns else 0)
        self.notice.setMargin(UNIT)
        self.keys = KeysOverlay(self)
        self._follow_palette()
        self._bind()

    def sizeHint(self) -> QSize:
        """Ask for the size at which all that a first edit needs is in sight."""
        return QSize(420, 900)

    def _make_parts(self) -> None:
        presenter = self.presenter
        acts = {
            "Copy the command line of this edit": self.copy_command,
            "Put the columns back in place": self.reset_columns,
            "Show the log of the service": self.show_log,
        }
        self.header = Header(presenter.service, acts, lambda: self.keys.open(), self)
        self.shot = ShotWidget(presenter.shot)
        self.presets = PresetsWidget(presenter.presets)
        self.edit = EditWidget(
            presenter.edit,
            presenter.output,
            presets=self.presets,
            history=history_button(presenter.presets, presenter.edit, self),
        )
        self.actions_row = ActionsWidget(presenter.render, presenter.tries, presenter.farm)
        self.jobs = JobsWidget(presenter.jobs, presenter.show_job)
        self.versions = VersionsWidget(presenter.versions)
        self.cache = FrameCache(presenter.runner, lambda: presenter.service.client.value)
        # Python lets go of the pictures of a panel that is gone only when it happens to look.
        self.destroyed.connect(self.cache.close)
        self.viewer = ViewerWidget(presenter.viewer, self.cache)
        self.timeline = TimelineWidget(presenter.timeline, presenter.viewer, presenter.edit)
        self.tries = TriesWidget(presenter.tries)

    def _parts(self) -> Parts:
        pictures = QWidget()
        column = QVBoxLayout(pictures)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.viewer, 1)
        column.addWidget(self.timeline)
        column.addWidget(self.tries)
        return Parts(self.shot, pictures, self.edit, self.actions_row, self.jobs, self.versions)

    def _bind(self) -> None:
        presenter = self.presenter
        for keys, act in (
            (TRY_KEYS, self.actions_row.try_button.click),
            (RENDER_KEYS, self.actions_row.render_button.click),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
        self.shot.thumbnails.picked.connect(presenter.viewer.go_to)
        self.columns.moved.connect(self._keep_layout)
        for fold in (self.edit.more, self.edit.output):
            fold.button.toggled.connect(lambda _: self._keep_layout())
        self.bonds = Bonds(self)
        self.bonds.bind(presenter.layout, self._take_layout)
        self.bonds.add(presenter.notices.subscribe(self.show_notice))
        self.bonds.add(presenter.jobs.revealed.subscribe(reveal))
        self.bonds.add(presenter.jobs.opened.subscribe(open_file))

    # Acts of the menu

    def copy_command(self) -> None:
        """Put the line that makes the same edit in a shell on the clipboard."""
        command = self.presenter.render.copy_command()
        if command:
            QGuiApplication.clipboard().setText(command)
            self.show_notice("The command line is on the clipboard.")
        else:
            self.show_notice("There is no command line yet: pick a shot and say what to make.")

    def reset_columns(self) -> None:
        """Put the splitters where they stood first."""
        self.columns.reset()
        self._keep_layout()

    def show_log(self) -> None:
        """Show the folder with the log of the service."""
        open_file(str(user_folder("log")))

    def show_notice(self, sentence: str) -> None:
        """Show a sentence in passing."""
        self.notice.setText(sentence)
        self._notice_end.start()

    # What is kept

    def _keep_layout(self) -> None:
        if self._taking:
            return
        folds = {"more": self.edit.more.is_open(), "output": self.edit.output.is_open()}
        self.presenter.set_layout({"splitters": self.columns.sizes(), **folds})

    def _take_layout(self, layout: dict[str, object]) -> None:
        # What is being taken must not be kept half-taken.
        self._taking = True
        sizes = layout.get("splitters")
        if isinstance(sizes, dict):
            self.columns.set_sizes(sizes)
        self.edit.more.set_open(layout.get("more") is True)
        self.edit.output.set_open(layout.get("output") is True)
        self._taking = False

    # Events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files, and paths as text."""
        if dropped_path(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what is dropped as the shot."""
        self.presenter.shot.open(dropped_path(event.mimeData()))
        event.acceptProposedAction()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the keys over all of the panel."""
        super().resizeEvent(event)
        self.keys.setGeometry(self.rect())

    def changeEvent(self, event: QEvent) -> None:
        """Follow the host's palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._follow_palette()

    def _follow_palette(self) -> None:
        sheet = style_sheet(self.palette())
        # Setting a sheet changes the palette once more: only another one is set.
        if sheet != self._sheet:
            self._sheet = sheet
            self.setStyleSheet(sheet)


def dropped_path(content: QMimeData) -> str:
    """Return the path of what is dragged; empty if it is none."""
    for url in content.urls():
        if url.isLocalFile():
            return url.toLocalFile()
    lines = content.text().split("\n") if content.hasText() else []
    return lines[0].strip() if lines else ""


def reveal(path: str) -> None:
    """Show the folder of some frames."""
    open_file(str(Path(path).parent) if Path(path).suffix else path)


def open_file(path: str) -> None:
    """Open a file or folder with the program that the desktop has for it."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(path))
