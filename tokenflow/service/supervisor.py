"""Who runs the queue: one thread per device, each with a worker process that it keeps alive."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tokenflow.service.lane import Lane, Limits
from tokenflow.service.store import JobStore
from tokenflow.service.waiting import Waiting
from tokenflow.states import JobRecord

log = logging.getLogger(__name__)


class Supervisor:
    """Runs the jobs of a store, one per device at a time.

    Parameters
    ----------
    store
        The queue. Jobs that it has as running are taken up again: nobody else runs them.
    devices
        ``auto``, or ``cuda:0``, ``cuda:1``: one worker each.
    workspace
        Folder of intermediate results; None is the user's cache.
    limits
        Of patience.
    clock
        Seconds, monotonic: the wall clock decides nothing.
    """

    def __init__(
        self,
        store: JobStore,
        devices: Sequence[str] = ("auto",),
        workspace: Path | None = None,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.waiting = Waiting(clock)
        self.lanes = [
            Lane(store, name, workspace, self.waiting, self._hopeless, limits or Limits(), clock)
            for name in devices
        ]
        self._draining = False

    def start(self) -> None:
        """Take up what an earlier service left, and begin."""
        for record in self.store.recover():
            log.info("going on with job %s, which was running when the service ended", record.id)
        self.store.on_queued = self._wake
        for lane in self.lanes:
            lane.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End the workers; what they were doing goes back into the queue, for the next start."""
        self._draining = True
        # All of them, before the first one puts its job back into the queue.
        for lane in self.lanes:
            lane.draining = True
        until = time.monotonic() + timeout
        for lane in self.lanes:
            lane.stop()
        for lane in self.lanes:
            lane.join(max(0.0, until - time.monotonic()))

    def cancel(self, job_id: str) -> JobRecord:
        """Cancel a job: at once if it waits, within two seconds if it runs.

        Returns
        -------
        JobRecord
            As it stands now: a running one is `cancelled` a moment later. One that has ended stays
            as it is.

        Raises
        ------
        UnknownJob
        """
        self.store.stop(job_id)
        self.waiting.forget(job_id)
        for lane in self.lanes:
            lane.cancel(job_id)
        return self.store.job(job_id)

    def status(self) -> list[dict[str, Any]]:
        """Describe each device: state, name, memory, what it does, what is wrong with it."""
        return [lane.status() for lane in self.lanes]

    def state(self) -> str:
        """Say in one word how the service is: that of the device that is closest to working."""
        if self._draining:
            return "draining"
        order = ("busy", "loading", "ready", "starting", "failed")
        return min((lane.state for lane in self.lanes), key=order.index, default="failed")

    def _hopeless(self) -> bool:
        return self.state() == "failed"

    def _wake(self) -> None:
        for lane in self.lanes:
            lane.wake()
