"""Jobs that failed for a passing reason and wait before they are tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Waiting:
    """Which jobs wait, and how long.

    In memory only and by the monotonic clock: a wall clock that jumps changes nothing, and a new
    start of the service tries at once.

    Parameters
    ----------
    clock
        Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, job_id: str, seconds: float) -> None:
        """Let a job wait."""
        with self._lock:
            self._due[job_id] = self._clock() + seconds

    def forget(self, job_id: str) -> None:
        """Let a job be tried at once."""
        with self._lock:
            self._due.pop(job_id, None)

    def jobs(self) -> frozenset[str]:
        """Return the jobs whose time has not come."""
        with self._lock:
            now = self._clock()
            self._due = {job_id: due for job_id, due in self._due.items() if due > now}
            return frozenset(self._due)

    def seconds(self) -> float | None:
        """Return how long until the next one's time comes; None if none waits."""
        with self._lock:
            return max(0.0, min(self._due.values()) - self._clock()) if self._due else None
