"""The program `tokenflow`, run by tests: in this process, or in its own to get signals."""

from __future__ import annotations

import ctypes
import io
import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

LONG = 180.0  # seconds after which a test gives up on a process


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The last line of standard error, where the one line about what went wrong stands."""
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""


class Process:
    """One run of the program in a process of its own, its output in files.

    Started from a server that has the libraries loaded, since loading them takes longer than all
    that the tests do. That server keeps the environment of its own beginning, so each process is
    given the one that the test has.

    Parameters
    ----------
    halt
        Fields of an event of ``--progress json``: the process stands still as soon as it has told
        of one that has them, until it is told to `go_on` or sent a signal. So that comes then,
        however quick the rest would be and however slow the test is.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Iterable[str],
        halt: Mapping[str, Any] | None = None,
        **limits: int,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tokenflow.cli.door", "tokenflow.pipeline"])
        self._process = context.Process(
            target=_main, args=(str(folder), [*map(str, arguments)], dict(os.environ), halt, limits)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def events(self) -> list[dict[str, Any]]:
        """Whole lines of ``--progress json`` so far."""
        path = self.folder / "out"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_until(self, seen: Callable[[dict[str, Any]], bool]) -> None:
        """Wait for an event."""
        until = time.monotonic() + LONG
        while not any(map(seen, self.events())):
            assert self._process.is_alive(), f"ended early: {(self.folder / 'err').read_text()}"
            assert time.monotonic() < until, "the event never came"
            time.sleep(0.005)

    def wait_until_it_halts(self) -> None:
        """Wait until it stands still where it was to halt."""
        until = time.monotonic() + LONG
        while not self._stands_still():
            assert self._process.is_alive(), f"ended early: {(self.folder / 'err').read_text()}"
            assert time.monotonic() < until, "it never halted"
            time.sleep(0.005)

    def _stands_still(self) -> bool:
        with suppress(psutil.NoSuchProcess):
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)
        return False

    def go_on(self) -> None:
        """Let it go on where it stands still."""
        with suppress(ProcessLookupError):  # it was killed
            os.kill(self.pid, signal.SIGCONT)

    def send(self, number: signal.Signals) -> float:
        """Send a signal and wait for the end; return the seconds that it took."""
        started = time.monotonic()
        os.kill(self.pid, number)
        self.go_on()
        self._process.join(LONG)
        assert not self._process.is_alive(), "it did not end"
        return time.monotonic() - started

    def wait(self) -> Ran:
        """Wait for the end."""
        self._process.join(LONG)
        code = self._process.exitcode
        assert code is not None, "it did not end"
        return Ran(code, (self.folder / "out").read_text(), (self.folder / "err").read_text())

    def end(self) -> None:
        """Kill it if it still runs."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join(LONG)


class _Halting(io.TextIOWrapper):
    """Standard output that stops its process when it has told of an event."""

    def __init__(self, halt: Mapping[str, Any]) -> None:
        super().__init__(io.FileIO(1, "w", closefd=False), "utf-8", write_through=True)
        self._halt: Mapping[str, Any] | None = halt
        self._line = ""

    def write(self, text: str) -> int:
        """Write, and stop behind the line that was waited for."""
        written = super().write(text)
        self._line += text
        if self._halt is not None and self._line.endswith("\n"):
            line, self._line = self._line, ""
            if self._halt.items() <= json.loads(line).items():
                self._halt = None
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        return written


def _main(
    folder: str,
    arguments: list[str],
    environment: dict[str, str],
    halt: Mapping[str, Any] | None,
    limits: dict[str, int],
) -> None:
    """Run the program with its output in files; `file_size` and `bound` limit what it may do."""
    os.environ.clear()
    os.environ.update(environment)
    # Tests that run in the background of a shell have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import torch

    from tokenflow.cli.door import leave, run_program

    torch.set_num_threads(1)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(Path(folder) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if halt is not None:
        sys.stdout = _Halting(halt)
    if "file_size" in limits:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_size"],) * 2)
    if limits.get("bound"):
        _obey_permissions()
    leave(run_program(arguments))


def _obey_permissions() -> None:
    """Give up what lets root read and write everything (capabilities(7)); others never had it."""

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    class Data(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]

    libc = ctypes.CDLL(None, use_errno=True)
    header, data = Header(0x20080522, 0), (Data * 2)()
    if libc.capget(ctypes.byref(header), data):
        raise OSError(ctypes.get_errno(), "capget")
    override_and_search = 1 << 1 | 1 << 2
    data[0].effective &= ~override_and_search
    data[0].permitted &= ~override_and_search
    if libc.capset(ctypes.byref(header), data):
        raise OSError(ctypes.get_errno(), "capset")
