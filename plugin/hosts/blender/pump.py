"""Turns Qt inside Blender, which has no Qt: a timer of Blender lets Qt work now and then.

Qt's own loop (`exec`) is never entered: it would keep Blender's, and a loop inside a loop does not
survive that a file is opened.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

import bpy
from PySide6.QtCore import QEvent, QEventLoop
from PySide6.QtWidgets import QApplication

AWAKE_SECONDS = 0.02
"""Between two turns while a window of ours is open: fifty a second."""

ASLEEP_SECONDS = 0.25
TURN_MS = 20


class Pump:
    """Processes Qt's events from a timer of Blender.

    Parameters
    ----------
    before
        Called at the beginning of each turn.
    """

    def __init__(self, application: QApplication, before: Callable[[], None]) -> None:
        self._application = application
        self._before = before
        self._turning = False
        # Blender knows a timer by its very object, and each look at a method makes another one.
        self._timer = self.turn

    def start(self) -> None:
        """Begin, or begin again: opening a file ends timers that are not persistent."""
        if not self.runs:
            bpy.app.timers.register(self._timer, first_interval=0.0, persistent=True)

    @property
    def runs(self) -> bool:
        """Whether Blender calls it."""
        return bool(bpy.app.timers.is_registered(self._timer))

    def stop(self) -> None:
        """End."""
        if self.runs:
            bpy.app.timers.unregister(self._timer)

    def turn(self) -> float:
        """Let Qt do what there is to do; returns the seconds until the next turn."""
        if not self._turning:
            self._turning = True
            try:
                self._before()
                self._application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, TURN_MS)
                # Without a loop Qt never comes to the point at which it deletes.
                self._application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            except Exception:
                # A timer that raises is a timer that Blender calls no more.
                traceback.print_exc()
            finally:
                self._turning = False
        return AWAKE_SECONDS if _in_sight() else ASLEEP_SECONDS


def _in_sight() -> bool:
    return any(widget.isVisible() for widget in QApplication.topLevelWidgets())
