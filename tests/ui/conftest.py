"""Qt without a display, and the rule that a test leaves nothing behind."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from tests.ui.event_loop import EventLoop

GRACE_SECONDS = 20.0
"""How long threads and connections that were told to end may take."""


def _widgets() -> set[int]:
    return {id(widget) for widget in QApplication.topLevelWidgets() if isValid(widget)}


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.is_alive()}


def _timers() -> set[int]:
    found = (each for each in gc.get_objects() if isinstance(each, QTimer))
    return {id(timer) for timer in found if isValid(timer) and timer.isActive()}


def _connections() -> set[tuple[Any, ...]]:
    """Return who talks to whom: what `psutil` says of this process without its passing states."""
    mine = psutil.Process().net_connections(kind="inet")
    return {(each.fd, each.laddr, each.raddr) for each in mine if each.status != "TIME_WAIT"}


@pytest.fixture(scope="session", autouse=True)
def _what_was_there_before_counts_for_nothing() -> Iterator[None]:
    """Spare the objects of other tests (torch's are many) from being looked through each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_is_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a widget, a running timer, a thread or a connection."""
    kinds: dict[str, Callable[[], set[Any]]] = {
        "widgets": _widgets,
        "timers": _timers,
        "threads": _threads,
        "connections": _connections,
    }
    before = {name: look() for name, look in kinds.items()}
    yield
    end = time.monotonic() + GRACE_SECONDS
    while left := {name: new for name, look in kinds.items() if (new := look() - before[name])}:
        if time.monotonic() > end:
            pytest.fail(f"left behind: {left} {_named(left.get('widgets', set()))}")
        gc.collect()
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        qapp.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 10)


def _named(numbers: set[int]) -> list[str]:
    every = [widget for widget in QApplication.topLevelWidgets() if id(widget) in numbers]
    return [widget.objectName() or type(widget).__name__ for widget in every]


@pytest.fixture
def event_loop(qapp: QApplication) -> EventLoop:
    """Turn the event loop while something is awaited, and fail where it was held up."""
    return EventLoop(qapp)
