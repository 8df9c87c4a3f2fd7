"""A process of the service's own that is talked to in JSON lines: the front's end of the pipes.

The child's end is `tokenflow.service.parent`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

LAST_WORDS = 20  # lines of standard error that are kept to explain an end

log = logging.getLogger(__name__)

# On Linux a child dies with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG), so all are
# started by one thread that lives as long as the process.
_starter = ThreadPoolExecutor(1, "child-starter")

Message = dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """How a child ended.

    Attributes
    ----------
    code
        Exit status; negative is the signal that ended it.
    last_words
        The last lines that it wrote to standard error.
    """

    code: int
    last_words: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """In words, for a sentence that begins with the process."""
        if self.code == -signal.SIGKILL:
            return "was killed, most likely by the system for want of memory"
        if self.code < 0:
            try:
                name = signal.Signals(-self.code).name
            except ValueError:
                name = f"signal {-self.code}"
            return f"crashed ({name})"
        return f"ended by itself with exit code {self.code}"


class Child:
    """A running child.

    Parameters
    ----------
    module
        What ``python -m`` runs.
    arguments
        Of its command line.
    heard
        Called with every message, from the child's own thread.
    ended
        Called once, after the last message.
    environment
        Added to the service's own.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        heard: Callable[[Message], None],
        ended: Callable[[Ending], None],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.module = module
        self._heard, self._ended = heard, ended
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._sending = threading.Lock()
        self._killed = False
        self.process: subprocess.Popen[str] = _starter.submit(
            subprocess.Popen,
            # -P: whatever lies in the folder that the service was started in is no part of it.
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
            encoding="utf-8",
            errors="replace",
        ).result()
        listening = threading.Thread(target=self._listen_to_words, daemon=True)
        listening.start()
        threading.Thread(target=self._pump, args=(listening,), daemon=True).start()

    @property
    def pid(self) -> int:
        """Number of the process, and of its group."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def send(self, message: Mapping[str, Any]) -> bool:
        """Send a message; False if nobody is there to take it."""
        stdin = self.process.stdin
        assert stdin is not None
        with self._sending:
            try:
                stdin.write(json.dumps(dict(message), ensure_ascii=False) + "\n")
                stdin.flush()
            except (OSError, ValueError):
                return False
        return True

    def kill(self, seconds: float = 2.0) -> None:
        """End it at once, with whatever it started, and wait until it is gone."""
        self._killed = True
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            self.process.kill()  # not yet, or no longer, the leader of a group
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            # In a driver's hands; it goes as soon as they let go of it.
            log.warning("process %d of %s does not end", self.pid, self.module)

    def _pump(self, listening: threading.Thread) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                log.warning("%s said something that is no message: %.200r", self.module, line)
                continue
            self._heard(message)
        code = self.process.wait()
        listening.join(1.0)  # a grandchild may hold the pipe
        ending = Ending(code, tuple(self._words))
        if not self._killed:
            log.warning("%s %s", self.module, ending.reason)
        self._close()
        self._ended(ending)

    def _listen_to_words(self) -> None:
        stderr = self.process.stderr
        assert stderr is not None
        with stderr:
            for line in stderr:
                self._words.append(line.rstrip())
                log.info("%s[%d]: %s", self.module.rpartition(".")[2], self.pid, line.rstrip())

    def _close(self) -> None:
        pipes: list[IO[str] | None] = [self.process.stdout, self.process.stdin]
        with self._sending:
            for pipe in pipes:
                try:
                    assert pipe is not None
                    pipe.close()
                except OSError:
                    log.debug("a message was under way when %s ended", self.module)
