"""Frames read, merged and written a few at a time, beside what the caller does meanwhile."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

import torch

from ocio.temporary import remove_own_temporaries
from tokenflow.errors import Cancelled

T = TypeVar("T")

MOST_THREADS = 4
"""A frame of 4K takes 0.8 GB while it is merged."""

AHEAD = 4
"""Frames that may wait beside those under way."""

PATIENCE = 0.5
"""Seconds that a stopped run waits for the frames under way."""


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def leaves_cores(device: torch.device) -> bool:
    """Say whether a model that works on the device leaves processors for something else.

    Threads of a model that share a core with others wait for each other at every operation: what is
    done beside it then costs more than it saves.
    """
    return device.type != "cpu" or torch.get_num_threads() < cores()


class FramesAtOnce(Generic[T]):
    """A few threads for work on single frames: OCIO, OpenImageIO and compiled loops run beside.

    Use it as a context manager. Left by an error it waits for the frames under way, and begins no
    others. Left by a stop, it lets frames under way end if they are small; else it leaves them, and
    nothing of them on disk: merging and writing a large frame spends seconds in single calls that
    no signal interrupts.

    Parameters
    ----------
    folder
        Where the work writes, if it does.
    ahead
        Frames that may wait beside those under way; none where each takes much memory.

    Attributes
    ----------
    stopped
        Set by a stop; for work that looks before it writes.
    """

    def __init__(self, folder: Path | None = None, *, ahead: int = AHEAD) -> None:
        self.threads = min(MOST_THREADS, cores())
        self.stopped = threading.Event()
        self._folder = folder
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(self.threads)
        self._begun: deque[tuple[int, Future[T]]] = deque()
        self._taken: Future[T] | None = None

    def __enter__(self) -> FramesAtOnce[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Whoever stops us: a signal is no `Exception`, a listener raises `Cancelled`.
        if kind is not None and (issubclass(kind, Cancelled) or not issubclass(kind, Exception)):
            self._abandon()
        self._pool.shutdown(wait=not self.stopped.is_set(), cancel_futures=True)

    def __len__(self) -> int:
        """How many were begun and not taken."""
        return len(self._begun)

    @property
    def full(self) -> bool:
        """Whether a result should be taken before more is begun, so that memory stays bounded."""
        return len(self) >= self.threads + self._ahead

    def begin(self, frame: int, work: Callable[[], T]) -> None:
        """Begin the work on a frame as soon as a thread is free."""
        self._begun.append((frame, self._pool.submit(work)))

    def oldest(self) -> tuple[int, Future[T]]:
        """Give the frame that was begun first of those left, and what comes of it."""
        frame, self._taken = self._begun.popleft()
        return frame, self._taken

    def rest(self) -> Iterator[tuple[int, Future[T]]]:
        """Give all that are left, in the order in which they were begun."""
        while self:
            yield self.oldest()

    def each(
        self, frames: Iterable[int], work: Callable[[int], T]
    ) -> Iterator[tuple[int, Future[T]]]:
        """Do the same work on many frames; gives them in their order, and lets go of them."""
        for frame in frames:
            if self.full:
                yield self.oldest()
            self.begin(frame, partial(work, frame))
        yield from self.rest()

    def _abandon(self) -> None:
        self.stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        futures = [future for _, future in self._begun] + ([self._taken] if self._taken else [])
        under_way = [future for future in futures if not future.cancelled()]
        if wait(under_way, PATIENCE).not_done and self._folder is not None:
            remove_own_temporaries(self._folder)
