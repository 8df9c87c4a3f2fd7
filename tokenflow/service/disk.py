"""Threads for what touches the users' disks.

A network disk that is gone holds whoever asks it for minutes. Its callers wait in threads of their
own, so that the queue, which needs threads too, goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 16


class Disk:
    """Runs calls that may hang, at most `THREADS` at once; further ones wait."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(THREADS)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the call returns."""
        return await to_thread.run_sync(lambda: call(*args, **kwargs), limiter=self._limiter)
