"""The service of this user on this machine: found by its file, started on demand, ended on request.

Standard library only: the launcher in a host and the command line both come through here. A service
holds a lock beside its file for as long as it lives. So two that are started at the same moment
become one, and a file beside a free lock is stale, whatever process has its number by now.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tokenflow.client import PROTOCOL, HttpClient
from tokenflow.errors import (
    NoPermission,
    ServiceBusy,
    ServiceDidNotStart,
    ServiceMismatch,
    ServiceRefused,
    ServiceUnreachable,
)
from tokenflow.folders import user_folder
from tokenflow.processes import process_start

IDLE_EXIT = 900.0
"""Seconds after which a service that was started on demand and is not needed any more ends."""

START_SECONDS = 60.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05
LAST_LINES = 8

HOST_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_", "QT_")
"""Beginnings of what hosts set for their own libraries, and what would break ours."""

# Children that were started here: kept, so that their end is noticed and no zombie stays.
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Runtime:
    """What a running service says of itself, in a file that only its user can read.

    Attributes
    ----------
    address
        ``http://127.0.0.1:PORT``.
    token
        What every call has to show.
    pid, started
        Its process, and when that one began, as `process_start` tells it.
    version, protocol
        Of the product, and of the calls.
    log
        The file that it logs to.
    """

    address: str
    token: str
    pid: int
    started: str
    version: str
    protocol: int
    log: str

    def client(self) -> HttpClient:
        """Return a client of this service."""
        return HttpClient(self.address, self.token, log=self.log)

    def write(self, path: Path) -> None:
        """Write the file, mode 0600, whole or not at all; its folder is there already."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)  # of a killed process that had our number
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=1)
        draft.replace(path)


def default_runtime_file() -> Path:
    """Return where the user's service leaves its address and token."""
    return user_folder("runtime") / "service.json"


def own_argv() -> list[str]:
    """Return what starts a service of this very installation."""
    # -P: whatever lies in the folder that it is started in is no part of it.
    return [sys.executable, "-P", "-m", "tokenflow.cli", "serve"]


def lock_of(path: Path) -> Path:
    """Return the file whose lock a service holds while it lives."""
    return path.with_name(path.name + ".lock")


def is_held(path: Path) -> bool:
    """Tell whether a service lives that belongs to this runtime file."""
    import fcntl

    try:
        with lock_of(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def read_runtime(path: Path) -> Runtime | None:
    """Read what a service left; None where there is nothing, or nothing that one wrote."""
    try:
        document = json.loads(path.read_text("utf-8"))
        runtime = Runtime(**{name: document[name] for name in Runtime.__dataclass_fields__})
        runtime.client()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ServiceMismatch):
        return None
    return runtime


def find(path: Path | None = None) -> HttpClient | None:
    """Return a client of the service that runs; None where none answers.

    Parameters
    ----------
    path
        The runtime file; default: the user's.

    Raises
    ------
    ServiceMismatch
        The service that answers speaks another protocol.
    """
    runtime = read_runtime(path or default_runtime_file())
    if runtime is None:
        return None
    client = runtime.client()
    try:
        health = client.health()
    except (ServiceUnreachable, ServiceBusy, ServiceMismatch, ServiceRefused):
        return None  # stale: nothing is there, or a stranger got the port
    if health.status == "draining":
        return None
    check_protocol(health.protocol, health.version)
    try:
        client.jobs(limit=1)
    except (ServiceUnreachable, NoPermission):
        return None  # stale: the service of somebody else got the port
    except ServiceBusy:
        pass  # it is ours, and will have time again
    return client


def check_protocol(protocol: int, version: str) -> None:
    """Refuse a service of another protocol, and say which side to update.

    Raises
    ------
    ServiceMismatch
    """
    if protocol == PROTOCOL:
        return
    older = protocol < PROTOCOL
    raise ServiceMismatch(
        f"the service that runs (version {version}) speaks protocol {protocol}, "
        f"and this program speaks {PROTOCOL}",
        hint="End it with `tokenflow serve stop` and install the newer version for it."
        if older
        else "Update this program, or the panel that it belongs to.",
    )


def ensure(
    argv: Sequence[str],
    path: Path | None = None,
    *,
    seconds: float = START_SECONDS,
    waiting: Callable[[], None] = lambda: None,
) -> HttpClient:
    """Return a client of the service, which is started if none runs.

    Of many that ask at the same moment all get the same service.

    Parameters
    ----------
    argv
        What starts one; ``--runtime-file PATH`` is appended.
    path
        The runtime file; default: the user's.
    seconds
        How long it may take to come up.
    waiting
        Called again and again meanwhile; what it raises ends the wait.

    Raises
    ------
    ServiceDidNotStart
        It ended at once; the message has its last words.
    ServiceUnreachable
        It did not answer in time.
    ServiceMismatch
        One runs already that speaks another protocol.
    """
    path = path or default_runtime_file()
    found = find(path)
    if found is not None:
        return found
    deadline = time.monotonic() + seconds
    said = _said(path)
    begun = said.stat().st_size if said.exists() else 0
    child = _spawn([*argv, "--runtime-file", str(path)], said)
    while time.monotonic() < deadline:
        found = find(path)
        if found is not None:
            return found
        code = child.poll()
        if code:
            raise ServiceDidNotStart(
                f"the service ended with exit code {code} while it started: "
                f"{_last_words(said, begun)}",
                path=said,
            )
        if code == 0 and not is_held(path):
            # It made way for one that was just ending.
            child = _spawn([*argv, "--runtime-file", str(path)], said)
        waiting()
        time.sleep(POLL_SECONDS)
    if child.poll() is None:
        child.terminate()
    raise ServiceUnreachable(
        f"the service did not answer within {seconds:.0f} s: {_last_words(said, begun)}",
        hint="End what is left of it with `tokenflow serve stop`, then try again.",
        path=said,
    )


def stop(path: Path | None = None, *, seconds: float = STOP_SECONDS) -> bool:
    """End the service, and tell whether one ran.

    It is asked. If it does not end, it is killed, but only if its process is the very one that
    wrote the file: number and start match, the lock beside the file is held, and the file with its
    token has not changed meanwhile.

    Raises
    ------
    ServiceUnreachable
        It neither ends nor can be told for sure.
    """
    path = path or default_runtime_file()
    runtime = read_runtime(path)
    if runtime is None or not is_held(path):
        return False
    try:
        runtime.client().shutdown()
    except ServiceUnreachable:
        seconds = min(seconds, 1.0)  # it may have been ending already

    def runs() -> bool:
        return process_start(runtime.pid) == runtime.started != ""

    def ended() -> bool:
        # One that was being started at the same moment may have taken its place and its lock.
        return not runs() and (not is_held(path) or read_runtime(path) != runtime)

    if _wait_until(ended, seconds):
        return True
    if runs() and is_held(path) and read_runtime(path) == runtime:
        os.kill(runtime.pid, signal.SIGKILL)
        if _wait_until(ended, STOP_SECONDS):
            return True
    raise ServiceUnreachable(
        f"the service (process {runtime.pid}) does not end",
        hint=f"Its log tells more: {runtime.log}",
    )


def own_environment() -> dict[str, str]:
    """Return this process's environment without what a host set for its own libraries."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(HOST_VARIABLES)
    }


def _said(path: Path) -> Path:
    """Return the file for what a service says before it has a log; make the folders."""
    folder = user_folder("log")
    for each in (path.parent, folder):
        try:
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ServiceDidNotStart(
                f"the folder {each} cannot be made: {error.strerror or error}"
            ) from error
    return folder / "service-start.log"


def _spawn(argv: Sequence[str], said: Path) -> subprocess.Popen[bytes]:
    """Start a process of its own session, which outlives this one and keeps nothing of it open."""
    _started[:] = [child for child in _started if child.poll() is None]
    with said.open("ab") as output:
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=said.parent,
                env=own_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise ServiceDidNotStart(
                f"the service cannot be started: {error.strerror or error}",
                hint="Name the Python of its environment in the settings, as service.python.",
                path=argv[0],
            ) from error
    _started.append(child)
    return child


def _last_words(said: Path, begun: int) -> str:
    with said.open("rb") as file:
        file.seek(begun)
        lines = file.read().decode("utf-8", "replace").split("\n")
    words = " / ".join(line.strip() for line in lines[-LAST_LINES:] if line.strip())
    return words.replace("tokenflow: ", "") or "it said nothing"


def _wait_until(happened: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
