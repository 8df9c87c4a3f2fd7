"""A service that a test may hurt: with user folders, a queue and processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from tokenflow.client import HttpClient
from tokenflow.runtime import Runtime, ensure, is_held, own_argv, read_runtime, stop

LONG = 180.0  # seconds after which a test gives up


class OwnService:
    """Started, killed and found again as a test likes; `folder` is its `TOKENFLOW_HOME`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "runtime/service.json"
        self.log = folder / "log/service.log"
        self.options = ["--device", "cpu", "--root", str(folder.parent)]

    def argv(self, *options: str) -> list[str]:
        """What starts it."""
        return [*own_argv(), *self.options, *(options or ("--idle-exit", "3600"))]

    def start(self, *options: str) -> HttpClient:
        """Find it or start it."""
        return ensure(self.argv(*options), self.file)

    @property
    def runtime(self) -> Runtime:
        """What it left."""
        found = read_runtime(self.file)
        assert found is not None
        return found

    @property
    def lives(self) -> bool:
        """Whether its lock is held."""
        return is_held(self.file)

    def processes(self) -> list[psutil.Process]:
        """It and its children."""
        front = psutil.Process(self.runtime.pid)
        return [front, *front.children(recursive=True)]

    def kill(self) -> None:
        """End the front as a crash would."""
        killed = self.runtime
        os.kill(killed.pid, signal.SIGKILL)
        # Somebody may have started the next one by the time that we look.
        self.wait_until(lambda: not self.lives or read_runtime(self.file) != killed)

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `tokenflow serve ARGUMENTS` with its file, in a process group of its own."""
        return subprocess.Popen(
            [*own_argv(), *arguments, "--runtime-file", str(self.file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Tests that run in the background of a shell have it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    @staticmethod
    def wait_until(happened: Callable[[], bool], seconds: float = LONG) -> None:
        """Wait for something, but not for ever."""
        until = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < until, "it never happened"
            time.sleep(0.02)

    def end(self) -> None:
        """Leave nothing behind, nor one that waited to take the place of another."""
        until = time.monotonic() + LONG
        while self.lives:
            assert time.monotonic() < until, "it does not end"
            found = read_runtime(self.file)
            if found is not None:
                with suppress(ProcessLookupError):
                    os.kill(found.pid, signal.SIGCONT)
                stop(self.file)
            time.sleep(0.02)
