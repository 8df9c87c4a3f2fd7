"""A job's events as they come: server-sent events that resume where a connection broke.

Events are read from the store, never kept for a listener. One that does not read costs its socket
and a page of events; what it misses meanwhile lies on the disk.

FastAPI writes the format; its own streaming of generators raises an error into the log whenever a
client goes (version 0.165), so the response is a plain one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress

from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool

from tokenflow.errors import UnknownJob
from tokenflow.service.store import JobStore
from tokenflow.states import StoredEvent

PAGE = 100
"""Events that are read at once."""

SILENCE = 15.0
"""Seconds after which a stream says that it is still there, and looks for itself."""

STILL_HERE = format_sse_event(comment="still here")


class News:
    """Tells the event loop which jobs have changed; any thread may report.

    Made in the event loop that the streams run in.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self.ending = False

    def changed(self, job_id: str) -> None:
        """Wake the streams of a job; returns at once."""
        with suppress(RuntimeError):  # the loop has ended, perhaps at this very moment
            self._loop.call_soon_threadsafe(self._wake, job_id)

    def end(self) -> None:
        """Let every stream end: the service is about to."""
        self.ending = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.set()

    @contextmanager
    def listen(self, job_id: str) -> Iterator[asyncio.Event]:
        """Give a flag that is set whenever the job has changed."""
        listener = asyncio.Event()
        self._listeners.setdefault(job_id, set()).add(listener)
        try:
            yield listener
        finally:
            listeners = self._listeners[job_id]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[job_id]

    def _wake(self, job_id: str) -> None:
        for listener in self._listeners.get(job_id, ()):
            listener.set()


async def follow(store: JobStore, news: News, job_id: str, after: int) -> AsyncGenerator[bytes]:
    """Yield a job's events above the id `after`, and wait for more until it has ended.

    Ends also when the job is deleted or the service ends; a client that wants more asks again.

    Yields
    ------
    bytes
        Whole server-sent events, as they go over the wire.
    """
    with news.listen(job_id) as changed:
        while not news.ending:
            changed.clear()
            try:
                # Whether it has ended is asked first: then these events are all there will be.
                ended = (await run_in_threadpool(store.job, job_id)).final
                page = await run_in_threadpool(store.events, job_id, after, PAGE)
            except UnknownJob:
                return
            for event in page:
                after = event.id
                yield as_sent(event)
            if page:
                continue
            if ended:
                return
            try:
                await asyncio.wait_for(changed.wait(), SILENCE)
            except TimeoutError:
                yield STILL_HERE


def as_sent(event: StoredEvent) -> bytes:
    """Return an event as it goes over the wire: its id to resume from, its kind, its JSON."""
    return format_sse_event(
        id=str(event.id),
        event=str(event.data["event"]),
        data_str=json.dumps(event.data, ensure_ascii=False),
    )
