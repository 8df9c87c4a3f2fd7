"""The bar of frames: ruler above, what is known of each frame below, playhead across both.

The ruler is for going to a frame, the lane below it for selecting a stretch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Literal, TypeAlias

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui.widgets.theme import LOOKS, UNIT, State, icon, state_brush, state_colour

Stretch: TypeAlias = tuple[int, int]
"""First and last frame."""
Drag: TypeAlias = Literal["scrub", "select"]

MARGIN = 2 * UNIT
RULER = 5 * UNIT
LANE = 4 * UNIT
HEIGHT = RULER + LANE + 2 * UNIT
TICK_STEPS = tuple(base * 10**power for power in range(6) for base in (1, 2, 5))
QUIET: dict[State, int] = {"done": 130, "queued": 30}
"""States whose colour is held back, 0 to 255: the lane lies beside a picture that is judged."""
EDGE = 5.0
"""How near to a stretch's end a drag takes hold of it, in view units."""


class TimelineBar(QWidget):
    """Draws frames and lets them be chosen; knows no shot and no job."""

    scrubbed = Signal(int)
    """A frame to go to."""
    selected = Signal(object)
    """A `Stretch`, or None when there is none any more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ends: Stretch = (1, 1)
        self._frame = 1
        self._marks: Stretch | None = None
        self._stretch: Stretch | None = None
        self._pins: tuple[int, ...] = ()
        self._keyframes: frozenset[int] = frozenset()
        self._states: dict[int, State] = {}
        self._runs: list[tuple[int, int, State]] = []
        self._drag: Drag | None = None
        self._anchor = 1
        self._moved = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Timeline")

    def sizeHint(self) -> QSize:
        """Ask for ruler and lane."""
        return QSize(320, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Fit into the narrowest panel."""
        return QSize(120, HEIGHT)

    # What is shown

    def set_ends(self, first: int, last: int) -> None:
        """Show these frames and all between."""
        self._ends = (first, max(first, last))
        self.update()

    def set_frame(self, frame: int) -> None:
        """Move the playhead."""
        self._frame = frame
        self.setAccessibleDescription(f"Frame {frame}")
        self.update()

    def set_marks(self, marks: Stretch | None) -> None:
        """Show the marked range; what is outside is dimmed."""
        self._marks = marks
        self.update()

    def set_stretch(self, stretch: Stretch | None, pins: Collection[int] = ()) -> None:
        """Show the selected stretch, and the frames beside it that stay as they are."""
        self._stretch, self._pins = stretch, tuple(pins)
        self.update()

    def set_states(self, states: Mapping[int, State], keyframes: Collection[int] = ()) -> None:
        """Show what is known of frames; of one that is not named nothing is."""
        self._states = dict(states)
        self._keyframes = frozenset(keyframes)
        numbered = sorted(self._states.items())
        # Neighbours of one state make one block: their numbers grow as their places do.
        self._runs = []
        for (state, _), run in groupby(
            enumerate(numbered), key=lambda each: (each[1][1], each[1][0] - each[0])
        ):
            frames = [number for _, (number, _) in run]
            self._runs.append((frames[0], frames[-1], state))
        self.update()

    def state_sentence(self, frame: int) -> str:
        """Say what is known of a frame."""
        words = [str(frame)]
        if frame in self._keyframes:
            words.append("keyframe")
        if frame in self._states:
            words.append(LOOKS[self._states[frame]].word.lower())
        if frame in self._pins:
            words.append("pinned: stays as it is")
        return " · ".join(words)

    # Geometry

    def left_of(self, frame: float) -> float:
        """Return where a frame's cell begins."""
        first, last = self._ends
        return MARGIN + (frame - first) * self._room / (last - first + 1)

    def frame_at(self, across: float) -> int:
        """Return the frame there, the nearest one beyond the ends."""
        first, last = self._ends
        frame = first + int((across - MARGIN) * (last - first + 1) // max(self._room, 1))
        return min(max(frame, first), last)

    @property
    def _room(self) -> float:
        return max(self.width() - 2.0 * MARGIN, 1.0)

    def _cells(self, first: int, last: int, top: float, height: float) -> QRectF:
        left = self.left_of(first)
        return QRectF(left, top, max(self.left_of(last + 1) - left, 1.0), height)

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ruler, lane, stretch and playhead."""
        painter = QPainter(self)
        self._draw_lane(painter)
        self._draw_ruler(painter)
        self._draw_keyframes(painter)
        self._draw_marks(painter)
        self._draw_stretch(painter)
        self._draw_playhead(painter)
        painter.end()

    def _draw_lane(self, painter: QPainter) -> None:
        palette = self.palette()
        lane = QRectF(MARGIN, RULER, self._room, LANE)
        painter.fillRect(lane, palette.color(QPalette.ColorRole.Base))
        for first, last, state in self._runs:
            cells = self._cells(first, last, RULER, LANE)
            gap = 1.0 if cells.width() > 4 else 0.0
            cells.adjust(0, 0, -gap, 0)
            # A hatch alone would be hard to see in a narrow block: a faint ground carries it.
            ground = state_colour(state, palette)
            ground.setAlpha(70)
            painter.fillRect(cells, ground)
            painter.fillRect(cells, self._fill(state))
        painter.setPen(QPen(QColor(127, 127, 127, 110), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(lane.adjusted(-0.5, -0.5, 0.5, 0.5))

    def _fill(self, state: State) -> QBrush:
        brush = state_brush(state, self.palette())
        if state in QUIET:
            colour = brush.color()
            colour.setAlpha(QUIET[state])
            brush.setColor(colour)
        return brush

    def _draw_ruler(self, painter: QPainter) -> None:
        first, last = self._ends
        font = painter.font()
        font.setPointSizeF(max(font.pointSizeF() * 0.85, 6.0))
        painter.setFont(font)
        metrics = painter.fontMetrics()
        label = metrics.horizontalAdvance(str(last)) + 3 * UNIT
        per_frame = self._room / (last - first + 1)
        step = next((step for step in TICK_STEPS if step * per_frame >= label), last - first + 1)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        quiet = QColor(text)
        quiet.setAlpha(150)
        flag = self._flag(painter)
        ticks = {first, last, *range(first - first % step + step, last, step)}
        taken = [flag]
        for frame in sorted(ticks, key=lambda each: (each not in (first, last), each)):
            middle = self.left_of(frame) + per_frame / 2
            painter.setPen(QPen(quiet, 1))
            painter.drawLine(QPointF(middle, RULER - UNIT), QPointF(middle, RULER - 1))
            width = metrics.horizontalAdvance(str(frame))
            left = min(max(middle - width / 2, UNIT), self.width() - width - UNIT)
            box = QRectF(left, 0, width, RULER - UNIT)
            if not any(box.adjusted(-UNIT, 0, UNIT, 0).intersects(other) for other in taken):
                painter.setPen(quiet)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(frame))
                taken.append(box)

    def _draw_keyframes(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(self.palette().color(QPalette.ColorRole.WindowText))
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Window), 1))
        half = UNIT
        for frame in self._keyframes:
            cell = self._cells(frame, frame, RULER, LANE)
            x, y = cell.center().x(), cell.center().y()
            corners = ((x, y - half), (x + half, y), (x, y + half), (x - half, y))
            painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_marks(self, painter: QPainter) -> None:
        if self._marks is None:
            return
        veil = self.palette().color(QPalette.ColorRole.Window)
        veil.setAlpha(170)
        inside = self._cells(*self._marks, 0, HEIGHT)
        for left, right in ((0.0, inside.left()), (inside.right(), float(self.width()))):
            painter.fillRect(QRectF(left, RULER - UNIT, right - left, HEIGHT), veil)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), 2))
        for x, inward in ((inside.left(), UNIT), (inside.right(), -UNIT)):
            top, bottom = RULER - 3, RULER + LANE + 3
            points = [(x + inward, top), (x, top), (x, bottom), (x + inward, bottom)]
            painter.drawPolyline([QPointF(*point) for point in points])

    def _draw_stretch(self, painter: QPainter) -> None:
        if self._stretch is None:
            return
        palette = self.palette()
        accent = palette.color(QPalette.ColorRole.Highlight)
        cells = self._cells(*self._stretch, RULER - 3, LANE + 6)
        fill = QColor(accent)
        fill.setAlpha(90)
        painter.fillRect(cells, fill)
        painter.setPen(QPen(accent, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(cells)
        pin = icon("pin", palette, QPalette.ColorRole.WindowText)
        for frame in self._pins:
            middle = self._cells(frame, frame, RULER, LANE).center()
            # Beside the stretch even where its neighbour's cell is narrower than the pin.
            if frame < self._stretch[0]:
                middle.setX(min(middle.x(), cells.left() - 8))
            else:
                middle.setX(max(middle.x(), cells.right() + 8))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.color(QPalette.ColorRole.Window))
            painter.drawEllipse(middle, 8.0, 8.0)
            pin.paint(painter, QRectF(middle.x() - 7, middle.y() - 7, 14, 14).toRect())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _flag(self, painter: QPainter) -> QRectF:
        """Where the playhead's number stands."""
        width = painter.fontMetrics().horizontalAdvance(str(self._frame)) + 2.0 * UNIT
        middle = self._cells(self._frame, self._frame, 0, 1).center().x()
        left = min(max(middle - width / 2, 0.0), self.width() - width)
        return QRectF(left, 0, width, RULER - UNIT)

    def _draw_playhead(self, painter: QPainter) -> None:
        palette = self.palette()
        accent = palette.color(QPalette.ColorRole.Highlight)
        middle = self._cells(self._frame, self._frame, 0, 1).center().x()
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Window), 4))
        painter.drawLine(QPointF(middle, RULER - UNIT), QPointF(middle, RULER + LANE + UNIT))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.WindowText), 2))
        painter.drawLine(QPointF(middle, RULER - UNIT), QPointF(middle, RULER + LANE + UNIT))
        flag = self._flag(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawRoundedRect(flag, 3, 3)
        painter.setPen(palette.color(QPalette.ColorRole.HighlightedText))
        painter.drawText(flag, Qt.AlignmentFlag.AlignCenter, str(self._frame))

    # Hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to a frame, begin a stretch, or take hold of the end of one."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = self.frame_at(event.position().x())
        self._moved = False
        if event.position().y() < RULER - 3:
            self._drag = "scrub"
            self.scrubbed.emit(at)
            return
        self._drag = "select"
        far = self._far_end(event.position().x())
        extends = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if far is None and extends:
            far = self._frame if self._stretch is None else self._stretch[0]
        self._anchor = at if far is None else far
        if far is not None:
            self._select(at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a drag."""
        across = event.position().x()
        if self._drag == "scrub":
            self.scrubbed.emit(self.frame_at(across))
        elif self._drag == "select":
            at = self.frame_at(across)
            if self._moved or at != self._anchor:
                self._select(at)
        else:
            holds = event.position().y() >= RULER - 3 and self._far_end(across) is not None
            self.setCursor(Qt.CursorShape.SizeHorCursor if holds else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag; a click on the lane goes there and gives the stretch up."""
        drag, self._drag = self._drag, None
        if drag == "select" and not self._moved:
            if self._stretch is not None:
                self.selected.emit(None)
            self.scrubbed.emit(self.frame_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shift and an arrow grow the stretch from the playhead; Escape gives it up."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if event.key() == Qt.Key.Key_Escape and self._stretch is not None:
            self.selected.emit(None)
        elif step is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            first, last = self._stretch or (self._frame, self._frame)
            fixed, end = (first, last) if self._frame != first or first == last else (last, first)
            end = min(max(end + step, self._ends[0]), self._ends[1])
            self.selected.emit((min(fixed, end), max(fixed, end)))
            self.scrubbed.emit(end)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Tell of the frame under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._tip(event), self)
            return True
        return super().event(event)

    def _tip(self, event: QHelpEvent) -> str:
        ruler = event.pos().y() < RULER - 3
        does = "Drag to scrub." if ruler else "Drag to select a stretch to edit again."
        return f"{self.state_sentence(self.frame_at(event.pos().x()))}\n{does}"

    def _select(self, at: int) -> None:
        self._moved = True
        self.selected.emit((min(self._anchor, at), max(self._anchor, at)))

    def _far_end(self, across: float) -> int | None:
        """Return the end of the stretch that stays when the one under the cursor is dragged."""
        if self._stretch is None:
            return None
        cells = self._cells(*self._stretch, 0, 1)
        if abs(across - cells.left()) <= EDGE:
            return self._stretch[1]
        if abs(across - cells.right()) <= EDGE:
            return self._stretch[0]
        return None
