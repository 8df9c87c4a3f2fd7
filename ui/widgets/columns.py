"""The frame of the panel: one, two or three columns of the same parts, by its width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ui.widgets.labels import Heading
from ui.widgets.theme import UNIT

Arrangement: TypeAlias = Literal["one", "two", "three"]

TWO_COLUMNS, THREE_COLUMNS = 700, 1200
"""Widths from which there are so many."""

NARROWEST = 320
VIEWER_SHARE = 0.34
"""Of the panel's height that the viewer gets in one column, where there is room."""

START_SIZES: dict[str, list[int]] = {
    "one": [730, 140],
    "two": [400, 600],
    "two.right": [560, 240],
    "three": [400, 760, 340],
    "three.right": [500, 300],
}


@dataclass(frozen=True)
class Parts:
    """What the panel is made of, from the top of its one column to the end."""

    shot: QWidget
    viewer: QWidget
    edit: QWidget
    actions: QWidget
    jobs: QWidget
    versions: QWidget


class Columns(QWidget):
    """Arranges the parts anew when the width passes a bound; splitters remember their place."""

    moved = Signal()
    """The user moved a splitter."""

    def __init__(self, parts: Parts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parts = parts
        self.arrangement: Arrangement | None = None
        self._sizes: dict[str, list[int]] = {}
        self._splitters: dict[str, QSplitter] = {}
        self._tab = 0
        self._tabs: QTabWidget | None = None
        self._body: QWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._arrange("one")

    def sizes(self) -> dict[str, list[int]]:
        """Return where the splitters stand, by the name of the arrangement."""
        self._remember()
        return {name: [*sizes] for name, sizes in self._sizes.items()}

    def set_sizes(self, sizes: dict[str, list[int]]) -> None:
        """Put the splitters where they stood."""
        for name, each in sizes.items():
            if len(each) == len(START_SIZES.get(name, [])) and sum(each) > 0:
                self._sizes[name] = [*each]
        for name, splitter in self._splitters.items():
            splitter.setSizes(self._sizes.get(name, START_SIZES[name]))

    def show_versions(self) -> None:
        """Bring the versions to the front where they share their place with the jobs."""
        if self._tabs is not None:
            self._tabs.setCurrentWidget(self.parts.versions)

    def reset(self) -> None:
        """Put the splitters where they stood first."""
        self.set_sizes(START_SIZES)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Re-flow."""
        super().resizeEvent(event)
        wanted = arrangement_for(event.size().width())
        if wanted != self.arrangement:
            self._arrange(wanted)

    def minimumSizeHint(self) -> QSize:
        """Fit where a host's narrowest dock is."""
        return QSize(NARROWEST, 240)

    def _arrange(self, arrangement: Arrangement) -> None:
        self._remember()
        old, self._body = self._body, None
        focused: QWidget | None = self.focusWidget()
        self._splitters, self._tabs = {}, None
        self.arrangement = arrangement
        build = {"one": self._one, "two": self._two, "three": self._three}[arrangement]
        self._body = build()
        self._column.addWidget(self._body)
        if old is not None:
            self._column.removeWidget(old)
            old.hide()
            old.deleteLater()
        if focused is not None and self.isAncestorOf(focused):
            focused.setFocus()

    def _one(self) -> QWidget:
        parts = self.parts
        top = _scrolling(parts.shot, parts.viewer, parts.edit, growing=parts.viewer)
        self._tabs = self._tabbed()
        return self._split("one", Qt.Orientation.Vertical, top, _stack(parts.actions, self._tabs))

    def _two(self) -> QWidget:
        parts = self.parts
        self._tabs = self._tabbed()
        left = _form(_scrolling(parts.shot, parts.edit), parts.actions)
        across = Qt.Orientation.Vertical
        right = self._split("two.right", across, parts.viewer, self._tabs)
        return self._split("two", Qt.Orientation.Horizontal, left, right, growing=1)

    def _three(self) -> QWidget:
        parts = self.parts
        left = _form(_scrolling(parts.shot, parts.edit), parts.actions)
        across = Qt.Orientation.Vertical
        jobs, versions = _titled("Jobs", parts.jobs), _titled("Versions", parts.versions)
        right = self._split("three.right", across, jobs, versions)
        return self._split("three", Qt.Orientation.Horizontal, left, parts.viewer, right, growing=1)

    def _tabbed(self) -> QTabWidget:
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.setAccessibleName("Jobs and versions")
        tabs.addTab(self.parts.jobs, "Jobs")
        tabs.addTab(self.parts.versions, "Versions")
        tabs.setCurrentIndex(self._tab)
        return tabs

    def _split(
        self, name: str, orientation: Qt.Orientation, *parts: QWidget, growing: int = 0
    ) -> QSplitter:
        splitter = QSplitter(orientation)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(UNIT)
        for part in parts:
            splitter.addWidget(part)
            part.show()
        splitter.setStretchFactor(growing, 1)
        splitter.splitterMoved.connect(lambda *_: self.moved.emit())
        splitter.setSizes(self._sizes.get(name, START_SIZES[name]))
        self._splitters[name] = splitter
        return splitter

    def _remember(self) -> None:
        if self._tabs is not None:
            self._tab = self._tabs.currentIndex()
        for name, splitter in self._splitters.items():
            if splitter.isVisible():
                self._sizes[name] = splitter.sizes()


def arrangement_for(width: int) -> Arrangement:
    """Return how the parts are arranged at a width in pixels."""
    if width < TWO_COLUMNS:
        return "one"
    return "two" if width < THREE_COLUMNS else "three"


def _form(scrolling: _Scrolling, actions: QWidget) -> QWidget:
    """Put the buttons right under the form; where it is too high, it scrolls and they stay."""
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(scrolling, 1)
    column.addWidget(_line())
    column.addWidget(actions)
    column.addStretch(0)
    scrolling.keep_to_content()
    actions.show()
    return body


class _Scrolling(QScrollArea):
    """Scrolls down only; its content is as wide as it is."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self._content = content
        self._bounded = False
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(content)

    def keep_to_content(self) -> None:
        """Be no higher than the content: what stands below moves up to it."""
        self._bounded = True
        self._bound_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the content another height at another width."""
        super().resizeEvent(event)
        self._bound_height()

    def _bound_height(self) -> None:
        if self._bounded:
            content, width = self._content, self.viewport().width()
            wrapped = content.heightForWidth(width) if content.hasHeightForWidth() else 0
            self.setMaximumHeight(max(wrapped, content.minimumSizeHint().height()))

    def minimumSizeHint(self) -> QSize:
        """Need little: what does not fit is scrolled to."""
        return QSize(self._content.minimumSizeHint().width(), 30 * UNIT)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the height of the content, which Qt has watched by the scroll area."""
        done = super().eventFilter(watched, event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._bound_height()
        return done


def _scrolling(*parts: QWidget, growing: QWidget | None = None) -> _Scrolling:
    return _Scrolling(_stack(*parts, growing=growing, filled=growing is None))


def _stack(*parts: QWidget, growing: QWidget | None = None, filled: bool = False) -> QWidget:
    """Lay parts below each other, a line between them."""
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for index, part in enumerate(parts):
        if index:
            column.addWidget(_line())
        grows = part is growing or isinstance(part, QScrollArea | QTabWidget)
        column.addWidget(part, 1 if grows else 0)
        part.show()
    if filled:
        column.addStretch(0)
    return body


def _titled(title: str, part: QWidget) -> QWidget:
    """Put a heading over a part that has no tab to name it."""
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 2 * UNIT, 0, 0)
    column.setSpacing(0)
    heading = Heading(title)
    heading.setContentsMargins(2 * UNIT, 0, 0, 0)
    column.addWidget(heading)
    column.addWidget(part, 1)
    part.show()
    return body


def _line() -> QFrame:
    line = QFrame()
    line.setObjectName("line")
    line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return line
