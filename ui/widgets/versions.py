"""The versions on disk: shown against the plate, or any two against each other."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import QAbstractItemView, QVBoxLayout, QWidget

from ui.presenters.trouble import Trouble
from ui.presenters.versions import Version, VersionsPresenter
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import FlowRow, IconButton
from ui.widgets.field import Problem
from ui.widgets.jobs import trouble_text
from ui.widgets.labels import Sentence, quiet
from ui.widgets.rows import RowList, RowLook, RowsModel
from ui.widgets.theme import UNIT

EMPTY = "No version is on disk yet. Each render makes the next one; none is ever replaced unasked."


class VersionsWidget(QWidget):
    """The list of versions."""

    def __init__(self, versions: VersionsPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._versions = versions
        self.model: RowsModel[Version] = RowsModel(lambda each: each.number, self._look, self)
        self.list = RowList("Versions", self)
        self.list.setModel(self.model)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.activated.connect(lambda _: self.show_chosen())
        self.list.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self.empty = quiet(Sentence(EMPTY, self))
        self.trouble = Problem(self)
        self.view = IconButton(
            "wipe", "Show against the plate", text="Show", clicked=self.show_chosen
        )
        self.compare = IconButton(
            "compare",
            "Compare the two that are chosen",
            hint="Hold Ctrl to choose a second one.",
            text="Compare",
            clicked=self.compare_chosen,
        )
        self.settings = IconButton(
            "undo", "Bring its settings back", text="Settings", clicked=self.bring_back
        )
        self.again = IconButton("retry", "Look on disk again", clicked=versions.refresh)
        self.bar = FlowRow(self.view, self.compare, self.settings, self.again, parent=self)
        column = QVBoxLayout(self)
        column.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        column.setSpacing(UNIT)
        for widget in (self.bar, self.empty, self.list, self.trouble):
            column.addWidget(widget, 1 if widget is self.list else 0)
        column.addStretch(0)
        self.bonds = Bonds(self)
        self.bonds.bind(versions.versions, self._show_versions)
        for value in (versions.shown, versions.against):
            self.bonds.bind(value, lambda _: self.model.redraw())
        self.bonds.bind(versions.trouble, self._show_trouble)

    def chosen(self) -> list[Version]:
        """Return what is chosen, the newest first."""
        rows = [self.model.row(index) for index in self.list.selectedIndexes()]
        return sorted((row for row in rows if row), key=lambda each: -each.number)

    def choose(self, *numbers: int) -> None:
        """Choose versions by number."""
        selection = self.list.selectionModel()
        selection.clear()
        for number in numbers:
            index = self.model.place(number)
            if index.isValid():
                selection.select(index, QItemSelectionModel.SelectionFlag.Select)

    def show_chosen(self) -> None:
        """Show the chosen version against the plate."""
        if chosen := self.chosen():
            self._versions.show(chosen[0].number)

    def compare_chosen(self) -> None:
        """Show the newer of two chosen versions against the older one."""
        if len(chosen := self.chosen()) == 2:
            self._versions.compare(chosen[0].number, chosen[1].number)

    def bring_back(self) -> None:
        """Take the settings of the chosen version."""
        if chosen := self.chosen():
            self._versions.bring_back(chosen[0].number)

    def _show_versions(self, versions: tuple[Version, ...]) -> None:
        self.model.set_rows(versions)
        self.empty.setVisible(not versions)
        self.list.setVisible(bool(versions))
        self.bar.setVisible(bool(versions))
        self._enable()

    def _enable(self) -> None:
        chosen = self.chosen()
        self.view.setEnabled(len(chosen) == 1)
        self.compare.setEnabled(len(chosen) == 2)
        self.settings.setEnabled(len(chosen) == 1 and chosen[0].job is not None)

    def _show_trouble(self, trouble: Trouble | None) -> None:
        self.trouble.set_sentence(trouble_text(trouble) if trouble else "")

    def _look(self, version: Version) -> RowLook:
        shown, against = self._versions.shown.value, self._versions.against.value
        mark = {shown: "A", against: "B"}.get(version.number, "")
        count = len(version.frames)
        changed = datetime.fromtimestamp(version.changed)
        return RowLook(
            "done",
            version.name,
            f"{changed:%d %b %H:%M}",
            f"{count} {'frame' if count == 1 else 'frames'} · {version.prompt or 'no record'}",
            mark=mark,
            tip=f"{version.path}\n{version.frames}\n{version.prompt}",
        )
