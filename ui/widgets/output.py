"""Where the result goes: path with version-up, how it is put into the plate."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from ocio.frame_range import FrameRange
from ui.presenters.output import OutputPresenter
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import IconButton
from ui.widgets.editors import field_row
from ui.widgets.field import FieldRow, check
from ui.widgets.labels import Sentence, quiet
from ui.widgets.theme import UNIT


class OutputWidget(QWidget):
    """The folded fields of the output."""

    def __init__(self, output: OutputPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._output = output
        self.bonds = Bonds(self)
        self.version_up = IconButton("version-up", "Next free version", clicked=output.version_up)
        self.follow = IconButton(
            "undo", "Let the path follow the shot again", clicked=output.follow_shot
        )
        beside = {"path": (self.version_up, self.follow)}
        self.rows: dict[str, FieldRow] = {
            key: field_row(field, self.bonds, self, *beside.get(key, ()), path=key == "path")
            for key, field in output.fields.items()
        }
        self.existing = quiet(Sentence(parent=self))
        self.overwrite = check(
            "Replace frames that exist", "Asked about once more before it happens."
        )
        self.overwrite.toggled.connect(output.overwrite.set)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, UNIT)
        column.setSpacing(UNIT)
        for row in self.rows.values():
            column.addWidget(row)
        column.addWidget(self.existing)
        column.addWidget(self.overwrite)
        self.bonds.bind(output.overwrite, self.overwrite.setChecked)
        self.bonds.bind(output.existing, self._show_existing)
        self.bonds.bind(output.automatic, lambda automatic: self.follow.setEnabled(not automatic))

    def _show_existing(self, frames: FrameRange) -> None:
        self.existing.setText(f"On disk already: {frames}" if frames else "")
        self.overwrite.setVisible(bool(frames) or self._output.overwrite.value)
