"""Turns Qt's event loop and measures for how long anything held it up."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

LONGEST_BLOCK_SECONDS = float(os.environ.get("TOKENFLOW_LONGEST_BLOCK", "0.25"))
"""What blocks for as long as this waits for something, on any machine. A quiet one holds 0.05."""
TICK_MILLISECONDS = 2
TASKS = Path("/proc/self/task")
PROCESSORS = Path("/proc/stat")
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
LIMIT_SECONDS = 180.0
"""What does not happen within this does not happen; a busy machine may take long."""


class EventLoop:
    """The loop that draws, and a stop-watch beside it.

    What counts is the time that passes between two looks at the loop, without the time in which a
    thread of this process could have run but other processes, or other machines of the same host,
    had the processor: Linux keeps account of that. It may have been another thread that waited so,
    with Python's lock in its hands.
    """

    def __init__(self, application: QApplication) -> None:
        self._application = application
        self.longest_block = 0.0

    def turn_until(self, happened: Callable[[], object], seconds: float = LIMIT_SECONDS) -> None:
        """Turn the loop until something is so; fail if that takes too long or a turn does."""
        self._turn(happened, seconds)
        assert happened(), f"it did not happen within {seconds} s"
        self._judge()

    def turn_for(self, seconds: float) -> None:
        """Turn the loop for a while; fail if a turn took too long."""
        self._turn(lambda: False, seconds)
        self._judge()

    def measure(self, act: Callable[[], object]) -> float:
        """Do something that a user does and return the seconds that the loop stood still for it."""
        stood = _stop_watch()
        act()
        self.longest_block = max(self.longest_block, stood())
        self._judge()
        return self.longest_block

    def _turn(self, happened: Callable[[], object], seconds: float) -> None:
        end = time.monotonic() + seconds
        # Wakes the loop, so that a turn without any event is short.
        waker = QTimer()
        waker.start(TICK_MILLISECONDS)
        while not happened() and time.monotonic() < end:
            stood = _stop_watch()
            flags = QEventLoop.ProcessEventsFlag.AllEvents
            self._application.processEvents(flags | QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            self.longest_block = max(self.longest_block, stood())
        waker.stop()

    def _judge(self) -> None:
        allowed = LONGEST_BLOCK_SECONDS
        assert self.longest_block < allowed, f"the loop stood still for {self.longest_block:.3f} s"


def _stop_watch() -> Callable[[], float]:
    """Return what tells the seconds since now in which this process had a processor or slept."""
    begun, before, stolen_before = time.monotonic(), _waits(), _stolen()

    def read() -> float:
        passed, now = time.monotonic() - begun, _waits()
        waited = sum(waited - before.get(task, 0.0) for task, waited in now.items())
        return passed - waited - max(map(float.__sub__, _stolen(), stolen_before))

    return read


def _waits() -> dict[str, float]:
    """Return how long each thread has waited for a processor in its life, in seconds."""
    found = {}
    for account in TASKS.glob("*/schedstat"):
        with suppress(OSError):  # the thread has ended since
            found[account.parent.name] = int(account.read_text().split()[1]) / 1e9
    return found


def _stolen() -> list[float]:
    """Return for how long the host kept each processor from this machine, in seconds: proc(5)."""
    lines = (line.split() for line in PROCESSORS.read_text().splitlines())
    return [int(one[8]) * TICK_SECONDS for one in lines if re.fullmatch(r"cpu\d+", one[0])]
