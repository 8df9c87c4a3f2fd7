"""The surface that pictures are looked at on: framing, wipe, line drawing, scrubbing by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.framing import Framing, Point
from ui.widgets.canvas_drawing import (
    SURROUND,
    Shown,
    draw_inset,
    draw_label,
    draw_line,
    draw_shown,
    draw_wipe,
)

Comparison: TypeAlias = Literal["single", "wipe", "side"]
Drag: TypeAlias = Literal["pan", "wipe", "line", "scrub"]
Line: TypeAlias = tuple[Point, Point]
"""Start and end in plate pixels."""

ZOOM_STEP = 1.25
SCRUB_STEP = 8
"""View units that a drag goes for one frame."""
SHORTEST_LINE = 4.0
GAP = 2.0


class Canvas(QWidget):
    """Shows one picture, or two in comparison; knows no service and no shot.

    Wheel zooms about the cursor; middle button, or Alt and the left one, pan; a double click fits.
    The left button scrubs, moves the wipe in a wipe, and draws the line while `drawing` is set.
    """

    scrubbed = Signal(int)
    """Frames to go since the last signal, of a drag."""
    wipe_moved = Signal(float)
    """Where the wipe is now, 0 to 1 across the plate."""
    line_drawn = Signal(object)
    """A `Line`."""
    hovered = Signal(object)
    """The plate's `Point` under the cursor, or None."""
    framed = Signal()
    """Zoom, pan or size changed: another width of picture may be needed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.framing = Framing()
        self.comparison: Comparison = "single"
        self.drawing = False
        self._shown = (Shown(), Shown())
        self._wipe = 0.5
        self._grade = (0.0, 1.0)
        self._line: Line | None = None
        self.inset: Shown | None = None
        self._readout = ""
        self._drag: Drag | None = None
        self._from = QPointF()
        self._drawn: Line | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Viewer")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        policy.setHeightForWidth(False)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        """Ask for the plate's shape."""
        return QSize(384, 216)

    def minimumSizeHint(self) -> QSize:
        """Be of use in the narrowest panel."""
        return QSize(160, 120)

    # What is shown

    def set_plate(self, width: int, height: int, pixel_aspect: float = 1.0) -> None:
        """Say how large the plate is; another size fits it anew."""
        if (width, height) != self.framing.plate or pixel_aspect != self.framing.pixel_aspect:
            plate = (max(width, 1), max(height, 1))
            fitted = self.framing.fitted()
            self.set_framing(replace(fitted, plate=plate, pixel_aspect=pixel_aspect))

    def show_pictures(
        self, left: Shown, right: Shown | None = None, comparison: Comparison = "single"
    ) -> None:
        """Show one picture, or two in comparison."""
        changes_cells = (comparison == "side") != (self.comparison == "side")
        self._shown = (left, right or Shown())
        self.comparison = comparison
        if changes_cells:
            self._resize_view()
        self._update_cursor()
        self.update()

    def set_wipe(self, wipe: float) -> None:
        """Move the wipe, 0 to 1 across the plate."""
        self._wipe = min(max(wipe, 0.0), 1.0)
        self.update()

    def set_grade(self, exposure: float, gamma: float) -> None:
        """Look at the pictures brighter or darker; see `ui.widgets.grade`."""
        self._grade = (exposure, gamma)
        self.update()

    def set_line(self, line: Line | None) -> None:
        """Show the line that the x-t slice follows."""
        self._line = line
        self.update()

    def set_inset(self, inset: Shown | None) -> None:
        """Show a small picture in the lower corner: the preview of a running job."""
        self.inset = inset
        self.update()

    def set_readout(self, text: str) -> None:
        """Show a line in the lower left corner: what is under the pointer."""
        if text != self._readout:
            self._readout = text
            self.setAccessibleDescription(text)
            self.update()

    def set_drawing(self, drawing: bool) -> None:
        """Let the left button draw the line, or do what it usually does."""
        self.drawing = drawing
        self._update_cursor()

    # Framing

    def fit(self) -> None:
        """Show the whole plate, and go on doing so."""
        self.set_framing(self.framing.fitted())

    def one_to_one(self) -> None:
        """Show each plate pixel as one pixel of the screen, about the middle."""
        middle = (self.framing.view[0] / 2, self.framing.view[1] / 2)
        self.set_framing(self.framing.zoomed_to(1 / self.devicePixelRatioF(), middle))

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Zoom about a point of the widget; None is the middle."""
        view = self.framing.view
        point = self._in_cell(about) if about is not None else (view[0] / 2, view[1] / 2)
        self.set_framing(self.framing.zoomed(factor, point))

    @property
    def percent(self) -> float:
        """Screen pixels per plate pixel, in per cent."""
        return 100 * self.framing.scale * self.devicePixelRatioF()

    @property
    def pixels_needed(self) -> int:
        """How wide a picture of the whole plate has to be for every screen pixel to get its own."""
        return round(self.framing.plate[0] * self.percent / 100)

    def colours_at(self, point: Point) -> list[QColor]:
        """Return what the pictures have at a point of the plate, before exposure and gamma."""
        width, height = self.framing.plate
        if not (0 <= point[0] < width and 0 <= point[1] < height):
            return []
        shown = self._shown if self.comparison != "single" else self._shown[:1]
        return [
            image.pixelColor(
                int(point[0] * image.width() / width), int(point[1] * image.height() / height)
            )
            for image in (each.image for each in shown)
            if image is not None
        ]

    def set_framing(self, framing: Framing) -> None:
        """Take another zoom and centre."""
        if framing != self.framing:
            self.framing = framing
            self.framed.emit()
            self.update()

    def _resize_view(self) -> None:
        cell = self._cells()[0]
        view = (max(cell.width(), 1.0), max(cell.height(), 1.0))
        self.set_framing(replace(self.framing, view=view))

    def _cells(self) -> tuple[QRectF, QRectF]:
        """The parts of the widget that the two pictures have for themselves."""
        whole = QRectF(self.rect())
        if self.comparison != "side":
            return whole, whole
        if whole.width() >= whole.height():
            half = (whole.width() - GAP) / 2
            first = QRectF(0, 0, half, whole.height())
            return first, first.translated(half + GAP, 0)
        half = (whole.height() - GAP) / 2
        first = QRectF(0, 0, whole.width(), half)
        return first, first.translated(0, half + GAP)

    def _in_cell(self, point: QPointF) -> Point:
        second = self._cells()[1]
        if self.comparison == "side" and second.contains(point):
            point = point - second.topLeft()
        return point.x(), point.y()

    def _wipe_at(self) -> float:
        """Where the wipe is drawn; it stays within reach however far the picture is zoomed."""
        across, _ = self.framing.to_view((self._wipe * self.framing.plate[0], 0.0))
        return min(max(across, 6.0), max(self.framing.view[0] - 6.0, 6.0))

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pictures, then what lies over them."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), SURROUND)
        left, right = self._shown
        cells = self._cells()
        if self.comparison == "wipe":
            self._draw_halves(painter, cells[0])
        else:
            pairs = [(cells[0], left)]
            if self.comparison == "side":
                pairs.append((cells[1], right))
            for cell, shown in pairs:
                painter.save()
                painter.setClipRect(cell)
                draw_shown(painter, cell, shown, self.framing, *self._grade)
                painter.restore()
                draw_label(painter, cell, shown.label)
        line = self._drawn or self._line
        if line is not None:
            draw_line(painter, line, self.framing)
        if self.inset is not None:
            draw_inset(painter, QRectF(self.rect()), self.inset)
        draw_label(painter, QRectF(self.rect()), self._readout, bottom=True)
        painter.end()

    def _draw_halves(self, painter: QPainter, cell: QRectF) -> None:
        at = self._wipe_at()
        halves = (
            QRectF(0, 0, at, cell.height()),
            QRectF(at, 0, cell.width() - at, cell.height()),
        )
        for half, shown in zip(halves, self._shown, strict=True):
            painter.save()
            painter.setClipRect(half)
            # A note stands in the middle of its half, a picture where it would be alone.
            place = cell if shown.image is not None else half
            draw_shown(painter, place, shown, self.framing, *self._grade, clip=half)
            painter.restore()
        draw_wipe(painter, cell, at)
        draw_label(painter, halves[0], self._shown[0].label)
        draw_label(painter, halves[1], self._shown[1].label, right=True)

    # Hands

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep fitting, or keep the middle in the middle."""
        super().resizeEvent(event)
        self._resize_view()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the cursor."""
        self.zoom_by(ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit."""
        if event.button() == Qt.MouseButton.LeftButton and not self.drawing:
            self.fit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a drag."""
        self._from = event.position()
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if event.button() == Qt.MouseButton.MiddleButton or (
            event.button() == Qt.MouseButton.LeftButton and alt
        ):
            self._drag = "pan"
        elif event.button() != Qt.MouseButton.LeftButton:
            return
        elif self.drawing:
            self._drag = "line"
            point = self.framing.to_plate(self._in_cell(self._from))
            self._drawn = (point, point)
        elif self.comparison == "wipe":
            self._drag = "wipe"
            self._move_wipe(event.position())
        else:
            self._drag = "scrub"
        self._update_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a drag, and say what lies under the cursor."""
        position = event.position()
        self.hovered.emit(self.framing.to_plate(self._in_cell(position)))
        if self._drag == "pan":
            moved = position - self._from
            self._from = position
            self.set_framing(self.framing.panned(moved.x(), moved.y()))
        elif self._drag == "wipe":
            self._move_wipe(position)
        elif self._drag == "line" and self._drawn is not None:
            straight = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._drawn = self._line_to(position, straight)
            self.update()
        elif self._drag == "scrub":
            frames = int((position.x() - self._from.x()) / SCRUB_STEP)
            if frames:
                self._from += QPointF(frames * SCRUB_STEP, 0)
                self.scrubbed.emit(frames)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        drawn, self._drawn = self._drawn, None
        self._drag = None
        self._update_cursor()
        if drawn is not None:
            away = QPointF(*self.framing.to_view(drawn[1])) - QPointF(
                *self.framing.to_view(drawn[0])
            )
            if away.manhattanLength() >= SHORTEST_LINE:
                self.line_drawn.emit(drawn)
            self.update()

    def leaveEvent(self, event: object) -> None:
        """Nothing lies under the cursor any more."""
        self.hovered.emit(None)

    def _move_wipe(self, position: QPointF) -> None:
        across, _ = self.framing.to_plate((position.x(), 0.0))
        self.set_wipe(across / self.framing.plate[0])
        self.wipe_moved.emit(self._wipe)

    def _line_to(self, position: QPointF, straight: bool) -> Line:
        """The line being drawn, within the plate; straight along the longer way with Shift."""
        assert self._drawn is not None
        start = self._drawn[0]
        x, y = self.framing.to_plate(self._in_cell(position))
        if straight:
            x, y = (x, start[1]) if abs(x - start[0]) >= abs(y - start[1]) else (start[0], y)
        width, height = self.framing.plate
        return start, (min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height)))

    def _update_cursor(self) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if self._drag == "pan":
            shape = Qt.CursorShape.ClosedHandCursor
        elif self.drawing:
            shape = Qt.CursorShape.CrossCursor
        elif self.comparison == "wipe":
            shape = Qt.CursorShape.SplitHCursor
        self.setCursor(shape)
