"""Try and Render: what they would do, about how long it takes, and why they cannot be pressed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ocio.frame_range import FrameRange
from ui.presenters.farm import FarmPresenter
from ui.presenters.job_rows import about_text
from ui.presenters.render import RenderPresenter
from ui.presenters.tries import COUNTS, TriesPresenter
from ui.presenters.trouble import Trouble
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import IconButton, TextButton
from ui.widgets.field import Problem
from ui.widgets.jobs import trouble_text
from ui.widgets.labels import Sentence, quiet
from ui.widgets.questions import QuestionBar
from ui.widgets.theme import UNIT

TRY_KEYS, RENDER_KEYS = QKeySequence("Ctrl+Return"), QKeySequence("Ctrl+Shift+Return")


class ActionsWidget(QWidget):
    """The row of the two buttons."""

    def __init__(
        self,
        render: RenderPresenter,
        tries: TriesPresenter,
        farm: FarmPresenter,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._render, self._tries, self._farm = render, tries, farm
        self.try_button = TextButton(
            "Try", f"The look on a few frames, in seconds ({_said(TRY_KEYS)})", clicked=tries.run
        )
        self.count = IconButton("fold-open", "How many frames a try has", parent=self)
        self.count.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.count.setMenu(self._counts())
        self.render_button = TextButton(
            "Render",
            f"All frames from in to out ({_said(RENDER_KEYS)})",
            primary=True,
            clicked=render.render,
        )
        self.elsewhere = IconButton("fold-open", "Render elsewhere: to the farm", parent=self)
        self.elsewhere.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.elsewhere.setMenu(self._places())
        self.estimate = quiet(QLabel())
        self.estimate.setToolTip("From earlier renders of this size on this machine")
        self.reason = quiet(Sentence(parent=self))
        self.trouble = Problem(self)
        self.question = QuestionBar(self)
        for button in (self.try_button, self.render_button):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setMaximumWidth(60 * UNIT)
        self._lay_out()
        self._bind()

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(0)
        line.addWidget(self.try_button, 1)
        line.addWidget(self.count)
        line.addSpacing(UNIT)
        line.addWidget(self.render_button, 1)
        line.addWidget(self.elsewhere)
        line.addSpacing(2 * UNIT)
        line.addWidget(self.estimate)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * UNIT, UNIT, 2 * UNIT, UNIT)
        column.setSpacing(UNIT)
        column.addLayout(line)
        for widget in (self.reason, self.trouble, self.question):
            column.addWidget(widget)

    def _bind(self) -> None:
        render, tries = self._render, self._tries
        self.bonds = Bonds(self)
        self.bonds.bind(tries.frames, self._show_frames)
        self.bonds.bind(tries.running, lambda _: self._enable())
        self.bonds.bind(tries.trouble, self._show_trouble)
        self.bonds.bind(render.count, self._show_count)
        self.bonds.bind(render.seconds, self._show_seconds)
        self.bonds.bind(render.question, self.question.set_question)
        self.bonds.bind(render.ready, lambda _: self._enable())
        self.bonds.bind(render.reasons, lambda _: self._enable())
        self.bonds.bind(self._farm.folder, self._show_farm)

    def _counts(self) -> QMenu:
        menu = QMenu(self)
        for count in COUNTS:
            entry = QAction(f"{count} frames", menu)
            entry.triggered.connect(lambda _=False, count=count: self._tries.set_count(count))
            menu.addAction(entry)
        return menu

    def _places(self) -> QMenu:
        menu = QMenu(self)
        self.to_farm = QAction("To the farm", menu)
        self.to_farm.triggered.connect(lambda _=False: self.send())
        self.choose = QAction("Choose the farm's folder …", menu)
        self.choose.triggered.connect(lambda _=False: self.choose_folder())
        menu.addActions([self.to_farm, self.choose])
        return menu

    def send(self) -> None:
        """Write a bundle for the farm; asks for its folder the first time."""
        if self._farm.folder.value:
            self._farm.write()
        else:
            self.choose_folder(self._farm.write)

    def choose_folder(self, then: Callable[[], None] = lambda: None) -> None:
        """Open a dialog for the folder that all machines of the farm see; it blocks nothing."""
        dialog = QFileDialog(self, "The folder that all machines of the farm see")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(False)

        def chosen(folder: str) -> None:
            self._farm.folder.set(folder)
            then()

        dialog.fileSelected.connect(chosen)
        dialog.show()

    def _show_farm(self, folder: str) -> None:
        self.to_farm.setText(f"To the farm, in {folder}" if folder else "To the farm …")

    def _show_frames(self, frames: FrameRange) -> None:
        count = len(frames) or self._tries.count.value
        self.try_button.setText(f"Try {count} {_frames(count)}")

    def _show_count(self, count: int) -> None:
        self.render_button.setText(f"Render {count} {_frames(count)}" if count else "Render")

    def _show_seconds(self, seconds: float | None) -> None:
        self.estimate.setText("" if seconds is None else about_text(seconds))

    def _enable(self) -> None:
        reasons = self._render.reasons.value
        self.render_button.setEnabled(self._render.ready.value)
        self.try_button.setEnabled(self._tries.can_run)
        self.reason.setText(reasons[0] if reasons else "")
        self.reason.setToolTip("\n".join(reasons))

    def _show_trouble(self, trouble: Trouble | None) -> None:
        self.trouble.set_sentence(trouble_text(trouble) if trouble else "")


def _frames(count: int) -> str:
    return "frame" if count == 1 else "frames"


def _said(keys: QKeySequence) -> str:
    return keys.toString(QKeySequence.SequenceFormat.NativeText)
