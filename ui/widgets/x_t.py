"""The x-t slice: one line of the picture over time, plate above edit.

Time runs from left to right, one column per frame, as in the timeline; a column is the line's
pixels from its start at the top to its end. What stands still in the plate draws calm streaks along
time; flicker is a ripple across them that the plate does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, degrees, hypot, sqrt
from typing import cast

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.widgets.canvas import Line
from ui.widgets.canvas_drawing import INK, SURROUND, draw_label, draw_note
from ui.widgets.grade import graded

SAMPLES = 256
"""Rows of a slice: enough for a line across any panel."""
MOST_COLUMNS = 400
"""Frames shown at a time. They are neighbours, always: skipping some would hide flicker."""
RIPPLE_STEP = 4
"""Of the rows of a slice, so many apart are measured: the others lie too near to tell more."""
SETTLE_MS = 200
"""Slices are measured when no column has come for so long."""
GAP = 2
MARGIN = 8
"""That of the timeline: a frame's column stands above the frame's place there."""
WAITING = QColor(58, 58, 58)


class Slice:
    """The slice of one run of pictures, filled in as they come.

    Parameters
    ----------
    frames
        The columns.
    """

    def __init__(self, frames: Sequence[int] = ()) -> None:
        self._columns = {frame: column for column, frame in enumerate(frames)}
        self._filled: set[int] = set()
        self.image = QImage(max(len(frames), 1), SAMPLES, QImage.Format.Format_RGB32)
        self.clear()

    @property
    def missing(self) -> list[int]:
        """Frames whose columns are still empty."""
        return [frame for frame in self._columns if frame not in self._filled]

    def clear(self) -> None:
        """Empty all columns: the line is another."""
        self._filled.clear()
        self.image.fill(WAITING)

    def put(self, frame: int, picture: QImage, line: Line, plate: tuple[int, int]) -> None:
        """Draw a frame's pixels under the line into its column.

        Parameters
        ----------
        picture
            The frame, at any size.
        line
            In plate pixels.
        plate
            Size of the plate.
        """
        column = self._columns.get(frame)
        if column is None:
            return
        across, down = picture.width() / plate[0], picture.height() / plate[1]
        (x0, y0), (x1, y1) = line
        step = (x1 - x0) * across, (y1 - y0) * down
        painter = QPainter(self.image)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setClipRect(column, 0, 1, SAMPLES)
        painter.fillRect(column, 0, 1, SAMPLES, WAITING)
        # The picture is turned until the line points down, and stretched until it fills the column.
        painter.translate(column + 0.5, 0)
        painter.scale(1, SAMPLES / max(hypot(*step), 1e-3))
        painter.rotate(90 - degrees(atan2(step[1], step[0])))
        painter.drawImage(QPointF(-x0 * across, -y0 * down), picture)
        painter.end()
        self._filled.add(frame)

    def ripple(self) -> float | None:
        """Measure how restless the slice is.

        Each pixel is compared with the mean of the two that stand beside it in time: what moves
        steadily changes little, what comes and goes with a single frame changes most.

        Returns
        -------
        float or None
            The root mean square of these differences in per cent of white, as displayed, over
            every `RIPPLE_STEP`-th row; None where no three neighbours are here.
        """
        columns = [
            column
            for frame, column in self._columns.items()
            if {frame - 1, frame, frame + 1} <= self._filled
        ]
        if not columns:
            return None
        grey = self.image.convertToFormat(QImage.Format.Format_Grayscale8)
        total = 0
        for y in range(0, SAMPLES, RIPPLE_STEP):
            row = cast(memoryview, grey.constScanLine(y))
            total += sum((2 * row[x] - row[x - 1] - row[x + 1]) ** 2 for x in columns)
        count = len(columns) * len(range(0, SAMPLES, RIPPLE_STEP))
        return float(sqrt(total / count) / 2 / 255 * 100)


class XTView(QWidget):
    """Slices above each other, with the playhead across them; a click goes to a frame."""

    chosen = Signal(int)
    """A frame was clicked or dragged to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frames: list[int] = []
        self._line: Line | None = None
        self._plate = (16, 9)
        self._names: tuple[str, ...] = ()
        self._slices: list[Slice] = []
        self._asked: tuple[object, ...] = ()
        self._frame = 0
        self._grade = (0.0, 1.0)
        self._ripples: list[float | None] = []
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._settling.timeout.connect(self.measure)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("x-t slice")
        self.setToolTip(
            "The line in the viewer over time: flicker is a ripple that the plate does not have.\n"
            "Ripple: by how much frames differ from the mean of their neighbours along the line, "
            "in per cent of white as displayed. Motion ripples too: hold the edit's against the "
            "plate's."
        )

    def sizeHint(self) -> QSize:
        """Ask for room for two strips."""
        return QSize(320, 140)

    def minimumSizeHint(self) -> QSize:
        """Two strips that still tell something."""
        return QSize(160, 80)

    def show_line(
        self,
        line: Line | None,
        plate: tuple[int, int],
        frames: Sequence[int],
        names: Sequence[str],
        keys: Sequence[object] = (),
    ) -> None:
        """Begin slices of these frames along a line, one for each name, all empty.

        Parameters
        ----------
        line, plate
            In pixels of the plate, and its size.
        keys
            What else makes the slices others: revisions of the pictures. Where nothing differs
            from what is shown already, that stays.
        """
        asked = (line, plate, list(frames), tuple(names), tuple(keys))
        if asked == self._asked:
            return
        self._asked = asked
        self._line, self._plate, self._frames, self._names, _ = asked
        self._slices = [Slice(self._frames) for _ in self._names]
        self._ripples = [None for _ in self._names]
        self.update()

    def missing(self, row: int) -> list[int]:
        """Frames that a slice still waits for."""
        return self._slices[row].missing if self._line is not None else []

    def put(self, row: int, frame: int, picture: QImage) -> None:
        """Fill the column of a frame."""
        if self._line is not None:
            self._slices[row].put(frame, picture, self._line, self._plate)
            self._ripples[row] = None
            self._settling.start()
            self.update()

    def measure(self) -> None:
        """Work out the number of each slice."""
        self._ripples = [each.ripple() for each in self._slices]
        self.update()

    def ripple(self, row: int) -> float | None:
        """Return what was measured of a slice: per cent of white; None while columns come."""
        return self._ripples[row]

    def set_frame(self, frame: int) -> None:
        """Move the playhead."""
        self._frame = frame
        self.update()

    def set_grade(self, exposure: float, gamma: float) -> None:
        """Look at the slices as at the pictures."""
        self._grade = (exposure, gamma)
        self.update()

    def slice(self, row: int) -> QImage:
        """Return a slice, one pixel wide per frame."""
        return self._slices[row].image

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the slices, their names and the playhead."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), SURROUND)
        whole = QRectF(self.rect())
        if self._line is None:
            draw_note(painter, whole, "Drag a line in the viewer to see it over time.")
        else:
            for row, part in enumerate(self._rows()):
                image = graded(self._slices[row].image, *self._grade)
                painter.drawImage(QRectF(part), image, QRectF(image.rect()))
            self._draw_playhead(painter)
            for row, part in enumerate(self._rows()):
                draw_label(painter, QRectF(part), self._label(row))
        painter.end()

    def _label(self, row: int) -> str:
        missing = len(self._slices[row].missing)
        waits = f" · {missing} of {len(self._frames)} frames not here" if missing else ""
        ripple = self._ripples[row]
        number = f" · ripple {ripple:.1f} %" if ripple is not None else ""
        return self._names[row] + number + waits

    def _rows(self) -> list[QRect]:
        count = max(len(self._slices), 1)
        height = (self.height() - GAP * (count - 1)) // count
        width = max(self.width() - 2 * MARGIN, 1)
        return [QRect(MARGIN, (height + GAP) * row, width, height) for row in range(count)]

    def _draw_playhead(self, painter: QPainter) -> None:
        if self._frame not in self._frames:
            return
        width = (self.width() - 2 * MARGIN) / len(self._frames)
        left = MARGIN + self._frames.index(self._frame) * width
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 160), 3))
        column = QRectF(left, 0.5, max(width, 2.0), self.height() - 1.0)
        painter.drawRect(column)
        painter.setPen(QPen(INK, 1))
        painter.drawRect(column)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the frame under the cursor."""
        self._choose(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._choose(event)

    def _choose(self, event: QMouseEvent) -> None:
        if self._frames and self._line is not None:
            room = max(self.width() - 2 * MARGIN, 1)
            column = int((event.position().x() - MARGIN) * len(self._frames) / room)
            self.chosen.emit(self._frames[min(max(column, 0), len(self._frames) - 1)])


def window(frames: Sequence[int], at: int) -> list[int]:
    """Return the columns: first to last frame, holes too, or so many about the playhead."""
    if not frames:
        return []
    first, last = frames[0], frames[-1]
    if last - first < MOST_COLUMNS:
        return list(range(first, last + 1))
    # In steps of half a window, so that the slice is not begun anew at every frame.
    half = MOST_COLUMNS // 2
    start = first + (at - first) // half * half - half // 2
    start = min(max(start, first), last + 1 - MOST_COLUMNS)
    return list(range(start, start + MOST_COLUMNS))
