"""Work that must not hold up the thread that draws: service calls, files, pictures.

A `Runner` does the work elsewhere and brings the answer back to the thread that draws. Whoever
asked keeps the ticket: cancelled, the answer is dropped, whatever the work is doing by then.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from functools import partial
from queue import PriorityQueue
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

Lane: TypeAlias = Literal["calls", "pictures", "files"]
"""Threads for different work, so that none holds up another.

A hundred slow pictures delay no click, and a service that hangs delays no preset. Files are read
and written by one thread in the order asked for; what was asked for before the end is still
written.
"""

Failed: TypeAlias = Callable[[Exception], None]
Deliver: TypeAlias = Callable[[Callable[[], None]], None]

THREADS: dict[Lane, int] = {"calls": 3, "pictures": 4, "files": 1}

CLOSE_SECONDS = 0.2
"""How long a closing panel waits for its files to be written."""


class Ticket:
    """What came of a request: still wanted, or not. Any thread may look."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the answer any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Drop the answer, and the work too if it has not begun."""
        self._cancelled.set()


class Runner(Protocol):
    """Does work elsewhere; everything that it calls back runs in the thread that draws."""

    def run(
        self,
        work: Callable[[], T],
        answer: Callable[[T], None],
        failed: Failed | None = None,
        *,
        lane: Lane = "calls",
    ) -> Ticket:
        """Do `work` elsewhere, then call `answer` with what it returned or `failed`."""

    def stream(
        self,
        items: Callable[[], Iterator[T]],
        item: Callable[[T], None],
        ended: Callable[[], None],
        failed: Failed | None = None,
    ) -> Ticket:
        """Read an iterator to its end in a thread of its own, and call `item` with each."""

    def later(self, seconds: float, call: Callable[[], None]) -> Ticket:
        """Call something after a while."""

    def close(self) -> None:
        """Cancel everything but writing; returns at once, whatever hangs."""


class Latest:
    """Asks again and again for the same thing; only the answer to the last request counts."""

    def __init__(self, runner: Runner, lane: Lane = "calls") -> None:
        self._runner = runner
        self._lane = lane
        self._ticket: Ticket | None = None

    def run(
        self, work: Callable[[], T], answer: Callable[[T], None], failed: Failed | None = None
    ) -> Ticket:
        """Do `work`; the answer to any request before it is dropped."""
        self.cancel()
        self._ticket = self._runner.run(work, answer, failed, lane=self._lane)
        return self._ticket

    def later(self, seconds: float, call: Callable[[], None]) -> Ticket:
        """Call something after a while, unless something else is asked for before."""
        self.cancel()
        self._ticket = self._runner.later(seconds, call)
        return self._ticket

    def cancel(self) -> None:
        """Want no answer any more."""
        if self._ticket is not None:
            self._ticket.cancel()
            self._ticket = None


class Threads:
    """The threads behind a runner: few, started when needed, never in the way of an exit.

    They are daemons. Neither `QThreadPool` nor `concurrent.futures` will do: both wait for every
    call at the end of the process, and one that hangs on a lost service would hang the host.

    Parameters
    ----------
    deliver
        Calls something in the thread that draws; any thread may call it.
    """

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._queues: dict[Lane, PriorityQueue[tuple[int, Callable[[], None] | None]]] = {
            lane: PriorityQueue() for lane in THREADS
        }
        self._started: dict[Lane, int] = dict.fromkeys(THREADS, 0)
        self._waiting: dict[Lane, int] = dict.fromkeys(THREADS, 0)
        self._lock = threading.Lock()
        self._number = itertools.count()
        self._tickets: set[Ticket] = set()
        self._closed = False
        self._filed = threading.Event()

    def run(
        self,
        work: Callable[[], T],
        answer: Callable[[T], None],
        failed: Failed | None,
        lane: Lane,
    ) -> Ticket:
        """See `Runner.run`."""
        ticket = self._issue()

        def do() -> None:
            try:
                if ticket.cancelled and not (lane == "files" and self._closed):
                    return
                outcome: Callable[[], None] = _outcome(work, answer, failed)
                self._bring(ticket, outcome)
            finally:
                self._forget(ticket)

        if not self._closed:
            self._submit(lane, do)
        return ticket

    def stream(
        self,
        items: Callable[[], Iterator[T]],
        item: Callable[[T], None],
        ended: Callable[[], None],
        failed: Failed | None,
    ) -> Ticket:
        """See `Runner.stream`."""
        ticket = self._issue()

        def read() -> None:
            try:
                for each in _while_wanted(ticket, items):
                    self._bring(ticket, partial(item, each))
                self._bring(ticket, ended)
            except Exception as error:
                # Whatever it is, whoever asked must hear of it.
                self._bring(ticket, _told(error, failed))
            finally:
                self._forget(ticket)

        if not self._closed:
            threading.Thread(target=read, name="tokenflow-events", daemon=True).start()
        return ticket

    def close(self) -> None:
        """Cancel everything but writing, and let the threads end; waits for none that hangs."""
        with self._lock:
            self._closed = True
            tickets, self._tickets = self._tickets, set()
            started = dict(self._started)
        for ticket in tickets:
            ticket.cancel()
        for lane, count in started.items():
            for _ in range(count):
                self._queues[lane].put((next(self._number), None))
        if started["files"]:
            self._filed.wait(CLOSE_SECONDS)

    def _issue(self) -> Ticket:
        ticket = Ticket()
        with self._lock:
            if self._closed:
                ticket.cancel()
            else:
                self._tickets.add(ticket)
        return ticket

    def _forget(self, ticket: Ticket) -> None:
        with self._lock:
            self._tickets.discard(ticket)

    def _bring(self, ticket: Ticket, outcome: Callable[[], None]) -> None:
        def bring() -> None:
            if not ticket.cancelled:
                outcome()

        if not ticket.cancelled:
            self._deliver(bring)

    def _submit(self, lane: Lane, do: Callable[[], None]) -> None:
        with self._lock:
            self._waiting[lane] += 1
            busy = self._waiting[lane] > self._started[lane]
            start = busy and self._started[lane] < THREADS[lane]
            self._started[lane] += start
            self._queues[lane].put((next(self._number), do))
        if start:
            name = f"tokenflow-{lane}"
            threading.Thread(target=self._work, args=(lane,), name=name, daemon=True).start()

    def _work(self, lane: Lane) -> None:
        while True:
            _, do = self._queues[lane].get()
            if do is None:
                if lane == "files":
                    self._filed.set()
                return
            try:
                do()
            finally:
                with self._lock:
                    self._waiting[lane] -= 1


def _while_wanted(ticket: Ticket, items: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Yield items until nobody wants them any more; the iterator is closed then."""
    found = items()
    try:
        for each in found:
            if ticket.cancelled:
                return
            yield each
    finally:
        close = getattr(found, "close", None)
        if close is not None:
            close()


def _outcome(
    work: Callable[[], T], answer: Callable[[T], None], failed: Failed | None
) -> Callable[[], None]:
    """Do the work, and return what is to be called with its answer or its error."""
    try:
        result = work()
    except Exception as error:
        # Whatever it is, whoever asked must hear of it.
        return _told(error, failed)
    return lambda: answer(result)


def _told(error: Exception, failed: Failed | None) -> Callable[[], None]:
    if failed is not None:
        return lambda: failed(error)

    def raise_it() -> None:
        raise error

    return raise_it


class ManualRunner:
    """Runs when it is told to, in the thread that tells it: for tests and for the gallery.

    `time` is its own; `advance` moves it. A stream gives as many items as it has each time that
    `run_all` comes to it; one whose next item has to be waited for would wait.
    """

    def __init__(self) -> None:
        self.time = 0.0
        self._works: list[tuple[Lane, Ticket, Callable[[], Callable[[], None]]]] = []
        self._timers: list[tuple[float, int, Ticket, Callable[[], None]]] = []
        self._number = itertools.count()
        self._closed = False

    def run(
        self,
        work: Callable[[], T],
        answer: Callable[[T], None],
        failed: Failed | None = None,
        *,
        lane: Lane = "calls",
    ) -> Ticket:
        """See `Runner.run`."""
        return self._add(lambda: _outcome(work, answer, failed), lane)

    def stream(
        self,
        items: Callable[[], Iterator[T]],
        item: Callable[[T], None],
        ended: Callable[[], None],
        failed: Failed | None = None,
    ) -> Ticket:
        """See `Runner.stream`."""

        def read() -> None:
            for each in _while_wanted(ticket, items):
                item(each)

        def finished(_: Any) -> None:
            ended()

        ticket = self._add(lambda: _outcome(read, finished, failed))
        return ticket

    def later(self, seconds: float, call: Callable[[], None]) -> Ticket:
        """See `Runner.later`."""
        ticket = Ticket()
        if self._closed:
            ticket.cancel()
        self._timers.append((self.time + seconds, next(self._number), ticket, call))
        return ticket

    def close(self) -> None:
        """See `Runner.close`; what is to be written is written now."""
        self._closed = True
        for lane, _, work in self._works:
            if lane == "files":
                work()
        for ticket in [*(work[1] for work in self._works), *(timer[2] for timer in self._timers)]:
            ticket.cancel()

    @property
    def waiting(self) -> int:
        """How many works wait that somebody still wants."""
        return sum(not ticket.cancelled for _, ticket, _ in self._works)

    def run_one(self, index: int = 0) -> None:
        """Do one of the waiting works and bring its answer."""
        _, ticket, work = self._works.pop(index)
        if not ticket.cancelled:
            outcome = work()
            if not ticket.cancelled:
                outcome()

    def run_all(self, limit: int = 1000) -> None:
        """Do what waits, and what that asks for, until nothing waits."""
        while self._works:
            limit -= 1
            if limit < 0:
                raise RuntimeError("the work never ends")
            self.run_one()

    def advance(self, seconds: float) -> None:
        """Move the time on, and do all that falls due on the way."""
        end = self.time + seconds
        self.run_all()
        while due := [timer for timer in self._timers if timer[0] <= end]:
            timer = min(due)[0:2]
            index = next(i for i, each in enumerate(self._timers) if each[:2] == timer)
            at, _, ticket, call = self._timers.pop(index)
            self.time = max(self.time, at)
            if not ticket.cancelled:
                call()
            self.run_all()
        self.time = end

    def _add(self, work: Callable[[], Callable[[], None]], lane: Lane = "calls") -> Ticket:
        ticket = Ticket()
        if self._closed:
            ticket.cancel()
            return ticket
        self._works.append((lane, ticket, work))
        return ticket
