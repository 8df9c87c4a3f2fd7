"""Rows of a list: two lines, a state, a picture, a bar; drawn, never five hundred widgets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPalette
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from ui.widgets.theme import UNIT, State, draw_state, state_colour

Index = QModelIndex | QPersistentModelIndex
R = TypeVar("R")

ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 1
PICTURE = QSize(14 * UNIT, 8 * UNIT)


@dataclass(frozen=True)
class RowLook:
    """What a row shows.

    Attributes
    ----------
    state
        Its sign.
    title, aside
        The first line: at the left, bold, and at the right.
    detail
        The second line.
    fraction
        Of a bar behind the second line; None for no bar.
    picture
        A PNG or JPEG file.
    mark
        A letter in front of the title: A and B of a comparison.
    """

    state: State
    title: str
    aside: str = ""
    detail: str = ""
    fraction: float | None = None
    picture: bytes | None = None
    mark: str = ""
    tip: str = ""

    @property
    def spoken(self) -> str:
        """All of it in words, for those who do not see it."""
        return ", ".join(filter(None, [self.mark, self.title, self.aside, self.detail]))


class RowsModel(QAbstractListModel, Generic[R]):
    """Rows of a presenter; tells the view only what has changed.

    Parameters
    ----------
    key
        What stays the same of a row while it changes.
    look
        What is shown of it.
    """

    def __init__(
        self,
        key: Callable[[R], Hashable],
        look: Callable[[R], RowLook],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._key, self._look = key, look
        self._rows: Sequence[R] = ()
        self._places: dict[Hashable, int] = {}

    def set_rows(self, rows: Sequence[R]) -> None:
        """Show these."""
        before, self_keys = self._rows, [self._key(row) for row in rows]
        if self_keys != [*self._places]:
            self.layoutAboutToBeChanged.emit()
            kept = [(old, self._key(before[old.row()])) for old in self.persistentIndexList()]
            self._rows = rows
            self._places = {key: place for place, key in enumerate(self_keys)}
            for old, key in kept:
                place = self._places.get(key)
                new = QModelIndex() if place is None else self.index(place)
                self.changePersistentIndex(old, new)
            self.layoutChanged.emit()
            return
        self._rows = rows
        for place, (old_row, row) in enumerate(zip(before, rows, strict=True)):
            if old_row is not row and old_row != row:
                self.dataChanged.emit(self.index(place), self.index(place))

    def redraw(self) -> None:
        """Look at all rows again."""
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def row(self, index: Index) -> R | None:
        """Return the row at an index."""
        inside = index.isValid() and index.row() < len(self._rows)
        return self._rows[index.row()] if inside else None

    def place(self, key: Hashable) -> QModelIndex:
        """Return where a row is; an invalid index if it is not there."""
        place = self._places.get(key)
        return QModelIndex() if place is None else self.index(place)

    def rowCount(self, parent: Index | None = None) -> int:
        """See `QAbstractListModel`."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """See `QAbstractListModel`."""
        row = self.row(index)
        if row is None:
            return None
        if role == ROW_ROLE:
            return self._look(row)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._look(row).spoken
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._look(row).tip
        return None


class RowDelegate(QStyledItemDelegate):
    """Draws a row."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures: dict[bytes, QImage] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Give two lines."""
        return QSize(40 * UNIT, 2 * option.fontMetrics.lineSpacing() + 3 * UNIT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw ground, sign, picture and both lines."""
        look: RowLook | None = index.data(ROW_ROLE)
        widget: QWidget = option.widget
        if look is None:
            return
        painter.save()
        style = widget.style()
        element = QStyle.PrimitiveElement.PE_PanelItemViewItem
        style.drawPrimitive(element, option, painter, widget)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        palette: QPalette = option.palette
        area: QRect = option.rect.adjusted(UNIT, UNIT, -2 * UNIT, -UNIT)
        area = self._draw_head(painter, area, look, palette, chosen)
        self._draw_lines(painter, area, look, palette, chosen)
        painter.restore()

    def _draw_head(
        self, painter: QPainter, area: QRect, look: RowLook, palette: QPalette, chosen: bool
    ) -> QRect:
        """Draw the sign and the picture; return what is left for the lines."""
        line = painter.fontMetrics().lineSpacing()
        sign = QRectF(area.left(), area.top(), line, line)
        on_highlight = palette.color(QPalette.ColorRole.HighlightedText) if chosen else None
        draw_state(painter, sign, look.state, palette, on_highlight)
        area = area.adjusted(line + UNIT, 0, 0, 0)
        picture = self._picture(look.picture)
        if picture is not None:
            height = min(area.height(), PICTURE.height())
            width = min(round(height * picture.width() / max(picture.height(), 1)), area.width())
            box = QRect(area.left(), area.top(), width, height)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(box, picture)
            area = area.adjusted(width + 2 * UNIT, 0, 0, 0)
        return area

    def _draw_lines(
        self, painter: QPainter, area: QRect, look: RowLook, palette: QPalette, chosen: bool
    ) -> None:
        role = QPalette.ColorRole
        text = palette.color(role.HighlightedText if chosen else role.Text)
        faint = text if chosen else palette.color(role.PlaceholderText)
        metrics = painter.fontMetrics()
        line = metrics.lineSpacing()
        first = QRect(area.left(), area.top(), area.width(), line)
        second = QRect(area.left(), area.bottom() - line + 1, area.width(), line)
        aside = metrics.horizontalAdvance(look.aside)
        painter.setPen(faint)
        painter.drawText(first, Qt.AlignmentFlag.AlignRight, look.aside)
        title = first.adjusted(0, 0, -aside - 2 * UNIT, 0)
        painter.setPen(text)
        self._draw_title(painter, title, look)
        if look.fraction is not None:
            done = text if chosen else state_colour(look.state, palette)
            second = _draw_bar(painter, second, look.fraction, done, faint)
        painter.setPen(faint)
        detail = metrics.elidedText(look.detail, Qt.TextElideMode.ElideRight, second.width())
        painter.drawText(second, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine, detail)

    def _draw_title(self, painter: QPainter, area: QRect, look: RowLook) -> None:
        plain = painter.font()
        bold = QFont(plain)
        bold.setBold(True)
        painter.setFont(bold)
        metrics = painter.fontMetrics()
        text = f"{look.mark}  {look.title}" if look.mark else look.title
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine, shown)
        painter.setFont(plain)

    def _picture(self, content: bytes | None) -> QImage | None:
        if content is None:
            return None
        if content not in self._pictures:
            if len(self._pictures) > 100:
                self._pictures.clear()
            self._pictures[content] = QImage.fromData(content)
        picture = self._pictures[content]
        return None if picture.isNull() else picture


def _draw_bar(
    painter: QPainter, area: QRect, fraction: float, colour: QColor, edge: QColor
) -> QRect:
    """Draw how far a job is at the right of a line; return what is left of the line."""
    width = max(area.width() * 2 // 5, 12 * UNIT)
    box = QRectF(area.right() - width + 0.5, area.center().y() - 3.5, width, 8)
    painter.setPen(edge)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)
    done = box.adjusted(2, 2, -2, -2)
    done.setWidth(done.width() * min(max(fraction, 0.0), 1.0))
    painter.fillRect(done, colour)
    return area.adjusted(0, 0, -width - 2 * UNIT, 0)


class RowList(QListView):
    """The list of such rows."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setItemDelegate(RowDelegate(self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)

    def minimumSizeHint(self) -> QSize:
        """Need room for one row."""
        return QSize(40 * UNIT, 2 * self.fontMetrics().lineSpacing() + 4 * UNIT)

    def sizeHint(self) -> QSize:
        """Ask for room for two rows."""
        return QSize(80 * UNIT, 2 * self.minimumSizeHint().height())
