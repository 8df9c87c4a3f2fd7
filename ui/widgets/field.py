"""One field of a form: its label, its editor, and what is wrong with it underneath."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.widgets.buttons import IconButton
from ui.widgets.labels import ElidedLabel, Sentence, StateSign, quiet
from ui.widgets.theme import UNIT

LONGEST_LABEL = "The plate shows"


class FieldRow(QWidget):
    """Shows an editor with its label; `set_problem` says what is wrong with the value.

    Parameters
    ----------
    label
        One to three words.
    editor
        What takes the value; becomes the label's buddy.
    hint
        One sentence for the tooltips of both.
    beside
        Buttons that belong to the editor.
    """

    def __init__(
        self,
        label: str,
        editor: QWidget,
        hint: str,
        *beside: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.editor = editor
        self.label = QLabel(label, self)
        self.label.setToolTip(hint)
        self.label.setBuddy(editor)
        editor.setToolTip(hint)
        editor.setAccessibleName(label)
        editor.setAccessibleDescription(hint)
        self._problem = Problem(self)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * UNIT)
        grid.setVerticalSpacing(UNIT // 2)
        self.label.setFixedWidth(label_width(self))
        grid.setColumnStretch(1, 1)
        lines = isinstance(editor, QPlainTextEdit)
        if lines:
            # The first line of the editor and its label stand on one line.
            self.label.setContentsMargins(0, UNIT, 0, 0)
        top = Qt.AlignmentFlag.AlignTop if lines else Qt.AlignmentFlag.AlignVCenter
        grid.addWidget(self.label, 0, 0, top | Qt.AlignmentFlag.AlignLeft)
        grid.addLayout(row(editor, *beside), 0, 1)
        grid.addWidget(self._problem, 1, 1)

    def set_problem(self, sentence: str) -> None:
        """Say what is wrong with the value; an empty sentence says that nothing is."""
        self._problem.set_sentence(sentence)
        mark_wrong(self.editor, bool(sentence))

    @property
    def problem(self) -> str:
        """What is said to be wrong."""
        return self._problem.sentence


class Problem(QWidget):
    """A sentence about something that is wrong, with its sign; hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sign = StateSign("warning", self)
        self._sentence = Sentence(parent=self)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, UNIT // 2)
        line.setSpacing(UNIT)
        line.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self._sentence, 1)
        self.hide()

    @property
    def sentence(self) -> str:
        """What is said."""
        return self._sentence.text()

    def set_sentence(self, sentence: str) -> None:
        """Say something, or nothing with an empty sentence."""
        self._sentence.setText(sentence)
        self.setVisible(bool(sentence))


class Fold(QWidget):
    """A part that is rarely needed: a line that says what is in it, and opens it.

    Parameters
    ----------
    label
        Its name.
    body
        What is shown when it is open.
    """

    def __init__(
        self, label: str, body: QWidget, hint: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.body = body
        self.button = IconButton("fold-closed", label, hint=hint, text=label)
        self.button.setCheckable(True)
        self.button.setObjectName("fold")
        self.button.toggled.connect(self._show)
        self.summary = ElidedLabel()
        self.summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        quiet(self.summary)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(UNIT)
        head = row(self.button, self.summary)
        # The arrow of the flat button stands where the labels begin.
        head.setContentsMargins(-UNIT, 0, 0, 0)
        column.addLayout(head)
        column.addWidget(body)
        body.hide()

    def set_open(self, is_open: bool) -> None:
        """Open or close it."""
        self.button.setChecked(is_open)

    def is_open(self) -> bool:
        """Whether its body is shown."""
        return self.button.isChecked()

    def _show(self, is_open: bool) -> None:
        self.button.set_icon("fold-open" if is_open else "fold-closed")
        self.body.setVisible(is_open)


def label_width(widget: QWidget) -> int:
    """Return how wide labels are, so that the editors of a form stand in one column."""
    return widget.fontMetrics().horizontalAdvance(LONGEST_LABEL) + UNIT


def row(*widgets: QWidget) -> QHBoxLayout:
    """Lay widgets beside each other from the left; those that can grow take what is left."""
    line = QHBoxLayout()
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(UNIT)
    for widget in widgets:
        line.addWidget(widget, 1 if _can_grow(widget) else 0)
    if not any(map(_can_grow, widgets)):
        line.addStretch(1)
    return line


def _can_grow(widget: QWidget) -> bool:
    policy = QSizePolicy.Policy
    growing = (policy.Expanding, policy.MinimumExpanding, policy.Ignored)
    return widget.sizePolicy().horizontalPolicy() in growing


def check(label: str, hint: str) -> QCheckBox:
    """Make a check box that explains itself."""
    box = QCheckBox(label)
    box.setToolTip(hint)
    box.setAccessibleName(label)
    box.setAccessibleDescription(hint)
    return box


def mark_wrong(widget: QWidget, wrong: bool) -> None:
    """Give a widget the edge of a wrong value, or take it away."""
    if bool(widget.property("wrong")) != wrong:
        widget.setProperty("wrong", wrong)
        style = widget.style()
        style.unpolish(widget)
        style.polish(widget)
