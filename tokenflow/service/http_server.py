"""uvicorn on a socket that is bound already, ended by a signal, by a call, or by being unneeded."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from tokenflow.service.presence import Presence
from tokenflow.service.store import JobStore

CLOSING_SECONDS = 1
"""How long answers that are under way may take when the service ends."""

TICKS = 10  # ten of uvicorn's ticks are a second

_log = logging.getLogger(__name__)


class Need:
    """Whether anybody needs the service: somebody is there, or a job waits or runs.

    Parameters
    ----------
    presence
        Knows when somebody called last.
    store
        Knows the jobs.
    """

    def __init__(self, presence: Presence, store: JobStore) -> None:
        self._presence, self._store = presence, store
        self._last_job = time.monotonic()

    def ended_since(self) -> float:
        """Return for how many seconds nobody has needed it."""
        if self._store.count("running") or self._store.count("queued"):
            self._last_job = time.monotonic()
        return min(self._presence.away, time.monotonic() - self._last_job)


class _Server(uvicorn.Server):
    def __init__(
        self,
        app: FastAPI,
        ready: Callable[[], None],
        need: Need,
        idle_exit: float | None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,  # ours
                access_log=False,
                ws="none",
                lifespan="on",
                server_header=False,
                proxy_headers=False,  # nobody in front of us may say who calls
                timeout_graceful_shutdown=CLOSING_SECONDS,
            )
        )
        self._app, self._ready, self._need, self._idle_exit = app, ready, need, idle_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            await run_in_threadpool(self._ready)

    async def on_tick(self, counter: int) -> bool:
        """Look once a second whether the service is still needed."""
        if self._idle_exit is not None and counter % TICKS == 0:
            unneeded = await run_in_threadpool(self._need.ended_since)
            if unneeded >= self._idle_exit:
                _log.info("nobody has needed the service for %.0f s", unneeded)
                self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the streams end, which would be waited for otherwise."""
        self._app.state.door.news.end()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in good order, at the second signal at once.

        uvicorn would raise the signal again when it has ended, and cut short what follows.
        """
        _log.info("signal %d: the service is asked to end", sig)
        self.force_exit = self.should_exit
        self.should_exit = True


def run_server(
    app: FastAPI,
    listener: socket.socket,
    ready: Callable[[], None],
    need: Need,
    idle_exit: float | None,
) -> None:
    """Answer requests until the process is asked to end.

    Parameters
    ----------
    app
        Made by `make_app`.
    listener
        Bound; closed at the end.
    ready
        Called once requests are answered.
    need, idle_exit
        After so many seconds of not being needed it ends too; None is never.
    """
    _Server(app, ready, need, idle_exit).run([listener])
