"""Editors for the fields of a form: what is typed goes to the field at once, right or wrong."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QRect, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QWidget,
)

from ui.presenters.fields import Choice, Field
from ui.widgets.bonds import Bonds
from ui.widgets.field import FieldRow, check

MOST_LINES = 4
COARSE = 10


class PromptEdit(QPlainTextEdit):
    """A sentence in as many lines as it needs, up to four; Tab leaves it, Return too."""

    edited = Signal(str)
    entered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(3)
        # Text that is being laid out keeps the width that it began with: the bar comes afterwards.
        self._bar = QTimer(self)
        self._bar.setSingleShot(True)
        self._bar.setInterval(0)
        self._bar.timeout.connect(self._show_bar)
        self.textChanged.connect(self._tell)
        self.document().documentLayout().documentSizeChanged.connect(lambda _: self._fit())
        self._fit()

    def set_text(self, text: str) -> None:
        """Show a text; one step back leads to the one before."""
        if text == self.toPlainText():
            return
        with QSignalBlocker(self):
            cursor = self.textCursor()
            cursor.beginEditBlock()
            cursor.select(cursor.SelectionType.Document)
            cursor.insertText(text)
            cursor.endEditBlock()
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take Return as the end of the sentence: a prompt has no lines."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
            return
        super().keyPressEvent(event)

    def insertFromMimeData(self, source: Any) -> None:
        """Paste text as one line."""
        self.insertPlainText(" ".join(source.text().split()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to the width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Fit the height to the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _tell(self) -> None:
        self._fit()
        self.edited.emit(self.toPlainText())

    def _fit(self) -> None:
        lines = max(1, min(self._lines(), MOST_LINES))
        line = self.fontMetrics().lineSpacing()
        height = lines * line + 2 * int(self.document().documentMargin()) + 2 * self.frameWidth()
        self._bar.start()
        if height != self.height() or height != self.minimumHeight():
            self.setFixedHeight(height)

    def _lines(self) -> int:
        """How many lines the text takes, or what stands in its place while there is none."""
        if self.toPlainText():
            return int(self.document().size().height())
        width = self.viewport().width() - 2 * int(self.document().documentMargin())
        room = QRect(0, 0, max(width, 1), 10_000)
        wrapped = self.fontMetrics().boundingRect(
            room, Qt.TextFlag.TextWordWrap, self.placeholderText()
        )
        return round(wrapped.height() / self.fontMetrics().lineSpacing())

    def _show_bar(self) -> None:
        many = self._lines() > MOST_LINES
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOn if many else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )


class NumberEdit(QLineEdit):
    """A number; the arrow keys step it, with Shift in tens. What is no number stays and is told.

    A line instead of Qt's spin box: a seed does not fit into that one, and it takes the wheel that
    was meant for the panel.
    """

    edited = Signal(object)

    def __init__(self, *, whole: bool, step: float = 1, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = whole
        self._step = step
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.textEdited.connect(lambda text: self.edited.emit(self._read(text)))

    def set_value(self, value: Any) -> None:
        """Show a number, unless what stands there means it already."""
        if self._read(self.text()) != value:
            self.setText(str(value) if self._whole or not _is_number(value) else f"{value:g}")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with the arrow keys."""
        direction = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        value = self._read(self.text())
        if direction and _is_number(value):
            coarse = COARSE if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            stepped = round(value + direction * coarse * self._step, 6)
            self.setText(str(int(stepped)) if self._whole else f"{stepped:g}")
            self.edited.emit(self._read(self.text()))
            return
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """Ask for room for eight digits."""
        width = self.fontMetrics().horizontalAdvance("0" * 9)
        return QSize(width, super().sizeHint().height())

    def _read(self, text: str) -> Any:
        try:
            return int(text) if self._whole else float(text.replace(",", "."))
        except ValueError:
            return text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


class ChoiceBox(QComboBox):
    """A list to choose from; the wheel scrolls the panel unless the box has the focus."""

    def __init__(self, *, editable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditable(editable)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.line = self.lineEdit() or QLineEdit(self)
        self.line.setVisible(editable)
        if editable:
            self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            completer = QCompleter(self.model(), self)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            self.setCompleter(completer)

    def set_choices(self, choices: tuple[Choice, ...]) -> None:
        """Offer these, and keep what is chosen."""
        text, chosen = self.currentText(), self.currentData()
        with QSignalBlocker(self):
            self.clear()
            for index, choice in enumerate(choices):
                self.addItem(choice.label, choice.value)
                self.setItemData(index, choice.tooltip, Qt.ItemDataRole.ToolTipRole)
        if self.isEditable():
            self.setEditText(text)
        elif chosen is not None:
            self.set_value(chosen)

    def set_value(self, value: str) -> None:
        """Show a value."""
        index = self.findData(value)
        if self.isEditable():
            if self.value() != value:
                self.setEditText(self.itemText(index) if index >= 0 else value)
                self.line.setCursorPosition(0)
        else:
            self.setCurrentIndex(index)

    def value(self) -> str:
        """Return what is chosen or typed."""
        index = self.findText(self.currentText()) if self.isEditable() else self.currentIndex()
        data = self.itemData(index) if index >= 0 else None
        return self.currentText() if data is None else str(data)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class SteadyLine(QLineEdit):
    """A line for paths: shows their end, which tells more, while nobody types in it."""

    def set_text(self, text: str) -> None:
        """Show a text, unless it stands there."""
        if text != self.text():
            self.setText(text)
        if not self.hasFocus():
            self.end(False)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show the end again."""
        super().focusOutEvent(event)
        self.end(False)


def field_row(
    field: Field,
    bonds: Bonds,
    parent: QWidget,
    *beside: QWidget,
    path: bool = False,
    proposals: bool = False,
) -> FieldRow:
    """Make the row of a field: the editor that suits its kind, bound both ways.

    Parameters
    ----------
    path
        Whether its text is a path.
    proposals
        Whether there is, or may come, something to choose for its text.
    """
    editor = _editor(field, bonds, path=path, proposals=proposals)
    # A switch carries its own label.
    label = "" if field.kind == "switch" else field.label
    row = FieldRow(label, editor, field.tooltip, *beside, parent=parent)
    editor.setAccessibleName(field.label)
    bonds.bind(field.error, row.set_problem)
    bonds.bind(field.shown, row.setVisible)
    return row


def _editor(field: Field, bonds: Bonds, *, path: bool, proposals: bool) -> QWidget:
    if field.kind == "switch":
        return _switch(field, bonds)
    if field.kind == "choice" or proposals:
        return _choice(field, bonds)
    if field.kind in ("integer", "number"):
        return _number(field, bonds)
    line = SteadyLine() if path else QLineEdit()
    line.textEdited.connect(field.set)
    show = line.set_text if isinstance(line, SteadyLine) else _shown_in(line)
    bonds.bind(field.value, show)
    return line


def _shown_in(line: QLineEdit) -> Any:
    def show(text: Any) -> None:
        if line.text() != str(text):
            line.setText(str(text))

    return show


def _switch(field: Field, bonds: Bonds) -> QCheckBox:
    box = check(field.label, field.tooltip)
    box.toggled.connect(field.set)
    bonds.bind(field.value, lambda value: box.setChecked(bool(value)))
    return box


def _choice(field: Field, bonds: Bonds) -> ChoiceBox:
    box = ChoiceBox(editable=field.kind == "text")
    bonds.bind(field.choices, box.set_choices)
    bonds.bind(field.value, lambda value: box.set_value(str(value)))
    if box.isEditable():
        box.editTextChanged.connect(lambda _: field.set(box.value()))
    else:
        box.currentIndexChanged.connect(lambda _: field.set(box.value()))
    return box


def _number(field: Field, bonds: Bonds) -> NumberEdit:
    whole = field.kind == "integer"
    edit = NumberEdit(whole=whole, step=1 if whole else _step(field))
    edit.edited.connect(field.set)
    bonds.bind(field.value, edit.set_value)
    return edit


def _step(field: Field) -> float:
    """Step shares by hundredths, larger quantities by halves."""
    return 0.05 if field.maximum is not None and field.maximum <= 1 else 0.5
