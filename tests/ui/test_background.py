"""Work elsewhere: answers come where they are awaited, stale and unwanted ones never."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest

from ui import background
from ui.background import THREADS, Latest, ManualRunner, Threads, Ticket


class Drawing:
    """The thread that draws: this test's own, which calls what was delivered."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.threads = Threads(self.calls.put)

    def turn(self, until: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, "nothing came"
            while not self.calls.empty():
                self.calls.get()()
            time.sleep(0.001)

    def settle(self, seconds: float = 0.1) -> None:
        end = time.monotonic() + seconds
        self.turn(lambda: time.monotonic() > end)


@pytest.fixture
def drawing() -> Iterator[Drawing]:
    made = Drawing()
    yield made
    made.threads.close()


def test_work_is_done_elsewhere_and_answered_here(drawing: Drawing) -> None:
    done: list[tuple[int, int]] = []

    def answer(worked_in: int) -> None:
        done.append((worked_in, threading.get_ident()))

    drawing.threads.run(threading.get_ident, answer, None, "calls")
    drawing.turn(lambda: bool(done))
    assert done[0][0] != done[0][1] == threading.get_ident()


def test_an_error_reaches_whoever_asked(drawing: Drawing) -> None:
    failed: list[Exception] = []
    drawing.threads.run(lambda: 1 // 0, lambda _: None, failed.append, "calls")
    drawing.turn(lambda: bool(failed))
    assert isinstance(failed[0], ZeroDivisionError)


def test_an_error_that_nobody_awaits_is_not_silent(drawing: Drawing) -> None:
    drawing.threads.run(lambda: 1 // 0, lambda _: None, None, "calls")
    with pytest.raises(ZeroDivisionError):
        drawing.turn(lambda: False)


def test_the_answer_to_a_cancelled_request_is_dropped_even_if_it_was_on_its_way(
    drawing: Drawing,
) -> None:
    heard: list[int] = []
    ticket = drawing.threads.run(lambda: 1, heard.append, None, "calls")
    while drawing.calls.empty():
        time.sleep(0.001)
    ticket.cancel()
    drawing.settle()
    assert heard == []


def test_pictures_that_hang_hold_up_no_call(drawing: Drawing) -> None:
    hang, heard = threading.Event(), list[str]()
    for _ in range(2 * THREADS["pictures"]):
        drawing.threads.run(lambda: hang.wait(60), lambda _: None, None, "pictures")
    drawing.threads.run(lambda: "there", heard.append, None, "calls")
    drawing.turn(lambda: heard == ["there"])
    hang.set()


def test_no_more_threads_are_started_than_a_lane_has(drawing: Drawing) -> None:
    before, hang, heard = threading.active_count(), threading.Event(), list[bool]()
    for _ in range(20):
        drawing.threads.run(lambda: hang.wait(60), heard.append, None, "calls")
    assert threading.active_count() - before <= THREADS["calls"]
    hang.set()
    drawing.turn(lambda: len(heard) == 20)


def test_closing_returns_at_once_though_a_call_hangs(drawing: Drawing) -> None:
    hang, ended, heard = threading.Event(), threading.Event(), list[None]()

    def call() -> None:
        hang.wait(60)
        ended.set()

    drawing.threads.run(call, heard.append, None, "calls")
    drawing.threads.close()
    assert not ended.is_set()
    hang.set()
    drawing.settle()
    assert heard == []


def test_what_is_to_be_written_is_written_though_the_panel_closes(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for any machine: what is measured is that it waits at all.
    monkeypatch.setattr(background, "CLOSE_SECONDS", 60)
    written: list[int] = []

    def write(number: int) -> None:
        time.sleep(0.01)
        written.append(number)

    for number in range(5):
        drawing.threads.run(lambda n=number: write(n), lambda _: None, None, "files")  # type: ignore[misc]
    drawing.threads.close()
    assert written == [0, 1, 2, 3, 4]


def test_a_stream_gives_its_items_in_order_and_then_its_end(drawing: Drawing) -> None:
    heard: list[object] = []
    drawing.threads.stream(lambda: iter(range(5)), heard.append, lambda: heard.append("end"), None)
    drawing.turn(lambda: "end" in heard)
    assert heard == [0, 1, 2, 3, 4, "end"]


def test_a_stream_that_nobody_wants_any_more_is_closed(drawing: Drawing) -> None:
    closed = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            while True:
                yield 1
                time.sleep(0.001)
        finally:
            closed.set()

    heard: list[int] = []
    ticket = drawing.threads.stream(numbers, heard.append, lambda: None, None)
    drawing.turn(lambda: bool(heard))
    ticket.cancel()
    assert closed.wait(60)


def test_only_the_last_of_many_requests_is_answered() -> None:
    runner, heard = ManualRunner(), list[str]()
    latest = Latest(runner)
    latest.run(lambda: "first", heard.append)
    latest.run(lambda: "second", heard.append)
    runner.run_all()
    assert heard == ["second"]


def test_an_answer_that_overtakes_a_newer_request_is_dropped() -> None:
    runner, heard = ManualRunner(), list[str]()
    latest = Latest(runner)
    tickets: list[Ticket] = []

    def slow() -> str:
        tickets.append(latest.run(lambda: "new", heard.append))
        return "old"

    latest.run(slow, heard.append)
    runner.run_all()
    assert heard == ["new"]


def test_timers_of_the_manual_runner_fall_due_in_order() -> None:
    runner, heard = ManualRunner(), list[tuple[str, float]]()
    runner.later(2, lambda: heard.append(("b", runner.time)))
    runner.later(1, lambda: heard.append(("a", runner.time)))
    runner.later(5, lambda: heard.append(("c", runner.time)))
    runner.advance(3)
    assert heard == [("a", 1), ("b", 2)]
