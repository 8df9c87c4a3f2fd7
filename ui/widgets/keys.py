"""The keys, over the panel until they are read."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ui.widgets.actions import RENDER_KEYS, TRY_KEYS
from ui.widgets.buttons import IconButton
from ui.widgets.labels import Heading, Sentence, quiet
from ui.widgets.theme import UNIT

KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Anywhere",
        ((TRY_KEYS.toString(), "try on a few frames"), (RENDER_KEYS.toString(), "render")),
    ),
    (
        "In viewer and timeline",
        (
            ("← →", "one frame back, on"),
            ("Home End", "first, last frame"),
            ("J K L", "play back, stop, play; again is faster"),
            ("Space", "play or stop"),
            ("I O", "in and out of the range"),
            ("F 1", "fit, one to one"),
            ("+ −", "zoom"),
            ("P E D M", "plate, edit, difference, matte"),
            ("W S", "wipe, side by side"),
            ("T held", "the other side"),
            ("X", "x-t slice: drag a line in the picture"),
        ),
    ),
    (
        "In the list of jobs",
        (("Return", "show in the viewer"), ("Delete", "remove from the list")),
    ),
)

ADVICE = (
    "Say what the plate shows and change as few words as you can. Try first: a try costs seconds. "
    "Drag over a stretch of the timeline to edit only these frames again."
)


class KeysOverlay(QFrame):
    """Covers the panel with what the keys do; a click or Escape takes it away."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setAutoFillBackground(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Keys and ways of working")
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(4 * UNIT, 2 * UNIT, 4 * UNIT, 4 * UNIT)
        column.setSpacing(2 * UNIT)
        advice = Sentence(ADVICE, content)
        advice.setMaximumWidth(150 * UNIT)
        column.addWidget(advice)
        for heading, keys in KEYS:
            column.addWidget(Heading(heading))
            column.addLayout(_table(keys))
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(content)
        head = QHBoxLayout()
        head.setContentsMargins(4 * UNIT, 2 * UNIT, UNIT, 0)
        head.addWidget(Heading("Ways of working"))
        head.addStretch(1)
        head.addWidget(IconButton("cancel", "Close", clicked=self.hide))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(head)
        whole.addWidget(scroll)
        self.hide()

    def open(self) -> None:
        """Cover the panel, or uncover it."""
        self.setVisible(not self.isVisible())

    def showEvent(self, event: QShowEvent) -> None:
        """Cover all of it, above everything."""
        super().showEvent(event)
        self.setGeometry(self._over.rect())
        self.raise_()
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go with a click."""
        self.hide()


def _table(keys: tuple[tuple[str, str], ...]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(4 * UNIT)
    grid.setVerticalSpacing(UNIT)
    grid.setColumnStretch(1, 1)
    for place, (key, meaning) in enumerate(keys):
        grid.addWidget(QLabel(key), place, 0)
        grid.addWidget(quiet(QLabel(meaning)), place, 1)
    return grid
