"""Whether anybody still needs the service: it ends by itself when nobody does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Presence:
    """When somebody with the token was last here; open event streams count all the time.

    Only the event loop changes it; any thread may ask.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._open = 0

    def touch(self) -> None:
        """Note that somebody called."""
        self._last = time.monotonic()

    @contextmanager
    def stay(self) -> Iterator[None]:
        """Count as present while the block runs."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self.touch()

    @property
    def streams(self) -> int:
        """How many event streams are open."""
        return self._open

    @property
    def away(self) -> float:
        """Seconds since the last call ended; 0 while a stream is open."""
        return 0.0 if self._open else time.monotonic() - self._last
