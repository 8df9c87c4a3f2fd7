"""The front's side of pictures: the cache, and the viewer for what is not in it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool

from tokenflow.errors import WorkerDied
from tokenflow.service.child import Child, Ending, Message
from tokenflow.service.errors import Refusal
from tokenflow.service.picture_cache import PictureCache
from tokenflow.service.wanted import WantedPicture
from tokenflow.transport import read_error

MODULE = "tokenflow.service.viewer"

ANSWER_SECONDS = 45.0
"""After that a viewer is taken for hung: a dead disk, a library in a loop."""

AT_ONCE = 2
"""Pictures that the viewer makes at a time: while one decodes another is in the view."""

MOST_WAITING = 64
"""Pictures that may wait to be made; who scrubs faster has to let some go."""

_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class ViewerProcess:
    """A viewer that is started when it is needed, and again after it died.

    May be asked from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._waiting: dict[int, Future[Any]] = {}
        self._number = 0
        self._closed = False

    def ask(self, do: str, **what: Any) -> Future[Any]:
        """Send a request; the future gives the answer's ``found`` or ``file``, or raises."""
        future: Future[Any] = Future()
        with self._lock:
            child = self._started()
            self._number += 1
            number = self._number
            self._waiting[number] = future
        child.send({"n": number, "do": do, **what})  # of a dead one `ended` tells
        return future

    def start(self) -> None:
        """Let it load its libraries before the first request comes."""
        with self._lock:
            self._started()

    def kill(self) -> None:
        """End it now; what it was asked fails, and the next request starts another."""
        with self._lock:
            child = self._child
        if child is not None:
            child.kill()

    def stop(self) -> None:
        """End it for good."""
        with self._lock:
            self._closed = True
        self.kill()

    def _started(self) -> Child:
        if self._closed:
            raise WorkerDied("the service is ending")
        if self._child is None:
            waiting: dict[int, Future[Any]] = {}
            self._waiting = waiting
            self._child = Child(
                MODULE,
                [str(AT_ONCE)],
                lambda message: self._heard(waiting, message),
                lambda ending: self._ended(waiting, ending),
                # Pictures must not take the cores from the job that runs.
                _THREADS,
            )
        return self._child

    def _heard(self, waiting: dict[int, Future[Any]], message: Message) -> None:
        with self._lock:
            future = waiting.pop(message["n"], None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        if "error" in message:
            future.set_exception(_as_error(message["error"]))
        else:
            future.set_result(message.get("found", message.get("file")))

    def _ended(self, waiting: dict[int, Future[Any]], ending: Ending) -> None:
        with self._lock:
            if self._waiting is waiting:
                self._child = None
            lost = [*waiting.values()]
            waiting.clear()
        for future in lost:
            if future.set_running_or_notify_cancel():
                future.set_exception(
                    WorkerDied(
                        f"the process that opens frames {ending.reason}",
                        hint="If it happens again with this frame, its file is damaged.",
                    )
                )


class ViewerFault(Exception):
    """A bug in the viewer; its log lines say more."""


def _as_error(document: dict[str, Any]) -> Exception:
    if document["code"] == "internal_error":
        return ViewerFault(document["message"])
    return read_error(document)


class Viewing:
    """Pictures, inspections and checkpoints, for the event loop.

    Parameters
    ----------
    cache
        Where pictures are kept.
    """

    def __init__(self, cache: PictureCache) -> None:
        self.cache = cache
        self.viewer = ViewerProcess()
        self._being_made: dict[str, asyncio.Task[bytes]] = {}
        # The viewer is given no more than it does at once: only so does the time that a frame takes
        # to read not count the frames before it.
        self._free = asyncio.Semaphore(AT_ONCE)

    def start(self) -> None:
        """Start the viewer, so that the first picture does not wait for its libraries."""
        self.viewer.start()

    def stop(self) -> None:
        """End the viewer."""
        self.viewer.stop()

    async def picture(self, wanted: WantedPicture, key: str) -> bytes:
        """Return a picture's file: from the cache, else newly made; once for all who wait for it.

        Raises
        ------
        OcioError, TokenFlowError, Refusal
        """
        path = self.cache.path(key, wanted.format)
        content = await run_in_threadpool(self.cache.read, path)
        if content is not None:
            return content
        task = self._being_made.get(key)
        if task is None:
            if len(self._being_made) >= MOST_WAITING:
                raise Refusal(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "too_many_pictures",
                    f"{MOST_WAITING} pictures are waited for already",
                    "Ask again when some have come.",
                )
            task = asyncio.create_task(self._make(wanted, key))
            self._being_made[key] = task
            task.add_done_callback(lambda task: self._made(key, task))
        return await asyncio.shield(task)

    async def inspect(self, **plate: str | None) -> dict[str, Any]:
        """Describe a plate; see `tokenflow.service.inspection.inspect_plate`."""
        found: dict[str, Any] = await self._ask("inspect", plate=plate)
        return found

    async def models(self) -> list[dict[str, Any]]:
        """List the checkpoints; see `tokenflow.service.models.known_models`."""
        found: list[dict[str, Any]] = await self._ask("models")
        return found

    async def _make(self, wanted: WantedPicture, key: str) -> bytes:
        path = self.cache.path(key, wanted.format)
        await run_in_threadpool(self.cache.make_room, path)
        await self._ask("picture", wanted=wanted.to_json(), to=str(path))
        content = await run_in_threadpool(self.cache.read, path)
        if content is None:
            raise ViewerFault(f"the picture {path} is gone")
        await run_in_threadpool(self.cache.added, path)
        return content

    def _made(self, key: str, task: asyncio.Task[bytes]) -> None:
        del self._being_made[key]
        if not task.cancelled():
            task.exception()  # taken note of, even if nobody waits any more

    async def _ask(self, do: str, **what: Any) -> Any:
        """Ask the viewer; once more if it died, since another's file may have killed it."""
        try:
            return await self._ask_once(do, **what)
        except WorkerDied:
            return await self._ask_once(do, **what)

    async def _ask_once(self, do: str, **what: Any) -> Any:
        try:
            async with self._free:
                future = await run_in_threadpool(self.viewer.ask, do, **what)
                return await asyncio.wait_for(asyncio.wrap_future(future), ANSWER_SECONDS)
        except TimeoutError:
            await run_in_threadpool(self.viewer.kill)
            raise Refusal(
                HTTPStatus.GATEWAY_TIMEOUT,
                "frames_out_of_reach",
                f"the frame could not be read within {ANSWER_SECONDS:.0f} seconds",
                "Check the disk that it lies on.",
            ) from None
