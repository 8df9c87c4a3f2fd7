"""Step, play and zoom: the row under the picture that says where one is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QSignalBlocker, Qt, QTimer
from PySide6.QtWidgets import QAbstractSpinBox, QHBoxLayout, QLabel, QSpinBox, QWidget

from ocio.frame_range import FrameRange
from ui.presenters.viewer import ViewerPresenter
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import IconButton
from ui.widgets.theme import UNIT

FASTEST_TICK = 8
"""Milliseconds: no screen shows more."""
FPS_FRAMES = 24


class Player(QObject):
    """Moves the playhead at the shot's rate, never past a frame whose picture is not here.

    Every frame is seen, which matters more for judging flicker than the clock; only from twice the
    shot's rate on are frames left out that the screen could not show.

    Parameters
    ----------
    ready
        Whether a frame's pictures are here, or will not come.

    Attributes
    ----------
    fps
        How many frames a second came last; None while nothing plays.
    clock
        Tells the seconds by which it plays.
    """

    def __init__(
        self,
        presenter: ViewerPresenter,
        ready: Callable[[int], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.fps: float | None = None
        self.clock: Callable[[], float] = time.perf_counter
        self._presenter, self._ready = presenter, ready
        self._due = 0.0
        self._times: deque[float] = deque(maxlen=FPS_FRAMES)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self.bonds = Bonds(self)
        self.bonds.bind(presenter.playing, self._play)

    def _play(self, speed: int) -> None:
        self.fps = None
        self._times.clear()
        if not speed:
            self._timer.stop()
            return
        self._due = self.clock() + self._presenter.tick_seconds
        # Twice as often as frames change, so that none is late by more than half of one.
        self._timer.start(max(FASTEST_TICK, int(self._presenter.tick_seconds * 500)))

    def tick(self) -> None:
        """Go on by as many frames as are due."""
        now = self.clock()
        step = self._presenter.tick_seconds
        if now < self._due:
            return
        count = 1 + int((now - self._due) / step)
        fast = abs(self._presenter.playing.value) > 1
        if not self._ready(self._next()):
            self._due = now + step / 2  # no hurry to make up for it afterwards
            return
        self._due = self._due + count * step if fast else max(self._due + step, now)
        self._note(now)
        self._presenter.advance(count if fast else 1)

    def _next(self) -> int:
        presenter = self._presenter
        frames = presenter.frames.value
        if presenter.frame.value not in frames:
            return presenter.frame.value
        sign = 1 if presenter.playing.value > 0 else -1
        return frames[(frames.index(presenter.frame.value) + sign) % len(frames)]

    def _note(self, now: float) -> None:
        self._times.append(now)
        span = self._times[-1] - self._times[0]
        self.fps = (len(self._times) - 1) / span if span > 0 else None


class Transport(QWidget):
    """Buttons to step and play, the frame's number; how large the picture is seen.

    Attributes
    ----------
    zoom
        In per cent; frames per second while something plays.
    one_to_one
        Pressed to see plate pixels as screen pixels.
    """

    def __init__(self, presenter: ViewerPresenter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presenter = presenter
        self.back = IconButton(
            "step-back", "One frame back", hint="Left arrow.", clicked=lambda: presenter.step(-1)
        )
        self.forth = IconButton(
            "step-forward", "One frame on", hint="Right arrow.", clicked=lambda: presenter.step(1)
        )
        self.reverse = IconButton(
            "reverse", "Play backwards", hint="J; again for faster.", clicked=self._reverse
        )
        self.play = IconButton(
            "play", "Play", hint="L or space; K stops.", clicked=presenter.toggle_play
        )
        for button in (self.back, self.forth):
            button.setAutoRepeat(True)
        self.frame = QSpinBox()
        self.frame.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.frame.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.frame.setKeyboardTracking(False)
        self.frame.setAccessibleName("Frame")
        self.frame.setToolTip("The frame that is shown: type another one to go there.")
        self.frame.valueChanged.connect(presenter.go_to)
        self.zoom = QLabel()
        self.one_to_one = IconButton(
            "one-to-one", "1:1", hint="A plate pixel is a screen pixel (1)."
        )
        self.fit = IconButton("fit", "Fit", hint="The whole picture (F).", clicked=presenter.fit)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(UNIT // 2)
        for widget in (self.back, self.frame, self.forth, self.reverse, self.play):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.zoom)
        row.addSpacing(UNIT)
        row.addWidget(self.one_to_one)
        row.addWidget(self.fit)
        self.bonds = bonds = Bonds(self)
        bonds.bind(presenter.frames, self._show_range)
        bonds.bind(presenter.frame, self._show_frame)
        bonds.bind(presenter.playing, self._show_playing)

    def _reverse(self) -> None:
        self._presenter.stop() if self._presenter.playing.value < 0 else self._presenter.play(-1)

    def _show_range(self, frames: FrameRange) -> None:
        with QSignalBlocker(self.frame):
            self.frame.setRange(frames[0] if frames else 0, frames[-1] if frames else 0)
        longest = max((str(end) for end in (frames[:1], frames[-1:])), key=len) if frames else "0"
        width = self.frame.fontMetrics().horizontalAdvance(longest + "00") + 3 * UNIT
        self.frame.setFixedWidth(width)
        for widget in (self.back, self.forth, self.reverse, self.play, self.frame):
            widget.setEnabled(bool(frames))
        self._show_frame(self._presenter.frame.value)

    def _show_frame(self, frame: int) -> None:
        with QSignalBlocker(self.frame):
            self.frame.setValue(frame)

    def _show_playing(self, speed: int) -> None:
        self.play.set_icon("pause" if speed > 0 else "play")
        self.reverse.set_icon("pause" if speed < 0 else "reverse")
