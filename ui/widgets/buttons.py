"""Buttons: icons that follow the palette, and a row that wraps where it is too narrow."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QToolButton, QWidget

from ui.widgets.theme import UNIT, icon


class IconButton(QToolButton):
    """A flat button with an icon, and a word where there is no better picture.

    Parameters
    ----------
    name
        The icon's.
    label
        What it does in a few words: its accessible name and the first line of its tooltip.
    hint
        One more sentence for the tooltip.
    """

    def __init__(
        self,
        name: str,
        label: str,
        *,
        hint: str = "",
        text: str = "",
        clicked: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon = name
        self.setAccessibleName(label)
        self.setToolTip("\n".join(filter(None, [label, hint])))
        self.setIconSize(QSize(16, 16))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if text:
            self.setText(text)
            self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        if clicked is not None:
            self.clicked.connect(lambda _checked=False: clicked())
        self._redraw()

    def sizeHint(self) -> QSize:
        """Ask for no more than icon, word and a narrow edge."""
        return tight_size(self)

    def minimumSizeHint(self) -> QSize:
        """Need what it asks for."""
        return tight_size(self)

    def set_icon(self, name: str) -> None:
        """Show another icon."""
        if name != self._icon:
            self._icon = name
            self._redraw()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._redraw()

    def _redraw(self) -> None:
        self.setIcon(icon(self._icon, self.palette()))


class TextButton(QPushButton):
    """A button with words on it.

    Parameters
    ----------
    primary
        Whether it is what most people will press here.
    """

    def __init__(
        self,
        text: str,
        hint: str,
        *,
        primary: bool = False,
        clicked: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setToolTip(hint)
        self.setAccessibleName(text)
        if primary:
            self.setObjectName("primary")
        if clicked is not None:
            self.clicked.connect(lambda _checked=False: clicked())

    def setText(self, text: str) -> None:
        """Show other words; the accessible name is the same."""
        super().setText(text)
        self.setAccessibleName(text)


class FlowRow(QWidget):
    """Shows widgets in rows from the left, and begins a new row where the width is used up.

    A widget and no `QLayout` of our own: PySide miscounts the references to the None with which a
    layout says that it has no more items.
    """

    def __init__(self, *widgets: QWidget, across: int = UNIT, parent: QWidget | None = None):
        super().__init__(parent)
        self._widgets = widgets
        self._across = across
        for widget in widgets:
            widget.setParent(self)
        # "Fixed" would hold it to the height of one row.
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def hasHeightForWidth(self) -> bool:
        """Tell that it is higher where it is narrower."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        return self._lay(width, apply=False)

    def sizeHint(self) -> QSize:
        """Ask for one row."""
        sizes = [_wanted(widget) for widget in self._shown()]
        width = sum(size.width() + self._across for size in sizes) - self._across
        return QSize(max(width, 0), max((size.height() for size in sizes), default=0))

    def minimumSizeHint(self) -> QSize:
        """Need the widest widget."""
        size = QSize()
        for widget in self._shown():
            size = size.expandedTo(widget.minimumSizeHint())
        return size

    def event(self, event: QEvent) -> bool:
        """Lay anew when a widget wants another size."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._lay(self.width(), apply=True)
            self.updateGeometry()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay anew."""
        super().resizeEvent(event)
        self._lay(self.width(), apply=True)

    def _shown(self) -> list[QWidget]:
        return [widget for widget in self._widgets if not widget.isHidden()]

    def _lay(self, width: int, *, apply: bool) -> int:
        """Place the widgets, or only find out how high they would be."""
        rows: list[list[tuple[QWidget, int]]] = [[]]
        x = 0
        for widget in self._shown():
            wide = max(min(_wanted(widget).width(), width), widget.minimumSizeHint().width())
            if rows[-1] and x + wide > width:
                rows.append([])
                x = 0
            rows[-1].append((widget, x))
            x += wide + self._across
        y = 0
        for each in rows:
            high = max((_wanted(widget).height() for widget, _ in each), default=0)
            for widget, left in each if apply else ():
                wide = min(_wanted(widget).width(), width - left)
                widget.setGeometry(left, y, wide, high)
            y += high + UNIT // 2
        return max(y - UNIT // 2, 0)


def tight_size(button: QToolButton) -> QSize:
    """Return the size of a flat button; styles leave more room than a row of many has."""
    metrics = button.fontMetrics()
    width, height = 2 * UNIT, max(metrics.height(), 16) + 2 * UNIT
    if button.toolButtonStyle() != Qt.ToolButtonStyle.ToolButtonTextOnly:
        width += 16
    if button.toolButtonStyle() != Qt.ToolButtonStyle.ToolButtonIconOnly:
        width += metrics.horizontalAdvance(button.text()) + 2 * UNIT
    return QSize(width, height)


def _wanted(widget: QWidget) -> QSize:
    return widget.sizeHint().expandedTo(widget.minimumSize())
