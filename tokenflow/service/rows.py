"""Between the rows of the queue's tables and what the service speaks of."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from functools import lru_cache
from typing import Any

from tokenflow.job import EditJob, canonical_json, job_hash
from tokenflow.states import JobRecord, RunRequest


def twin_hash(job: EditJob, request: RunRequest) -> str:
    """Return the hash of what makes two jobs the same: pixels, place and frames."""
    place = os.path.abspath(job.output.path)  # noqa: PTH100 links keep their names
    what = canonical_json([job_hash(job), place, request.frames])
    return hashlib.sha256(what.encode()).hexdigest()


@lru_cache(1024)
def _parsed(job: str) -> EditJob:
    return EditJob.from_json(json.loads(job))


def record_of(row: sqlite3.Row) -> JobRecord:
    """Return what a row of the jobs says."""

    def parsed(name: str) -> dict[str, Any] | None:
        return json.loads(row[name]) if row[name] is not None else None

    return JobRecord(
        id=row["id"],
        job=_parsed(row["job"]),
        request=RunRequest(
            row["priority"], bool(row["overwrite"]), bool(row["resume"]), row["frames"]
        ),
        state=row["state"],
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        attempts=row["attempts"],
        progress=parsed("progress"),
        report=parsed("report"),
        error=parsed("error"),
    )
