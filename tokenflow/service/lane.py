"""One device: its worker process, the job that it runs, and what happens when either goes wrong.

A lane is one thread with one inbox. Everything that happens to it is a message there: what the
worker says, that the worker has ended, a cancellation, a new job in the queue. So its state has one
owner, and nothing needs a lock.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ocio.temporary import remove_stale_temporaries
from tokenflow.errors import DatabaseUnusable, WorkerDied, error_json
from tokenflow.service.child import Child, Ending, Message
from tokenflow.service.progress import JobProgress
from tokenflow.service.store import JobStore
from tokenflow.service.waiting import Waiting
from tokenflow.states import JobRecord

WORKER = "tokenflow.service.worker"
TICK = 0.25  # seconds between two looks at the deadlines

LaneState: TypeAlias = Literal["starting", "loading", "ready", "busy", "failed"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How long, and how often.

    Attributes
    ----------
    silence
        Seconds without a sign of life after which a worker counts as hung.
    start
        Seconds that it may take to load its libraries, from a cold network disk too.
    cancel
        Seconds that it has to stop by itself.
    attempts
        Times that a job may be begun until a worker that dies in it is counted as its fault.
    starts
        Times that a worker may die while it starts until the device counts as failed.
    again
        Seconds until a failed device is tried again.
    backoff
        Seconds that a job waits after each failure for a passing reason.
    """

    silence: float = 30.0
    start: float = 180.0
    cancel: float = 1.5
    attempts: int = 3
    starts: int = 3
    again: float = 60.0
    backoff: tuple[float, ...] = (5.0, 30.0, 120.0)


@dataclass
class _Work:
    """The job that the worker has."""

    record: JobRecord
    progress: JobProgress
    stop_by: float | None = None  # when it has to have stopped, once it is cancelled

    @property
    def id(self) -> str:
        return self.record.id


class Lane:
    """Runs jobs on one device.

    Parameters
    ----------
    store, device, workspace
        As in `Supervisor`.
    waiting
        Jobs that nobody may take yet.
    hopeless
        Whether no device at all can work, so that jobs had better fail than wait.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        store: JobStore,
        device: str,
        workspace: Path | None,
        waiting: Waiting,
        hopeless: Callable[[], bool],
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self.store, self.workspace, self.waiting = store, workspace, waiting
        self.device, self.hopeless, self.limits, self.clock = device, hopeless, limits, clock
        self.draining = False
        self.problem: dict[str, Any] | None = None
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"lane {device}", daemon=True)
        self._child: Child | None = None
        self._facts: dict[str, Any] = {}
        self._ready = self._loading = False
        self._heard_at = self._again_at = 0.0
        self._failed_starts = 0
        self._work: _Work | None = None

    # What others may do, from any thread.

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; `draining` was set before, in every lane."""
        self.wake()

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout)

    def wake(self) -> None:
        """Look into the queue."""
        self._inbox.put(lambda: None)

    def cancel(self, job_id: str) -> None:
        """Stop a job if it runs here."""
        self._inbox.put(partial(self._cancel, job_id))

    @property
    def state(self) -> LaneState:
        """How it is, in one word."""
        if self._work:
            return "loading" if self._loading else "busy"
        if self._ready:
            return "ready"
        return "failed" if self.problem else "starting"

    def status(self) -> dict[str, Any]:
        """Describe the device, and what is wrong with it."""
        work, child = self._work, self._child
        return {
            "device": self.device,
            "name": None,
            "memory_free": None,
            "memory_total": None,
            **self._facts,
            "state": self.state,
            "job": work.id if work else None,
            "pid": child.pid if child else None,
            "error": self.problem,
        }

    # The lane's own thread.

    def _run(self) -> None:
        while not self.draining:
            try:
                self._step()
            except Exception:
                # A fault of ours in one job must not silence the device for all others.
                log.exception("a fault in the lane of %s", self.device)
                self._inbox.put(partial(self._lose_worker, "met a fault of ours"))
                time.sleep(1.0)
        if self._work:
            work, self._work = self._work, None
            self._keep(lambda: self.store.requeue(work.id, counted=False))
        self._kill()

    def _step(self) -> None:
        if self._child is None and (self.problem is None or self.clock() >= self._again_at):
            self._start_worker()
        seconds = TICK if self._work else min(1.0, self.waiting.seconds() or 1.0)
        try:
            happened = self._inbox.get(timeout=seconds)
            while True:
                happened()
                happened = self._inbox.get_nowait()
        except queue.Empty:
            pass
        self._check_deadlines()
        if not self._work and not self.draining:
            self._take_next()

    def _start_worker(self) -> None:
        self._ready, self._heard_at = False, self.clock()
        # Messages carry the child they came from: those of one that was given up are dropped.
        token = object()
        self._token = token
        self._child = Child(
            WORKER,
            ["--device", self.device],
            lambda message: self._inbox.put(partial(self._heard, token, message)),
            lambda ending: self._inbox.put(partial(self._ended, token, ending)),
        )

    def _take_next(self) -> None:
        if not self._ready:
            if self.problem and self.hopeless():
                record = self.store.claim()
                if record:
                    self.store.fail(record.id, self.problem)
            return
        record = self.store.claim(self.waiting.jobs())
        if record is None:
            return
        before = (record.progress or {}).get("fraction", 0.0)
        self._work = _Work(record, JobProgress(record.job, before))
        request = record.request
        assert self._child is not None  # it is ready
        self._child.send(
            {
                "run": {
                    "id": record.id,
                    "job": record.job.to_json(),
                    "overwrite": request.overwrite,
                    "resume": request.resume,
                    "frames": request.frames,
                    "workspace": str(self.workspace) if self.workspace else None,
                }
            }
        )

    def _heard(self, token: object, message: Message) -> None:
        if token is not self._token:
            return
        self._heard_at = self.clock()
        if "ready" in message:
            self._ready, self._failed_starts, self.problem = True, 0, None
            self._facts |= message["ready"]
        elif "alive" in message:
            self._facts |= {name: value for name, value in message["alive"].items() if value}
        elif "unusable" in message:
            self._fail_device(message["unusable"])
        elif self._work and message.get("id") == self._work.id:
            self._heard_of(self._work, message)

    def _heard_of(self, work: _Work, message: Message) -> None:
        if "event" in message:
            event = message["event"]
            self._loading = event["event"] == "loading"
            heard = work.progress.heard(event)
            if heard and event["event"] == "progress":
                event |= {"fraction": heard["fraction"], "seconds_left": heard["seconds_left"]}
            self._tell(lambda: self.store.add_event(work.id, event, heard))
        elif "done" in message:
            self._end(lambda: self.store.finish(work.id, message["done"]))
        elif "error" in message:
            self._failed(work, message["error"])

    def _failed(self, work: _Work, error: dict[str, Any]) -> None:
        """Decide about a job that ended with an error."""
        tries = work.record.attempts
        if work.stop_by is not None:
            self._end(lambda: self.store.cancel(work.id))
        elif error["retryable"] and tries <= len(self.limits.backoff):
            # First, so that no other lane takes it in between.
            self.waiting.add(work.id, self.limits.backoff[tries - 1])
            self._end(lambda: self._requeue(work.id, error))
        else:
            self._end(lambda: self.store.fail(work.id, error))

    def _requeue(self, job_id: str, error: dict[str, Any]) -> None:
        if self.store.requeue(job_id, error).final:
            self.waiting.forget(job_id)  # it was cancelled at this very moment

    def _ended(self, token: object, ending: Ending) -> None:
        if token is self._token:
            self._lose_worker(ending.reason)

    def _check_deadlines(self) -> None:
        now = self.clock()
        if self._work and self._work.stop_by is not None and now >= self._work.stop_by:
            self._lose_worker("did not stop when asked to")
        allowed = self.limits.silence if self._ready else self.limits.start
        if self._child and now - self._heard_at > allowed:
            self._lose_worker(f"gave no sign of life for {allowed:.0f} s and was ended")

    def _lose_worker(self, reason: str) -> None:
        """Go on after a worker has ended, or is to be ended."""
        ready = self._ready
        self._kill()
        sentence = f"the worker on {self.device} {reason}"
        log.warning("%s", sentence)
        work = self._work
        if work is None:
            self._failed_starts += not ready
            if self._failed_starts >= self.limits.starts:
                hint = "The service's log says more; `tokenflow doctor` checks the installation."
                self._fail_device(error_json(WorkerDied(sentence, hint=hint)))
            return
        remove_stale_temporaries(_output_folder(work.record))
        if work.stop_by is not None:
            self._end(lambda: self.store.cancel(work.id))
        elif work.record.attempts >= self.limits.attempts:
            hint = "It happened at every attempt; a smaller --size needs less memory."
            error = error_json(WorkerDied(sentence, hint=hint))
            self._end(lambda: self.store.fail(work.id, error))
        else:
            error = error_json(WorkerDied(sentence, hint="The job goes on from what it has done."))
            self._end(lambda: self._requeue(work.id, error))

    def _fail_device(self, problem: dict[str, Any]) -> None:
        self.problem, self._again_at = problem, self.clock() + self.limits.again

    def _cancel(self, job_id: str) -> None:
        work = self._work
        if work and work.id == job_id and work.stop_by is None:
            work.stop_by = self.clock() + self.limits.cancel
            if self._child:
                self._child.send({"cancel": job_id})

    def _kill(self) -> None:
        child, self._child = self._child, None
        self._token, self._ready, self._loading = object(), False, False
        if child:
            child.kill()

    def _end(self, outcome: Callable[[], object]) -> None:
        """Let go of the job with its outcome on disk."""
        self._work, self._loading = None, False
        self._keep(outcome)

    def _keep(self, change: Callable[[], object]) -> None:
        """Make a change to the queue that must not be lost, however long the disk is full."""
        while True:
            try:
                change()
                return
            except DatabaseUnusable as error:
                log.error("trying again: %s", error)
                if self.draining:
                    return  # the next start finds the job running, and takes it up
                time.sleep(1.0)

    def _tell(self, change: Callable[[], object]) -> None:
        """Make a change that is worth less than the job."""
        try:
            change()
        except DatabaseUnusable as error:
            log.error("an event is lost: %s", error)


def _output_folder(record: JobRecord) -> Path:
    path = Path(record.job.output.path)
    return path.parent if path.suffix.lower() == ".exr" else path
