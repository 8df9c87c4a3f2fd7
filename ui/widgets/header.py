"""The head of the panel: how the service is, what it computes on, and the one thing to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.presenters.service import DeviceFacts, ServicePresenter, ServiceState
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import IconButton, TextButton
from ui.widgets.field import row
from ui.widgets.labels import ElidedLabel, Sentence, StateSign, quiet
from ui.widgets.theme import UNIT

SPEAKING = ("starting", "gone", "wrong_version")
"""Conditions that say by themselves what they mean; of the others one asks with a click."""


class Header(QWidget):
    """One line; a second one where the service wants something, or where it is clicked.

    Parameters
    ----------
    service
        What is shown.
    menu
        Named acts behind the button at the right.
    help_wanted
        Called by the button with the question mark.
    """

    def __init__(
        self,
        service: ServicePresenter,
        menu: dict[str, Callable[[], None]],
        help_wanted: Callable[[], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._service = service
        self._asked = False
        self.line = _Line(self._ask, self)
        self.sentence = Sentence(parent=self)
        self.action = TextButton("", "Do what the sentence beside it says", clicked=service.act)
        self.action.setParent(self)
        self.menu_button = IconButton("settings", "More of the panel", parent=self)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setMenu(self._menu(menu))
        self.help_button = IconButton("help", "Keys and ways of working", clicked=help_wanted)
        self._lay_out()
        self.bonds = Bonds(self)
        self.bonds.bind(service.state, self._show_state)
        self.bonds.bind(service.device, self._show_device)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * UNIT, UNIT, UNIT, UNIT)
        column.setSpacing(UNIT)
        column.addLayout(row(self.line, self.menu_button, self.help_button))
        second = QHBoxLayout()
        second.setSpacing(2 * UNIT)
        second.addWidget(self.sentence, 1)
        second.addWidget(self.action, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(second)

    def _menu(self, acts: dict[str, Callable[[], None]]) -> QMenu:
        menu = QMenu(self)
        for label, act in acts.items():
            entry = QAction(label, menu)
            entry.triggered.connect(lambda _checked=False, act=act: act())
            menu.addAction(entry)
        return menu

    def _ask(self) -> None:
        self._asked = not self._asked
        self._show_state(self._service.state.value)

    def _show_state(self, state: ServiceState) -> None:
        self.line.show_state(state)
        speaking = state.condition in SPEAKING or self._asked
        self.sentence.setText(state.sentence if speaking else "")
        self.action.setText(state.action)
        self.action.setVisible(speaking and bool(state.action))

    def _show_device(self, device: DeviceFacts | None) -> None:
        self.line.show_device(device)


class _Line(QWidget):
    """Sign, word and device; a click or Space asks what they mean."""

    def __init__(self, asked: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._asked = asked
        self.sign = StateSign("gone", self)
        self.word = QLabel(self)
        self.device = ElidedLabel(parent=self)
        quiet(self.device)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("The service that computes; click to read what its state means")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(UNIT)
        line.addWidget(self.sign)
        line.addWidget(self.word)
        line.addWidget(self.device, 1)

    def show_state(self, state: ServiceState) -> None:
        self.sign.set_state(state.condition)
        self.word.setText(state.word)
        self.setAccessibleName(f"Service: {state.word}")
        self.setAccessibleDescription(state.sentence)

    def show_device(self, device: DeviceFacts | None) -> None:
        self.device.setText(f"· {device.text}" if device and device.text else "")
        self.device.set_hint(device.problem if device else "")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._asked()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return):
            self._asked()
        else:
            super().keyPressEvent(event)
