"""The queue and its history on disk: what was asked for survives a crash and a reboot.

SQLite with a write-ahead log, one connection, one lock: calls take a few hundred microseconds and
may come from any thread. Why no ready-made queue: docs/decisions/0010-the-queue.md.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokenflow.errors import DatabaseUnusable, JobBusy, UnknownJob
from tokenflow.job import EditJob, canonical_json
from tokenflow.service.rows import record_of, twin_hash
from tokenflow.service.schema import migrate
from tokenflow.states import JobRecord, JobState, RunRequest, StoredEvent

BUSY_SECONDS = 5.0
"""How long a call waits for another process that has the file, a backup for example."""

SUPERSEDED = frozenset({"preview"})
"""Kinds of events of which a job keeps the latest only: pictures, and the next one replaces it."""


class JobStore:
    """Jobs and their events.

    Parameters
    ----------
    path
        The database; made, for its owner's eyes only, where it does not exist.

    Attributes
    ----------
    on_change
        Called with the id of a job, from any thread, after each commit that added an event to it,
        changed its state or deleted it. Must return at once.
    on_queued
        Called, from any thread, after each commit that put a job into the queue.

    Raises
    ------
    DatabaseTooNew, DatabaseUnusable
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.on_change: Callable[[str], None] = lambda job_id: None
        self.on_queued: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            migrate(self._connection, path)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        except (OSError, sqlite3.Error) as error:
            raise DatabaseUnusable(
                f"the queue '{path}' cannot be opened: {error}",
                hint="Move the file away to begin with an empty queue.",
                path=path,
            ) from error

    def close(self) -> None:
        """Close the database; the store is of no use any more."""
        with self._lock:
            self._connection.close()

    def submit(self, job: EditJob, request: RunRequest) -> tuple[JobRecord, bool]:
        """Queue a job.

        Returns
        -------
        JobRecord
            The new one; or, if the same job is queued or running with the same output and frames,
            that one.
        bool
            Whether it is new.
        """
        twin = twin_hash(job, request)
        with self._change(durable=True, queues=True) as changed:
            row = self._connection.execute(
                "SELECT * FROM jobs WHERE twin = ? AND state IN ('queued', 'running')", [twin]
            ).fetchone()
            if row:
                return record_of(row), False
            job_id = secrets.token_hex(6)
            self._connection.execute(
                "INSERT INTO jobs (id, twin, job, priority, overwrite, resume, frames, state, "
                "created) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?)",
                [
                    *(job_id, twin, canonical_json(job.to_json()), request.priority),
                    *(request.overwrite, request.resume, request.frames, time.time()),
                ],
            )
            self._add_event(job_id, {"event": "state", "state": "queued", "attempt": 0})
            changed.append(job_id)
            return self.job(job_id), True

    def job(self, job_id: str) -> JobRecord:
        """Return one job.

        Raises
        ------
        UnknownJob
        """
        return record_of(self._row(job_id))

    def jobs(
        self, *, state: JobState | None = None, limit: int = 200, before: str | None = None
    ) -> list[JobRecord]:
        """Return jobs, the newest first.

        Parameters
        ----------
        before
            Id of a job: only those that came earlier, for the next page.
        """
        conditions, values = ["TRUE"], list[object]()
        if state is not None:
            conditions.append("state = ?")
            values.append(state)
        if before is not None:
            conditions.append("number < (SELECT number FROM jobs WHERE id = ?)")
            values.append(self.job(before).id)
        with self._lock:
            rows = self._connection.execute(
                f"SELECT * FROM jobs WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?",
                [*values, limit],
            ).fetchall()
        return [record_of(row) for row in rows]

    def count(self, state: JobState) -> int:
        """Count the jobs in a state."""
        with self._lock:
            row = self._connection.execute("SELECT COUNT(*) FROM jobs WHERE state = ?", [state])
            return int(row.fetchone()[0])

    def claim(self, exclude: Set[str] = frozenset()) -> JobRecord | None:
        """Take the next queued job to running, passing over `exclude`; None if there is none."""
        marks = ", ".join("?" * len(exclude))
        with self._change() as changed:
            row = self._connection.execute(
                f"SELECT * FROM jobs WHERE state = 'queued' AND id NOT IN ({marks}) "
                "ORDER BY priority DESC, number LIMIT 1",
                [*exclude],
            ).fetchone()
            if row is None:
                return None
            attempt = row["attempts"] + 1
            self._set(
                row["id"],
                {"state": "running", "attempts": attempt, "error": None}
                | ({} if row["started"] else {"started": time.time()}),
            )
            self._add_event(row["id"], {"event": "state", "state": "running", "attempt": attempt})
            changed.append(row["id"])
            return self.job(row["id"])

    def requeue(
        self, job_id: str, error: Mapping[str, Any] | None = None, *, counted: bool = True
    ) -> JobRecord:
        """Put a running job back into the queue, to go on from what it has done.

        One that was to stop meanwhile is cancelled instead.

        Parameters
        ----------
        error
            Why.
        counted
            Whether the attempt counts; not if it was ended for reasons of the service's own.
        """
        with self._lock:
            if self._row(job_id)["unwanted"]:
                return self.cancel(job_id)
            return self._requeue(job_id, error, counted)

    def _requeue(self, job_id: str, error: Mapping[str, Any] | None, counted: bool) -> JobRecord:
        with self._change(durable=True, queues=True) as changed:
            record = self.job(job_id)
            if record.state == "running":
                attempts = record.attempts - (not counted)
                self._set(job_id, {"state": "queued", "resume": True, "attempts": attempts})
                self._set(job_id, {"error": error})
                self._tell_state(job_id, "queued", record.attempts, error)
                changed.append(job_id)
            return self.job(job_id)

    def set_priority(self, job_id: str, priority: int) -> JobRecord:
        """Move a job in the queue.

        Raises
        ------
        UnknownJob
        InvalidJob
            The number is out of range.
        """
        with self._change(durable=True) as changed:
            request = replace(self.job(job_id).request, priority=priority)
            self._set(job_id, {"priority": request.priority})
            changed.append(job_id)
            return self.job(job_id)

    def finish(self, job_id: str, report: Mapping[str, Any]) -> JobRecord:
        """Declare a job done."""
        return self._end(job_id, "done", report=report, error=None)

    def fail(self, job_id: str, error: Mapping[str, Any]) -> JobRecord:
        """Declare a job failed."""
        return self._end(job_id, "failed", error=error)

    def stop(self, job_id: str) -> JobRecord:
        """Cancel a queued job; a running one is never queued again, whatever it ends with.

        Raises
        ------
        UnknownJob
        """
        with self._lock:
            record = self.job(job_id)
            if record.state == "queued":
                return self.cancel(job_id)
            if record.state == "running":
                with self._change(durable=True):
                    self._set(job_id, {"unwanted": True})
            return record

    def cancel(self, job_id: str) -> JobRecord:
        """Declare a queued or running job cancelled; one that has ended stays as it is."""
        return self._end(job_id, "cancelled")

    def retry(self, job_id: str) -> JobRecord:
        """Queue a job that has ended once more; it goes on from the frames that it has written.

        Raises
        ------
        UnknownJob
        JobBusy
            It has not ended, or the same job was submitted again since.
        """
        with self._change(durable=True, queues=True) as changed:
            self._must_have_ended(job_id, "tried again")
            try:
                self._set(
                    job_id,
                    {"state": "queued", "resume": True, "attempts": 0, "unwanted": False}
                    | dict.fromkeys(("started", "ended", "progress", "report", "error")),
                )
            except sqlite3.IntegrityError as error:
                raise JobBusy(
                    f"the job {job_id} is queued or running again under another id already"
                ) from error
            self._tell_state(job_id, "queued", 0)
            changed.append(job_id)
            return self.job(job_id)

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended, and its events; its frames stay.

        Raises
        ------
        UnknownJob
        JobBusy
            It has not ended.
        """
        with self._change(durable=True) as changed:
            self._must_have_ended(job_id, "deleted")
            self._connection.execute("DELETE FROM jobs WHERE id = ?", [job_id])
            changed.append(job_id)

    def forget_all_but(self, count: int) -> None:
        """Forget the jobs that have ended, but for the newest `count`; their frames stay."""
        with self._change(durable=True) as changed:
            rows = self._connection.execute(
                "DELETE FROM jobs WHERE number IN (SELECT number FROM jobs "
                "WHERE state NOT IN ('queued', 'running') "
                "ORDER BY number DESC LIMIT -1 OFFSET ?) RETURNING id",
                [count],
            ).fetchall()
            changed += [row["id"] for row in rows]

    def add_event(
        self,
        job_id: str,
        event: Mapping[str, Any],
        progress: Mapping[str, Any] | None = None,
    ) -> int:
        """Keep an event, and how far the job is now; returns the event's id."""
        with self._change() as changed:
            number = self._add_event(job_id, event)
            if progress is not None:
                self._set(job_id, {"progress": progress})
            changed.append(job_id)
            return number

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[StoredEvent]:
        """Return the events of a job with ids above `after`, the oldest first.

        Raises
        ------
        UnknownJob
        """
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, data FROM events WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?",
                [job_id, after, limit],
            ).fetchall()
            if not rows:
                self._row(job_id)
        return [StoredEvent(row["id"], job_id, json.loads(row["data"])) for row in rows]

    def recover(self) -> list[JobRecord]:
        """Queue the jobs that were running when the service died; called once, at its start."""
        with self._lock:
            return [self.requeue(record.id) for record in self.jobs(state="running", limit=-1)]

    def _row(self, job_id: str) -> sqlite3.Row:
        with self._lock:
            found = self._connection.execute("SELECT * FROM jobs WHERE id = ?", [job_id])
            row: sqlite3.Row | None = found.fetchone()
        if row is None:
            raise UnknownJob(
                f"there is no job {job_id!r}", hint="It may have been deleted; list the jobs."
            )
        return row

    def _end(self, job_id: str, state: JobState, **fields: Mapping[str, Any] | None) -> JobRecord:
        with self._change(durable=True) as changed:
            record = self.job(job_id)
            if not record.final:
                self._set(job_id, {"state": state, "ended": time.time(), **fields})
                self._tell_state(job_id, state, record.attempts, fields.get("error"))
                changed.append(job_id)
            return self.job(job_id)

    def _must_have_ended(self, job_id: str, what: str) -> None:
        record = self.job(job_id)
        if not record.final:
            raise JobBusy(
                f"the job {job_id} is {record.state} and cannot be {what}", hint="Cancel it first."
            )

    def _tell_state(
        self, job_id: str, state: JobState, attempt: int, error: Mapping[str, Any] | None = None
    ) -> None:
        event = {"event": "state", "state": state, "attempt": attempt}
        self._add_event(job_id, event | ({"error": dict(error)} if error else {}))

    def _add_event(self, job_id: str, event: Mapping[str, Any]) -> int:
        kind = str(event["event"])
        if kind in SUPERSEDED:
            self._connection.execute(
                "DELETE FROM events WHERE job_id = ? AND kind = ?", [job_id, kind]
            )
        try:
            added = self._connection.execute(
                "INSERT INTO events (job_id, kind, data) VALUES (?, ?, ?)",
                [job_id, kind, json.dumps(dict(event), ensure_ascii=False)],
            )
        except sqlite3.IntegrityError as error:
            raise UnknownJob(f"there is no job {job_id!r}") from error
        return int(added.lastrowid or 0)

    def _set(self, job_id: str, fields: Mapping[str, object]) -> None:
        values = [
            json.dumps(dict(value), ensure_ascii=False) if isinstance(value, Mapping) else value
            for value in fields.values()
        ]
        names = ", ".join(f"{name} = ?" for name in fields)
        self._connection.execute(f"UPDATE jobs SET {names} WHERE id = ?", [*values, job_id])

    @contextmanager
    def _change(self, *, durable: bool = False, queues: bool = False) -> Iterator[list[str]]:
        """Make one transaction of the block, and tell of the jobs in the list that it gives.

        What must survive a power cut is forced to the disk before the block ends; what may be lost
        in one, an event or a claim that is made again, need not wait for the disk.

        Raises
        ------
        DatabaseUnusable
            Nothing was changed then.
        """
        changed: list[str] = []
        with self._lock:
            try:
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._connection.execute("BEGIN IMMEDIATE")
                yield changed
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError):
                    raise DatabaseUnusable(
                        f"the queue '{self.path}' cannot be written: {error}",
                        hint="Free some space on its disk.",
                        path=self.path,
                    ) from error
                raise
        for job_id in changed:
            self.on_change(job_id)
        if changed and queues:
            self.on_queued()
