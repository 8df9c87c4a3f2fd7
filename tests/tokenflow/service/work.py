"""A queue with real workers, for tests: small jobs, and ways to disturb them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.tokenflow.service.halting_worker import HALT
from tokenflow.job import Edit, EditJob, Model, Output, Plate
from tokenflow.service.lane import Limits
from tokenflow.service.store import JobStore
from tokenflow.service.supervisor import Supervisor
from tokenflow.states import JobRecord, RunRequest, StoredEvent

LONG = 180.0  # seconds after which a test gives up; workers load slowly on a busy machine
QUICK_LIMITS = Limits(backoff=(0.5, 0.5, 0.5))


def quick_job(plate: Path, out: Path, checkpoint: Path, **edit: Any) -> EditJob:
    """Return a job that takes about a second."""
    quick = {"steps": 6, "inversion_steps": 6, "inversion_evaluations": 1, "keyframe_interval": 2}
    return EditJob(
        plate=Plate(str(plate)),
        edit=Edit(**{"prompt": "a blue ball", **quick, **edit}),
        model=Model(str(checkpoint)),
        output=Output(str(out)),
    )


def nothing_job(like: EditJob, out: Path) -> EditJob:
    """Return a job on the same plate that changes nothing and takes no time."""
    edit = replace(like.edit, method="passthrough")
    return replace(like, edit=edit, output=replace(like.output, path=str(out)))


def wait_until(true: Callable[[], Any], seconds: float = LONG) -> Any:
    """Wait until something is, and return it."""
    until = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.01)
    return found


class Engine:
    """A store and its supervisor."""

    def __init__(self, folder: Path, devices: tuple[str, ...] = ("cpu",), **options: Any) -> None:
        self.workspace = folder / "workspace"
        self.store = JobStore(folder / "queue.db")
        options = {"limits": QUICK_LIMITS, **options}
        self.supervisor = Supervisor(self.store, devices, self.workspace, **options)

    def begin(self) -> Engine:
        """Start, and wait for the workers."""
        self.supervisor.start()
        self.wait_for_workers()
        return self

    def end(self) -> None:
        """Stop."""
        self.store.on_change = lambda job_id: None
        self.supervisor.stop()
        self.store.close()

    def wait_for_workers(self) -> None:
        """Wait until every worker is idle."""
        wait_until(lambda: all(each["state"] == "ready" for each in self.supervisor.status()))

    @property
    def worker(self) -> int:
        """Number of the first worker's process."""
        pid = self.supervisor.status()[0]["pid"]
        assert isinstance(pid, int)
        return pid

    def submit(self, job: EditJob, **request: Any) -> str:
        """Queue a job and return its id."""
        return self.store.submit(job, RunRequest(**request))[0].id

    def wait(self, job_id: str) -> JobRecord:
        """Wait until a job has ended."""
        wait_until(lambda: self.store.job(job_id).final)
        return self.store.job(job_id)

    def run(self, job: EditJob, **request: Any) -> JobRecord:
        """Queue a job and wait for its end."""
        return self.wait(self.submit(job, **request))

    def data(self, job_id: str) -> list[dict[str, Any]]:
        """Return all events of a job."""
        return [event.data for event in self.store.events(job_id, limit=-1)]

    def at(self, kind: str, do: Callable[[], object], times: int = 1, **fields: Any) -> list[float]:
        """Do something the first times that an event of a kind is heard, before anything else.

        The lane that told of it waits meanwhile. Gives a list that takes the moments.
        """
        wanted = {"event": kind, **fields}
        moments: list[float] = []
        others = self.store.on_change
        lock = threading.Lock()  # lanes hear, and whoever submits
        seen: set[int] = set()

        def is_it(event: StoredEvent) -> bool:
            with lock:
                if event.id in seen or len(moments) == times:
                    return False
                seen.add(event.id)
                if wanted.items() <= event.data.items():
                    moments.append(time.monotonic())
                    return True
                return False

        def heard(job_id: str) -> None:
            others(job_id)
            for event in self.store.events(job_id, limit=-1):
                if is_it(event):
                    do()

        self.store.on_change = heard
        return moments

    def halt_at(
        self,
        kind: str,
        do: Callable[[], object],
        times: int = 1,
        *,
        go_on: bool = True,
        **fields: Any,
    ) -> list[float]:
        """Do something as `at` does, while a `halting_worker` waits behind the event.

        Parameters
        ----------
        go_on
            Whether the worker goes on when the last of it is done, not only once it has heard that
            its job is cancelled.
        """
        halt = Path(os.environ[HALT])
        draft = halt.with_suffix(".draft")
        draft.write_text(json.dumps({"event": kind, **fields}))
        draft.replace(halt)

        def do_it() -> None:
            do()
            if go_on and len(moments) == times:
                halt.unlink()

        moments = self.at(kind, do_it, times, **fields)
        return moments

    def kill_worker(self) -> None:
        """End the worker as the system does that is out of memory."""
        os.kill(self.worker, signal.SIGKILL)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked about yet has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
