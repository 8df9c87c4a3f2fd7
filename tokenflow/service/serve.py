"""One service from its first breath to its last: lock, address, queue, door, and the end of all.

What stands in its runtime file is true for as long as it lives: written once it listens, taken away
before its lock is free again.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import metadata
from ipaddress import ip_address
from pathlib import Path

from filelock import FileLock, Timeout

from tokenflow.client import PROTOCOL
from tokenflow.errors import DatabaseUnusable, SettingsUnusable
from tokenflow.processes import process_start
from tokenflow.runtime import Runtime, lock_of, read_runtime
from tokenflow.service.log import write_log
from tokenflow.service.settings import Settings

LOCK_SECONDS = 0.5
"""Who only looks whether a service lives holds its lock for a moment."""

STOP_SECONDS = 2.0
"""How long workers may take to end; then they are killed."""

BACKLOG = 256

KEPT_JOBS = 2000
"""Jobs that have ended and are still listed. Counted, since a clock may jump by years."""

_log = logging.getLogger(__name__)


def serve(settings: Settings, say: Callable[[str], None] = print) -> None:
    """Run the service until it is asked to end, or nobody has needed it for long enough.

    Parameters
    ----------
    settings
        With port 0 the system chooses one.
    say
        Tells whoever started it where it listens, or that another one runs already.

    Raises
    ------
    SettingsUnusable
        The address, the log or a folder cannot be used.
    DatabaseTooNew, DatabaseUnusable
        The queue cannot be opened.
    """
    _make_folder(settings.runtime_file.parent)
    lock = FileLock(lock_of(settings.runtime_file), timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        other = read_runtime(settings.runtime_file)
        say(f"a service runs already{f' at {other.address}' if other else ''}")
        return
    with lock:
        write_log(settings.log)
        _log.info("the service starts, version %s", metadata.version("tokenflow"))
        try:
            _run(settings, say)
        except Exception as error:
            _log.error("the service ends: %s", error)
            raise
        _log.info("the service has ended")


def _run(settings: Settings, say: Callable[[str], None]) -> None:
    """Bring up queue, workers and door, and take them down in the other order."""
    # Only now: a second service that is started ends before it has loaded all this.
    from tokenflow.service.app import make_app
    from tokenflow.service.http_server import Need, run_server
    from tokenflow.service.picture_cache import PictureCache
    from tokenflow.service.store import JobStore
    from tokenflow.service.supervisor import Supervisor
    from tokenflow.service.viewing import Viewing

    _make_folder(settings.data)
    with ExitStack() as stack:
        listener = stack.enter_context(_bound(settings.host, settings.port))
        settings = replace(settings, port=listener.getsockname()[1])
        stack.enter_context(_queue_of_our_own(settings.data))
        store = JobStore(settings.data / "jobs.sqlite")
        stack.callback(store.close)
        store.forget_all_but(KEPT_JOBS)
        viewing = Viewing(PictureCache(settings.cache, settings.cache_bytes))
        stack.callback(viewing.stop)
        supervisor = Supervisor(store, settings.devices, settings.workspace)
        stack.callback(supervisor.stop, STOP_SECONDS)
        app = make_app(store, supervisor, viewing, settings)
        runtime = _runtime(settings, listener)

        def ready() -> None:
            runtime.write(settings.runtime_file)
            stack.callback(settings.runtime_file.unlink, missing_ok=True)
            _log.info("listening at %s", runtime.address)
            say(f"listening at {runtime.address}; token in {settings.runtime_file}")

        supervisor.start()
        viewing.start()
        need = Need(app.state.door.presence, store)
        run_server(app, listener, ready, need, settings.idle_exit)


@contextmanager
def _queue_of_our_own(folder: Path) -> Iterator[None]:
    """Keep the queue from a second service, which would run its jobs twice.

    It may be of another machine that shares the user's home.
    """
    owner = folder / "jobs.owner"
    try:
        with FileLock(folder / "jobs.lock", timeout=LOCK_SECONDS):
            owner.write_text(f"process {os.getpid()} on {socket.gethostname()}")
            yield
            owner.unlink(missing_ok=True)
    except Timeout as error:
        whose = f", {owner.read_text()}" if owner.exists() else ""
        raise DatabaseUnusable(
            f"the queue in '{folder}' belongs to another service{whose}",
            hint="End that one, or give this machine a queue of its own: `data` in the settings.",
            path=folder,
        ) from error


def _bound(host: str, port: int) -> socket.socket:
    """Bind the address; the system chooses a port where none is given."""
    try:
        family, kind, number, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, number)
        # A port that a service has just left may be taken again at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
    except OSError as error:
        raise SettingsUnusable(
            f"cannot listen at {host} port {port}: {error.strerror or error}",
            hint="Name another --port, or none: then the system chooses one that is free.",
        ) from error
    if not ip_address(listener.getsockname()[0]).is_loopback:
        _log.warning("other machines can reach this service at %s: its token is their key", host)
    return listener


def _runtime(settings: Settings, listener: socket.socket) -> Runtime:
    """Describe this process for the clients on this machine."""
    name = ip_address(listener.getsockname()[0])
    if name.is_unspecified:
        name = ip_address("::1" if name.version == 6 else "127.0.0.1")
    host = f"[{name}]" if name.version == 6 else str(name)
    return Runtime(
        address=f"http://{host}:{settings.port}",
        token=settings.token,
        pid=os.getpid(),
        started=process_start(os.getpid()),
        version=metadata.version("tokenflow"),
        protocol=PROTOCOL,
        log=str(settings.log),
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsUnusable(
            f"the folder '{folder}' cannot be made: {error.strerror or error}",
            hint="Free some space, or move the user's folders with TOKENFLOW_HOME.",
            path=folder,
        ) from error
