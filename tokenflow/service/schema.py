"""The queue's tables, as the steps that lead from each version to the next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tokenflow.errors import DatabaseTooNew

# A step is never changed once it was released: databases out there have gone through it.
MIGRATIONS = (
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        twin TEXT NOT NULL,
        job TEXT NOT NULL,
        priority INTEGER NOT NULL,
        overwrite INTEGER NOT NULL,
        resume INTEGER NOT NULL,
        frames TEXT,
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        progress TEXT,
        report TEXT,
        error TEXT
    );
    CREATE UNIQUE INDEX one_of_its_kind ON jobs (twin) WHERE state IN ('queued', 'running');
    CREATE INDEX next_in_queue ON jobs (priority DESC, number) WHERE state = 'queued';
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        data TEXT NOT NULL
    );
    CREATE INDEX events_of_a_job ON events (job_id, id);
    """,
    "ALTER TABLE jobs ADD COLUMN unwanted INTEGER NOT NULL DEFAULT 0",
)

VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a database to this version's tables; each step is done wholly or not at all.

    Raises
    ------
    DatabaseTooNew
        Nothing is touched then.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise DatabaseTooNew(
            f"the queue '{path}' was written by a newer version (its tables are version {version}, "
            f"this one knows {VERSION})",
            hint="Update tokenflow, or move the file away to begin with an empty queue.",
            path=path,
        )
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT;"
        )
