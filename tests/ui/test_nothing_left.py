"""The fixtures of this folder see what they are there to see."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from tests.ui.event_loop import LONGEST_BLOCK_SECONDS, EventLoop

pytest_plugins = ["pytester"]


def test_a_slow_slot_is_seen_as_a_block(event_loop: EventLoop) -> None:
    timer = QTimer(singleShot=True)
    timer.timeout.connect(lambda: time.sleep(4 * LONGEST_BLOCK_SECONDS))
    timer.start(1)
    with pytest.raises(AssertionError, match="stood still"):
        event_loop.turn_for(5 * LONGEST_BLOCK_SECONDS)


def test_an_idle_loop_is_not_blocked(event_loop: EventLoop) -> None:
    event_loop.turn_for(0.2)
    assert event_loop.longest_block < LONGEST_BLOCK_SECONDS


LEAKS = {
    "widgets": "left.append(QWidget()); left[-1].show()",
    "timers": "left.append(QTimer()); left[-1].start(1000)",
    "threads": "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
    "connections": "left.append(socket.create_server(('127.0.0.1', 0)))",
}


def test_what_is_left_behind_fails_the_test(
    pytester: pytest.Pytester, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(repository))
    pytester.makeconftest("from tests.ui.conftest import *")
    tests = "\n".join(f"def test_{name}(qapp):\n    {leak}\n" for name, leak in LEAKS.items())
    pytester.makepyfile(
        "import socket, threading, time\n"
        "from PySide6.QtCore import QTimer\n"
        "from PySide6.QtWidgets import QWidget\n"
        "import tests.ui.conftest\n"
        "tests.ui.conftest.GRACE_SECONDS = 0.2\n"
        f"left = []\n{tests}"
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=len(LEAKS), errors=len(LEAKS))
    for name in LEAKS:
        result.stdout.fnmatch_lines([f"*left behind: *'{name}'*"])
