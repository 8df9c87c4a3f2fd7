"""Asks before something is destroyed: a line in the panel, no dialog in the way of the host."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.presenters.question import Question
from ui.widgets.buttons import FlowRow, TextButton
from ui.widgets.field import Problem
from ui.widgets.theme import UNIT


class QuestionBar(QWidget):
    """Shows a question with its two answers; Escape is the harmless one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._question: Question | None = None
        self.sentence = Problem(self)
        self.yes = TextButton("", "Do it; this cannot be undone", clicked=self._yes)
        self.no = TextButton("Keep", "Leave everything as it is", clicked=self._no)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, UNIT, 0, UNIT)
        column.setSpacing(UNIT)
        column.addWidget(self.sentence)
        column.addWidget(FlowRow(self.yes, self.no, parent=self))
        self.hide()

    def set_question(self, question: Question | None) -> None:
        """Ask something, or nothing."""
        self._question = question
        self.sentence.set_sentence(question.sentence if question else "")
        if question is not None:
            self.yes.setText(question.confirm)
        self.setVisible(question is not None)
        if question is not None:
            self.no.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take Escape as no."""
        if event.key() == Qt.Key.Key_Escape:
            self._no()
        else:
            super().keyPressEvent(event)

    def _yes(self) -> None:
        if self._question is not None:
            self._question.yes()

    def _no(self) -> None:
        if self._question is not None:
            self._question.no()
