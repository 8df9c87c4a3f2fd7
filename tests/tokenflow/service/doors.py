"""The service's front on a real socket, in this process, and requests spelled out by hand."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn

from tokenflow.client import HttpClient
from tokenflow.service.app import make_app
from tokenflow.service.door import Door
from tokenflow.service.picture_cache import PictureCache
from tokenflow.service.settings import Settings
from tokenflow.service.store import JobStore
from tokenflow.service.supervisor import Supervisor
from tokenflow.service.viewing import Viewing

TOKEN = "the token of this test"
LONG = 180.0  # seconds after which a test gives up


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        """What stands under ``error``; checked to be a whole error body."""
        error = self.json["error"]
        assert {"code", "message", "hint", "exit_code", "retryable"} <= error.keys()
        return error


@dataclass(frozen=True)
class Front:
    """A running front. Its supervisor is not started: jobs stay queued."""

    port: int
    door: Door
    asked_to_end: threading.Event

    @property
    def store(self) -> JobStore:
        """Its queue."""
        return self.door.store

    @property
    def client(self) -> HttpClient:
        """The product's own client."""
        return HttpClient(f"http://127.0.0.1:{self.port}", TOKEN)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        sent = {} if token is None else {"Authorization": f"Bearer {token}"}
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, path, content, sent | dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """Open a bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=LONG)


def head(method: str, path: str, port: int, *more: str) -> bytes:
    """Write a request's head with the token."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"Authorization: Bearer {TOKEN}", *more, "", ""]
    return "\r\n".join(lines).encode()


@contextmanager
def running_front(folder: Path, *, roots: tuple[Path, ...] = ()) -> Iterator[Front]:
    """Run a front whose files lie in `folder`, and which may use what lies beside them."""
    settings = Settings(
        token=TOKEN,
        roots=(folder, *roots),
        data=folder / "data",
        cache=folder / "cache",
        log=folder / "service.log",
        workspace=folder / "workspace",
    )
    store = JobStore(settings.data / "jobs.sqlite")
    supervisor = Supervisor(store, ("cpu",), settings.workspace)
    viewing = Viewing(PictureCache(settings.cache, 2**30))
    asked_to_end = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = make_app(
        store, supervisor, viewing, replace(settings, port=port), shut_down=asked_to_end.set
    )
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, lifespan="on")
    )
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        until = time.monotonic() + LONG
        while not server.started:
            assert thread.is_alive() and time.monotonic() < until, "the front does not start"
            time.sleep(0.01)
        yield Front(port, app.state.door, asked_to_end)
    finally:
        server.should_exit = True
        thread.join(LONG)
        viewing.stop()
        store.close()
        listener.close()
