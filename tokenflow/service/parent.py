"""The child's end of the pipes to the service: JSON lines in, JSON lines out, death together.

Standard library only and quick to import, so that a child is bound to its parent before it loads
anything heavy.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h

Message = dict[str, Any]


def die_with_parent() -> None:
    """Ask the system to kill this process when the one that started it dies; Linux only.

    The end of standard input tells the same everywhere, but not to a process that is deep in a
    library's native code.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Parent:
    """The line to the parent.

    Made first of all: from then on whatever a library prints to standard output goes to standard
    error, and the process ends at once when the parent closes its end.

    Parameters
    ----------
    urgent
        Sees each message first, in the listening thread; what it answers True to is not given out
        again.
    """

    def __init__(self, urgent: Callable[[Message], bool] = lambda message: False) -> None:
        die_with_parent()
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._in = os.fdopen(os.dup(0), "r", encoding="utf-8")
        os.dup2(2, 1)
        with open(os.devnull) as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 0)
        self._urgent = urgent
        self._speaking = threading.Lock()
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message, from any thread."""
        line = json.dumps(dict(message), ensure_ascii=False) + "\n"
        with self._speaking:
            try:
                self._out.write(line)
                self._out.flush()
            except OSError:
                os._exit(0)  # nobody listens

    def next(self) -> Message:
        """Wait for the next message."""
        return self._messages.get()

    def _listen(self) -> None:
        for line in self._in:
            message = json.loads(line)
            if not self._urgent(message):
                self._messages.put(message)
        os._exit(0)
