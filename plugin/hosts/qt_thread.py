"""The way into the thread that draws, for hosts whose event loop is Qt's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot

from plugin.hosts.base import in_main_thread


class QtMainThread(QObject):
    """Calls things in the thread that it was made in: the one that draws."""

    _arrived = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._calls: deque[Callable[[], None]] = deque()
        self._arrived.connect(self._turn, Qt.ConnectionType.QueuedConnection)

    def call(self, call: Callable[[], None]) -> None:
        """Call something there; from any thread, returns at once, inline if it is this one."""
        if in_main_thread():
            call()
            return
        self._calls.append(call)
        self._arrived.emit()

    def close(self) -> None:
        """Call nothing more."""
        self._calls.clear()

    @Slot()
    def _turn(self) -> None:
        while self._calls:
            self._calls.popleft()()
