"""Answers come through Qt's event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from tests.ui.event_loop import EventLoop
from ui.qt_runner import QtRunner


@pytest.fixture
def runner() -> Iterator[QtRunner]:
    made = QtRunner()
    yield made
    made.close()


def test_an_answer_comes_in_the_thread_that_draws(event_loop: EventLoop, runner: QtRunner) -> None:
    heard: list[tuple[int, int]] = []
    runner.run(
        threading.get_ident, lambda elsewhere: heard.append((elsewhere, threading.get_ident()))
    )
    event_loop.turn_until(lambda: bool(heard))
    assert heard[0][1] == threading.get_ident() != heard[0][0]


def test_nothing_is_answered_without_the_event_loop(runner: QtRunner) -> None:
    heard: list[int] = []
    runner.run(lambda: 1, heard.append)
    time.sleep(0.05)
    assert heard == []


def test_a_thousand_answers_at_once_let_the_event_loop_breathe(
    event_loop: EventLoop, runner: QtRunner
) -> None:
    heard, ticks, all_there = list[int](), list[int](), threading.Event()
    pulse = QTimer()
    pulse.timeout.connect(lambda: ticks.append(len(heard)))

    def numbers() -> Iterator[int]:
        yield from range(1000)
        all_there.set()

    def hear(number: int) -> None:
        heard.append(number)
        time.sleep(0.0005)

    runner.stream(numbers, hear, lambda: heard.append(-1))
    assert all_there.wait(60)
    pulse.start(5)
    event_loop.turn_until(lambda: heard[-1:] == [-1])
    pulse.stop()
    assert heard == [*range(1000), -1]
    assert len(ticks) > 20  # of half a second and more of work in turns of 8 ms


def test_an_answer_that_raises_does_not_hold_back_the_next(
    qtbot: QtBot, event_loop: EventLoop, runner: QtRunner
) -> None:
    heard: list[int] = []

    def answer(number: int) -> None:
        heard.append(number)
        if number == 0:
            raise RuntimeError("a fault of ours")

    with qtbot.captureExceptions() as raised:
        runner.stream(lambda: iter(range(3)), answer, lambda: None)
        event_loop.turn_until(lambda: len(heard) == 3)
    assert [str(each[1]) for each in raised] == ["a fault of ours"]


def test_a_timer_falls_due_and_a_cancelled_one_does_not(
    event_loop: EventLoop, runner: QtRunner
) -> None:
    heard: list[str] = []
    runner.later(0.01, lambda: heard.append("due"))
    runner.later(0.01, lambda: heard.append("never")).cancel()
    event_loop.turn_until(lambda: "due" in heard)
    event_loop.turn_for(0.03)
    assert heard == ["due"]


def test_after_closing_nothing_comes(event_loop: EventLoop, runner: QtRunner) -> None:
    heard: list[int] = []
    hang = threading.Event()
    runner.run(lambda: hang.wait(2) or 1, heard.append)
    runner.later(0.01, lambda: heard.append(2))
    runner.close()
    hang.set()
    runner.run(lambda: 3, heard.append)
    runner.later(0.0, lambda: heard.append(4))
    event_loop.turn_for(0.05)
    assert heard == []
