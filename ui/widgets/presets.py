"""Presets by name, and the prompts that were used last."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget

from ui.presenters.edit import EditPresenter
from ui.presenters.presets import PresetsPresenter
from ui.presenters.trouble import Trouble
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import IconButton
from ui.widgets.field import Problem, row
from ui.widgets.jobs import trouble_text
from ui.widgets.theme import UNIT

LONGEST = 60


class PresetsWidget(QWidget):
    """Names the preset that is saved or renamed; the rest is behind its `button`.

    Attributes
    ----------
    button
        Opens the menu; stands where the form has room for it.
    """

    def __init__(self, presets: PresetsPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets = presets
        self._named: Callable[[str], None] = presets.save
        self.button = IconButton(
            "save", "Presets", hint="Settings under a name, without the prompts.", text="Presets"
        )
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self)
        self._submenus: list[QMenu] = []
        self.menu.aboutToShow.connect(self.fill_menu)
        self.button.setMenu(self.menu)
        self.name = _NameLine(self.confirm, self.give_up)
        self.ok = IconButton("check", "Take this name", clicked=self.confirm)
        self.stop = IconButton("cancel", "Change nothing", clicked=self.give_up)
        self.naming = QWidget(self)
        self.naming.setLayout(row(self.name, self.ok, self.stop))
        self.naming.hide()
        self.trouble = Problem(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(UNIT)
        column.addWidget(self.naming)
        column.addWidget(self.trouble)
        self.bonds = Bonds(self)
        self.bonds.bind(presets.trouble, self._show_trouble)

    def fill_menu(self) -> None:
        """Make the menu for the presets as they are."""
        presets = self._presets
        self.menu.clear()
        for submenu in self._submenus:
            submenu.deleteLater()
        self._submenus.clear()
        self._entry(self.menu, "Save as …", lambda: self.ask_name("", presets.save))
        undo = self._entry(self.menu, f"Undo {presets.can_undo.value}", presets.undo)
        undo.setEnabled(bool(presets.can_undo.value))
        if presets.presets.value:
            self.menu.addSeparator()
        for preset in presets.presets.value:
            self._submenu(preset.name)

    def ask_name(self, name: str, named: Callable[[str], None]) -> None:
        """Let a name be written, and do something with it."""
        self._named = named
        self.name.setText(name)
        self.naming.show()
        self.name.setFocus()
        self.name.selectAll()

    def confirm(self) -> None:
        """Take the name that stands there."""
        self._named(self.name.text())
        if self._presets.trouble.value is None:
            self.naming.hide()

    def give_up(self) -> None:
        """Leave everything as it is."""
        self.naming.hide()
        self._presets.trouble.set(None)

    def _submenu(self, name: str) -> None:
        presets = self._presets
        menu = QMenu(_shortened(name), self.menu)
        self._submenus.append(menu)
        self.menu.addMenu(menu)
        self._entry(menu, "Use", lambda: presets.apply(name))
        self._entry(menu, "Save as it stands", lambda: presets.save(name))
        renamed = self._entry(menu, "Rename …", lambda: None)
        renamed.triggered.connect(
            lambda _=False: self.ask_name(name, lambda new: presets.rename(name, new))
        )
        self._entry(menu, "Delete", lambda: presets.delete(name))

    def _entry(self, menu: QMenu, label: str, act: Callable[[], object]) -> QAction:
        entry = QAction(label, menu)
        entry.triggered.connect(lambda _=False: act())
        menu.addAction(entry)
        return entry

    def _show_trouble(self, trouble: Trouble | None) -> None:
        self.trouble.set_sentence(trouble_text(trouble) if trouble else "")


class _NameLine(QLineEdit):
    def __init__(self, confirm: Callable[[], None], give_up: Callable[[], None]) -> None:
        super().__init__()
        self._give_up = give_up
        self.setPlaceholderText("Name of the preset")
        self.setAccessibleName("Name of the preset")
        self.setToolTip("Return takes the name, Escape leaves everything as it is")
        self.returnPressed.connect(confirm)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._give_up()
        else:
            super().keyPressEvent(event)


def history_button(presets: PresetsPresenter, edit: EditPresenter, parent: QWidget) -> IconButton:
    """Make the button with the last prompts behind it."""
    button = IconButton("history", "The last twenty prompts", parent=parent)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    menu = QMenu(button)
    button.setMenu(menu)

    def fill() -> None:
        menu.clear()
        for prompt in presets.prompts.value:
            entry = QAction(_shortened(prompt), menu)
            entry.setToolTip(prompt)
            entry.triggered.connect(lambda _=False, prompt=prompt: edit["prompt"].set(prompt))
            menu.addAction(entry)
        if not presets.prompts.value:
            none = QAction("No prompt was used yet", menu)
            none.setEnabled(False)
            menu.addAction(none)

    menu.aboutToShow.connect(fill)
    return button


def _shortened(text: str) -> str:
    """Cut a text for a menu; a single & would underline a letter there."""
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return text.replace("&", "&&")
