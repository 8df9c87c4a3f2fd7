"""The viewer: pictures, their comparison, the x-t slice, and the rows of tools under them."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from ui.frames import FrameCache, Wanted
from ui.framing import Point
from ui.presenters.shot_facts import ShotFacts
from ui.presenters.viewer import Line, Pixel, PreviewPicture, ViewerPresenter
from ui.widgets import canvas as on_canvas
from ui.widgets.bonds import Bonds
from ui.widgets.canvas import Canvas
from ui.widgets.canvas_drawing import Shown
from ui.widgets.feed import Feed, preview_image
from ui.widgets.slice_feed import SliceFeed
from ui.widgets.theme import UNIT
from ui.widgets.transport import Player, Transport
from ui.widgets.viewer_keys import ViewerKeys
from ui.widgets.viewer_tools import DisplayRow, ViewerTools
from ui.widgets.x_t import XTView

REST_MS = 150
"""The playhead rests when it has not moved for so long."""
AHEAD_MS = 30
"""What will be looked at next is worked out so much later, once for all changes until then."""
RETRY_MS = 2000
"""Between two requests for a frame that is shown and could not be had: it may be written now."""


class ViewerWidget(QWidget):
    """Shows what a presenter says, with pictures from a cache.

    Parameters
    ----------
    presenter
        What is shown and how.
    cache
        Where the pictures come from; shared with the tries.
    """

    def __init__(
        self, presenter: ViewerPresenter, cache: FrameCache, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self._cache = cache
        self.feed = Feed(presenter, cache)
        self.canvas = Canvas()
        self.slice = XTView()
        self.tools = ViewerTools(presenter)
        self.display = DisplayRow(presenter)
        self.transport = Transport(presenter)
        self.player = Player(presenter, self.feed.ready, self)
        self._slice_feed = SliceFeed(presenter, cache, self.slice)
        self._rest = self._single_shot(REST_MS, self._rested)
        self._ahead = self._single_shot(AHEAD_MS, self.feed.ask)
        self._retry = self._single_shot(RETRY_MS, self._ask_again)
        self.keys = ViewerKeys(
            presenter,
            self,
            {
                Qt.Key.Key_1: self._one_to_one,
                Qt.Key.Key_X: self.tools.slice.click,
                Qt.Key.Key_Plus: lambda: self.canvas.zoom_by(on_canvas.ZOOM_STEP),
                Qt.Key.Key_Minus: lambda: self.canvas.zoom_by(1 / on_canvas.ZOOM_STEP),
            },
        )
        self.keys.watch(self, self.canvas)
        self.setAccessibleName("Viewer")
        self._lay_out()
        self._bind()

    def _single_shot(self, milliseconds: int, call: object) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(call)
        return timer

    def _lay_out(self) -> None:
        self.panes = QSplitter(Qt.Orientation.Vertical)
        self.panes.setChildrenCollapsible(False)
        self.panes.setHandleWidth(UNIT)
        self.panes.addWidget(self.canvas)
        self.panes.addWidget(self.slice)
        self.panes.setStretchFactor(0, 1)
        self.panes.setSizes([300, 140])
        rows = QWidget()
        under = QVBoxLayout(rows)
        under.setContentsMargins(UNIT, UNIT, UNIT, 0)
        under.setSpacing(UNIT)
        for widget in (self.tools, self.display, self.transport):
            under.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.panes, 1)
        column.addWidget(rows)
        self.slice.hide()
        self.display.hide()

    def _bind(self) -> None:
        presenter, canvas = self._presenter, self.canvas
        canvas.scrubbed.connect(presenter.step)
        canvas.wipe_moved.connect(presenter.set_wipe)
        canvas.line_drawn.connect(self._line_drawn)
        canvas.hovered.connect(self._hovered)
        canvas.framed.connect(self._framed)
        self.slice.chosen.connect(presenter.go_to)
        self.transport.one_to_one.clicked.connect(lambda _=False: self._one_to_one())
        self.tools.slice.toggled.connect(self._slice_toggled)
        self.tools.display.toggled.connect(self.display.setVisible)
        self.bonds = bonds = Bonds(self)
        bonds.bind(presenter.shot.facts, self._plate_changed)
        bonds.bind(presenter.wipe, canvas.set_wipe)
        for value in (presenter.exposure, presenter.gamma):
            bonds.bind(value, self._grade)
        for share in (presenter.zoom, presenter.scale, presenter.centre):
            bonds.add(share.subscribe(self._frame_canvas))
        for look in (presenter.shown, presenter.message, presenter.compare, presenter.gain):
            bonds.add(look.subscribe(self._changed))
        bonds.bind(presenter.frame, self._moved)
        bonds.bind(presenter.slice_line, self._show_line)
        bonds.bind(presenter.preview, self._show_preview)
        bonds.bind(presenter.pixel, lambda _: self._read_out())
        bonds.bind(presenter.playing, self._playing)
        bonds.add(self._cache.arrived.subscribe(self._arrived))
        bonds.add(self._cache.failed.subscribe(self._failed))
        self._frame_canvas(None)

    # What is shown

    def _plate_changed(self, facts: ShotFacts | None) -> None:
        if facts is not None:
            self.canvas.set_plate(facts.width, facts.height, facts.pixel_aspect)
        self._changed(None)

    def _changed(self, _: object) -> None:
        self.feed.ask_now()
        self._draw()
        if not self._ahead.isActive():
            self._ahead.start()
        if not self.feed.whole and not self._retry.isActive():
            self._retry.start()

    def _moved(self, frame: int) -> None:
        self.feed.resting = False
        self._rest.start()
        self._changed(frame)
        self.slice.set_frame(frame)
        self._slice_feed.ask()

    def _rested(self) -> None:
        self.feed.resting = True
        self.feed.ask()

    def _draw(self) -> None:
        pictures = self.feed.pictures()
        compare = self._presenter.compare.value if len(pictures) == 2 else "single"
        if not pictures:
            message = self._presenter.message.value
            self.canvas.show_pictures(Shown(note=message))
        else:
            self.canvas.show_pictures(
                pictures[0], pictures[1] if len(pictures) == 2 else None, compare
            )
        self._read_out()

    def _arrived(self, wanted: Wanted) -> None:
        if wanted.frame == self._presenter.frame.value:
            self._draw()

    def _failed(self, wanted: Wanted) -> None:
        if wanted.frame == self._presenter.frame.value:
            self._draw()

    def _ask_again(self) -> None:
        """Ask once more for what is shown and not here: it may be written now, or asked in vain."""
        if self.isVisible():
            for source in self._presenter.shown.value:
                self._cache.forget_error(source, self._presenter.frame.value)
            self._changed(None)

    def _show_preview(self, preview: PreviewPicture | None) -> None:
        image = preview_image(preview.png) if preview is not None else None
        text = f"Preview {preview.frame}" if preview is not None else ""
        self.canvas.set_inset(Shown(image, text) if image is not None else None)

    def _grade(self, _: float) -> None:
        grade = self._presenter.exposure.value, self._presenter.gamma.value
        self.canvas.set_grade(*grade)
        self.slice.set_grade(*grade)

    # Framing

    def _one_to_one(self) -> None:
        self.canvas.one_to_one()

    def _framed(self) -> None:
        """Take over what the hands did on the canvas."""
        framing, presenter = self.canvas.framing, self._presenter
        if framing.zoom is None:
            presenter.fit()
        else:
            width, height = framing.plate
            centre = (framing.middle[0] / width, framing.middle[1] / height)
            presenter.zoom_to(framing.zoom * self.canvas.devicePixelRatioF(), centre)
        self._measure()
        self._read_out()

    def _frame_canvas(self, _: object) -> None:
        """Show the presenter's zoom on the canvas."""
        presenter, framing = self._presenter, self.canvas.framing
        if presenter.zoom.value == "fit":
            self.canvas.set_framing(framing.fitted())
            return
        zoom = presenter.scale.value / self.canvas.devicePixelRatioF()
        x, y = presenter.centre.value
        centre = (x * framing.plate[0], y * framing.plate[1])
        self.canvas.set_framing(replace(framing, zoom=zoom, centre=centre))

    def _measure(self) -> None:
        """Ask for other pictures where the screen has room for more pixels."""
        pixels = self.canvas.pixels_needed
        if pixels != self.feed.pixels:
            before = (self.feed.moving_width, self.feed.own_width)
            self.feed.pixels = pixels
            if (self.feed.moving_width, self.feed.own_width) != before:
                self._changed(None)

    # The slice

    def _slice_toggled(self, on: bool) -> None:
        self.canvas.set_drawing(on)
        self.slice.setVisible(on)
        if not on:
            self._presenter.set_slice(None)

    def _line_drawn(self, line: on_canvas.Line) -> None:
        (x1, y1), (x2, y2) = line
        width, height = self.canvas.framing.plate
        self._presenter.set_slice(Line(x1 / width, y1 / height, x2 / width, y2 / height))

    def _show_line(self, line: Line | None) -> None:
        width, height = self.canvas.framing.plate
        if line is None:
            self.canvas.set_line(None)
        else:
            self.tools.slice.setChecked(True)
            ends = ((line.x1 * width, line.y1 * height), (line.x2 * width, line.y2 * height))
            self.canvas.set_line(ends)

    # The read-out

    def _hovered(self, point: Point | None) -> None:
        self._presenter.pixel.set(self._pixel(point) if point is not None else None)

    def _pixel(self, point: Point) -> Pixel | None:
        colours = self.canvas.colours_at(point)
        if not colours:
            return None
        values = tuple((each.red(), each.green(), each.blue()) for each in colours)
        return Pixel(int(point[0]), int(point[1]), values)

    def _read_out(self) -> None:
        playing, pixel = self._presenter.playing.value, self._presenter.pixel.value
        fps = f"{self.player.fps:.1f} fps" if playing and self.player.fps else ""
        percent = f"{self.canvas.percent:.0f} %" if self._presenter.shown.value else ""
        self.transport.zoom.setText(fps or percent)
        text = ""
        if pixel is not None:
            # What a JPEG shows is near the truth; the sign goes when the frame itself is here.
            sign = "" if self.feed.exact() else "≈ "
            values = "  |  ".join(" ".join(map(str, each)) for each in pixel.values)
            text = f"x {pixel.x}  y {pixel.y}  ·  {sign}{values}"
        self.canvas.set_readout(text)

    def _playing(self, speed: int) -> None:
        if not speed:
            self._rest.start()
        self.feed.ask()
        self._read_out()

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        """Measure how large pictures have to be."""
        super().showEvent(event)
        self._measure()
        self._changed(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Escape end the slice."""
        if event.key() == Qt.Key.Key_Escape and self.tools.slice.isChecked():
            self.tools.slice.setChecked(False)
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop playing: nobody looks."""
        self._presenter.stop()
        super().hideEvent(event)
