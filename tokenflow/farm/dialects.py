"""Progress in the words of render farms.

A farm reads the standard output of a task line by line. How much of a whole job is done is weighed
by cost, never goes back, and is said again from a timer when nothing has happened for a while:
farms end tasks that fall silent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from ocio.errors import OcioError
from tokenflow.errors import TokenFlowError
from tokenflow.events import Event, FrameWritten, JobWarning, Preview
from tokenflow.job import EditJob
from tokenflow.service.progress import JobProgress

Dialect = Literal["openjd", "deadline", "tractor"]

BEAT = 25.0
"""Seconds of silence after which a line is said again; farms are asked to wait for 30 at least."""

_LOOK = 0.5  # seconds between two looks at the clock


def progress_lines(dialect: Dialect, percent: float, status: str) -> list[str]:
    """Say how far a job is.

    `openjd`: Open Job Description, *How Jobs Are Run*, stdout messages; values beyond 0 to 100 are
    errors there. `deadline`: what its stdout handlers look for. `tractor`: Pixar's
    ``TR_PROGRESS``, three digits.
    """
    percent = min(max(percent, 0.0), 100.0)
    if dialect == "openjd":
        return [f"openjd_progress: {percent:.1f}", f"openjd_status: {status}"]
    if dialect == "deadline":
        return [f"Progress: {int(percent)}%"]
    return [f"TR_PROGRESS {int(percent):03d}%"]


def end_lines(dialect: Dialect, error: OcioError | TokenFlowError | None) -> list[str]:
    """Say how a task ended, in so far as the farm's dialect has words for it."""
    if dialect == "tractor":
        return [f"TR_EXIT_STATUS {error.exit_code if error else 0}"]
    if error is None:
        return []
    return [f"openjd_fail: {error}" if dialect == "openjd" else f"Error: {error}"]


class Repeating(Protocol):
    """Something that shows events and can say its last word again."""

    last: float
    """When it said something, by `time.monotonic`."""

    def __call__(self, event: Event) -> None:
        """Show an event."""
        ...

    def repeat(self) -> None:
        """Say once more where the job stands."""
        ...


class FarmLines:
    """Shows a job as a farm's protocol lines.

    Parameters
    ----------
    dialect
        Of the farm.
    job
        What is run; tells how much work each stage is. None for a single stage that is no job.
    write
        Takes a protocol line.
    log
        Takes a line for people.
    """

    def __init__(
        self,
        dialect: Dialect,
        job: EditJob | None,
        write: Callable[[str], None],
        log: Callable[[str], None],
    ) -> None:
        self.dialect, self.write, self.log = dialect, write, log
        self.progress = JobProgress(job)
        self.last = 0.0
        self.percent, self.status = 0.0, "begins"
        self._said: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, JobWarning):
            # After a word of ours: no line of a log may look like one of the protocol.
            self.log(f"note: {event.message}")
        if isinstance(event, Preview | FrameWritten):
            return
        heard = self.progress.heard(event.to_json())
        if heard is None:
            return
        self.percent = 100 * heard["fraction"]
        self.status = " ".join(filter(None, (heard["stage"], heard["detail"]))) or "done"
        self._say(self._lines())

    def repeat(self) -> None:
        """Say once more where the job stands."""
        self._said = []
        self._say(self._lines())

    def end(self, error: OcioError | TokenFlowError | None) -> None:
        """Say how the task ended."""
        self._say(end_lines(self.dialect, error))

    def _lines(self) -> list[str]:
        return progress_lines(self.dialect, self.percent, self.status)

    def _say(self, lines: list[str]) -> None:
        with self._lock:
            new = [line for line in lines if line not in self._said]
            for line in new:
                self.write(" ".join(line.split()))
            if new:
                self._said, self.last = lines, time.monotonic()


@contextmanager
def beating(shown: Repeating, every: float = BEAT) -> Iterator[None]:
    """Let a timer repeat the last word of what is shown, whenever it was silent for `every` s."""
    shown.last = time.monotonic()
    over = threading.Event()

    def beat() -> None:
        while not over.wait(min(_LOOK, every)):
            if time.monotonic() - shown.last >= every:
                shown.last = time.monotonic()
                shown.repeat()

    timer = threading.Thread(target=beat, name="heartbeat", daemon=True)
    timer.start()
    try:
        yield
    finally:
        over.set()
        timer.join()
