"""The strip of tries: each a picture that runs through its frames under the pointer."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ui.presenters.tries import TriesPresenter, Try
from ui.presenters.trouble import Trouble
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import IconButton
from ui.widgets.canvas_drawing import draw_label
from ui.widgets.field import Problem
from ui.widgets.labels import Heading
from ui.widgets.theme import LOOKS, UNIT, draw_state

CARD = QSize(32 * UNIT, 18 * UNIT)
"""Size of a picture."""
TryRole = Qt.ItemDataRole.UserRole

Index = QModelIndex | QPersistentModelIndex


class TriesModel(QAbstractListModel):
    """The tries as rows, the newest first, with their pictures decoded."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tries: tuple[Try, ...] = ()
        self._images: dict[tuple[str, int], QImage] = {}

    def set_tries(self, tries: tuple[Try, ...]) -> None:
        """Show these; the same ones in the same order keep their place and selection."""
        same = [each.job_id for each in tries] == [each.job_id for each in self._tries]
        if not same:
            self.beginResetModel()
        self._tries = tries
        self._decode()
        if not same:
            self.endResetModel()
        elif tries:
            self.dataChanged.emit(self.index(0), self.index(len(tries) - 1))

    def image(self, made: Try, place: float) -> tuple[int, QImage] | None:
        """Return a frame of a try and its picture; `place` from 0 to 1 picks which one."""
        frames = [frame for frame in made.frames if (made.job_id, frame) in self._images]
        if not frames:
            return None
        frame = frames[min(int(place * len(frames)), len(frames) - 1)]
        return frame, self._images[made.job_id, frame]

    def row_of(self, job_id: str) -> int:
        """Return the row of a try, -1 without."""
        return next((i for i, each in enumerate(self._tries) if each.job_id == job_id), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        """See `QAbstractListModel`."""
        return len(self._tries) if parent is None or not parent.isValid() else 0

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """See `QAbstractListModel`."""
        if not index.isValid():
            return None
        made = self._tries[index.row()]
        if role == TryRole:
            return made
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{made.name}: {made.prompt}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip_of(made)
        return None

    def _decode(self) -> None:
        kept: dict[tuple[str, int], QImage] = {}
        for made in self._tries:
            for frame, content in (made.pictures or {}).items():
                key = (made.job_id, frame)
                image = self._images.get(key)
                if image is None:
                    # Small enough to be decoded here: 320 pixels take less than a millisecond.
                    image = QImage.fromData(content)
                if not image.isNull():
                    kept[key] = image
        self._images = kept


class TryCards(QStyledItemDelegate):
    """Draws a try: a picture or its state, the number, the words."""

    def __init__(self, model: TriesModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.chosen = ""
        self.pointed: tuple[int, float] = (-1, 0.5)
        """Row under the pointer, and how far across it the pointer is."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Give a picture with a line of words under it."""
        line = option.fontMetrics.height()
        return QSize(CARD.width() + UNIT, CARD.height() + line + 2 * UNIT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one card."""
        made: Try = index.data(TryRole)
        area: QRect = option.rect
        palette: QPalette = option.palette
        picture = QRectF(area.left() + 2, area.top() + 2, CARD.width() - UNIT, CARD.height())
        painter.save()
        painter.fillRect(picture, palette.color(QPalette.ColorRole.Base))
        row, across = self.pointed
        found = self._model.image(made, across if row == index.row() else 0.5)
        if found is None:
            self._draw_state(painter, picture, made, palette)
        else:
            self._draw_picture(painter, picture, found[1])
            draw_label(painter, picture.adjusted(-UNIT, -UNIT, UNIT, 0), str(found[0]))
        if made.job_id == self.chosen:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(picture)
        words = QRectF(picture.left(), picture.bottom() + 2, picture.width(), area.height())
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        text = painter.fontMetrics().elidedText(
            f"{made.number} · {made.prompt}", Qt.TextElideMode.ElideRight, int(words.width())
        )
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, text)
        painter.restore()

    def _draw_picture(self, painter: QPainter, area: QRectF, image: QImage) -> None:
        """Fill the area with the middle of a picture."""
        scale = max(area.width() / image.width(), area.height() / image.height())
        width, height = area.width() / scale, area.height() / scale
        part = QRectF((image.width() - width) / 2, (image.height() - height) / 2, width, height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(area, image, part)

    def _draw_state(self, painter: QPainter, area: QRectF, made: Try, palette: QPalette) -> None:
        look = LOOKS[made.state]
        word = "Pictures are coming" if made.state == "done" else look.word
        sign = QRectF(area.left(), area.top() + 2 * UNIT, area.width(), 6 * UNIT)
        draw_state(painter, sign, made.state, palette)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        below = area.adjusted(UNIT, 36, -UNIT, 0)
        wrap = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        painter.drawText(below, wrap | Qt.TextFlag.TextWordWrap, word)


class TryList(QListView):
    """Cards in one row that scrolls across; the wheel scrolls it too."""

    def __init__(self, tries: TriesPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tries = tries
        self._rows = TriesModel(self)
        self._cards = TryCards(self._rows, self)
        self.setModel(self._rows)
        self.setItemDelegate(self._cards)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)
        self.setAccessibleName("Tries")
        line = self.fontMetrics().height()
        self.setFixedHeight(CARD.height() + line + 2 * UNIT + self._bar_height())
        self.clicked.connect(lambda index: tries.show(index.data(TryRole).job_id))
        self.activated.connect(lambda index: tries.pick(index.data(TryRole).job_id))
        self.doubleClicked.connect(lambda index: tries.pick(index.data(TryRole).job_id))
        self.bonds = bonds = Bonds(self)
        bonds.bind(tries.tries, self._rows.set_tries)
        bonds.bind(tries.chosen, self._choose)

    def menu_for(self, job_id: str, parent: QWidget) -> QMenu:
        """Build what can be done with a try."""
        menu = QMenu(parent)
        menu.addAction("Show", lambda: self._tries.show(job_id))
        menu.addAction("Bring its settings back", lambda: self._tries.pick(job_id))
        menu.addSeparator()
        menu.addAction("Take out of the strip", lambda: self._tries.remove(job_id))
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the try under the pointer."""
        index = self.indexAt(event.pos())
        if index.isValid():
            menu = self.menu_for(index.data(TryRole).job_id, self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete takes a try out of the strip, space shows it."""
        index = self.currentIndex()
        if index.isValid() and event.key() == Qt.Key.Key_Delete:
            self._tries.remove(index.data(TryRole).job_id)
        elif index.isValid() and event.key() == Qt.Key.Key_Space:
            self._tries.show(index.data(TryRole).job_id)
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Run through the frames of the try under the pointer."""
        super().mouseMoveEvent(event)
        self._point(event.position().toPoint())

    def viewportEvent(self, event: QEvent) -> bool:
        """Go back to the middle frame when the pointer leaves."""
        if event.type() == QEvent.Type.Leave:
            self._cards.pointed = (-1, 0.5)
            self.viewport().update()
        return super().viewportEvent(event)

    def _point(self, at: QPoint) -> None:
        index = self.indexAt(at)
        area = self.visualRect(index)
        across = (at.x() - area.left()) / max(area.width(), 1)
        self._cards.pointed = (index.row(), min(max(across, 0.0), 0.999))
        self.viewport().update()

    def _choose(self, job_id: str) -> None:
        self._cards.chosen = job_id
        row = self._rows.row_of(job_id)
        if row >= 0:
            self.setCurrentIndex(self._rows.index(row))
            self.scrollTo(self._rows.index(row))
        self.viewport().update()

    def _bar_height(self) -> int:
        return self.horizontalScrollBar().sizeHint().height()


class TriesWidget(QWidget):
    """The strip with its heading; takes no room before the first try."""

    def __init__(self, tries: TriesPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tries = tries
        self.list = TryList(tries)
        self.bring_back = IconButton(
            "undo",
            "Bring its settings back",
            hint="The words and numbers that this try was made with. A double click does it too.",
            clicked=lambda: tries.pick(tries.chosen.value),
        )
        self.remove = IconButton(
            "delete",
            "Take out of the strip",
            hint="Its frames stay on disk.",
            clicked=lambda: tries.remove(tries.chosen.value),
        )
        self.problem = Problem()
        self.problem.sign.set_state("failed")
        head = QHBoxLayout()
        head.setSpacing(UNIT)
        head.addWidget(Heading("Tries"), 1)
        head.addWidget(self.bring_back)
        head.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * UNIT, UNIT, 2 * UNIT, 0)
        column.setSpacing(UNIT // 2)
        column.addLayout(head)
        column.addWidget(self.problem)
        column.addWidget(self.list)
        self.bonds = bonds = Bonds(self)
        bonds.bind(tries.tries, lambda _: self._show())
        bonds.bind(tries.chosen, self._allow)
        bonds.bind(tries.trouble, self._show_trouble)

    def _show(self) -> None:
        self.list.setVisible(bool(self._tries.tries.value))
        self.setVisible(bool(self._tries.tries.value or self._tries.trouble.value))

    def _allow(self, chosen: str) -> None:
        self.bring_back.setEnabled(bool(chosen))
        self.remove.setEnabled(bool(chosen))

    def _show_trouble(self, trouble: Trouble | None) -> None:
        text = f"{trouble.sentence} {trouble.remedy}".strip() if trouble is not None else ""
        self.problem.set_sentence(text)
        self._show()


def tip_of(made: Try) -> str:
    """Say what a try was, and what can be done with it."""
    frames = ", ".join(str(frame) for frame in made.frames)
    lines = [f"Try {made.number}: {made.prompt}", f"Frames {frames}"]
    if made.trouble is not None:
        lines.append(made.trouble.sentence)
    lines.append("Click to look at it, double-click to bring its settings back.")
    return "\n".join(lines)
