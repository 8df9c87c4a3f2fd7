"""Brings answers into Qt's event loop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from ui.background import Failed, Lane, Threads, Ticket

T = TypeVar("T")


TURN_SECONDS = 0.008
"""How long answers may keep the event loop at a time: half a frame of a screen at 60 Hz."""


class _Door(QObject):
    """Lives in the thread that draws; what any thread sends is called there, in order.

    Thousands of answers may come at once, as when the events of a long job are read from their
    beginning. Qt would deliver all of them before it draws again, so they wait here, and a timer of
    no length lets keys, mouse and painting through between two turns.
    """

    arrived = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._calls: deque[Callable[[], None]] = deque()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._turn)
        self.arrived.connect(self._wake, Qt.ConnectionType.QueuedConnection)

    def bring(self, call: Callable[[], None]) -> None:
        """Let something be called in the thread that draws; any thread may ask."""
        self._calls.append(call)
        self.arrived.emit()

    def end(self) -> None:
        """Call nothing any more."""
        self._calls.clear()
        self._rest.stop()
        self.deleteLater()

    @Slot()
    def _wake(self) -> None:
        if self._calls and not self._rest.isActive():
            self._turn()

    @Slot()
    def _turn(self) -> None:
        end = time.perf_counter() + TURN_SECONDS
        try:
            while self._calls and time.perf_counter() < end:
                self._calls.popleft()()
        finally:
            if self._calls:
                self._rest.start(0)


class QtRunner:
    """The runner of a panel. Made in the thread that draws, closed with the panel."""

    def __init__(self) -> None:
        self._door: _Door | None = _Door()
        self._threads = Threads(self._deliver)
        self._timers: dict[QTimer, Ticket] = {}

    def run(
        self,
        work: Callable[[], T],
        answer: Callable[[T], None],
        failed: Failed | None = None,
        *,
        lane: Lane = "calls",
    ) -> Ticket:
        """See `Runner.run`."""
        return self._threads.run(work, answer, failed, lane)

    def stream(
        self,
        items: Callable[[], Iterator[T]],
        item: Callable[[T], None],
        ended: Callable[[], None],
        failed: Failed | None = None,
    ) -> Ticket:
        """See `Runner.stream`."""
        return self._threads.stream(items, item, ended, failed)

    def later(self, seconds: float, call: Callable[[], None]) -> Ticket:
        """See `Runner.later`."""
        ticket = Ticket()
        door = self._door
        if door is None:
            ticket.cancel()
            return ticket
        timer = QTimer(door)
        timer.setSingleShot(True)

        def due() -> None:
            del self._timers[timer]
            timer.deleteLater()
            if not ticket.cancelled:
                call()

        timer.timeout.connect(due)
        self._timers[timer] = ticket
        timer.start(round(seconds * 1000))
        return ticket

    def close(self) -> None:
        """See `Runner.close`."""
        self._threads.close()
        timers, self._timers = self._timers, {}
        for timer, ticket in timers.items():
            ticket.cancel()
            timer.stop()
            timer.timeout.disconnect()
        door, self._door = self._door, None
        if door is not None:
            door.end()

    def _deliver(self, call: Callable[[], None]) -> None:
        door = self._door
        if door is None:
            return
        try:
            door.bring(call)
        except RuntimeError:
            # Qt deleted it between the look and the call: nobody is left who wants to know.
            return
