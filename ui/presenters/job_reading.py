"""Reading the queue: all of it now and then, what may have changed every two seconds."""

from __future__ import annotations

from tokenflow.client import Client
from tokenflow.errors import UnknownJob
from tokenflow.states import JobRecord

PAGE = 200
PAGES = 10
NEWEST = 50


def read_all(client: Client) -> tuple[list[JobRecord], set[str]]:
    """Read the queue and its history, two thousand jobs at most."""
    found: list[JobRecord] = []
    for _ in range(PAGES):
        page = client.jobs(limit=PAGE, before=found[-1].id if found else None)
        found += page
        if len(page) < PAGE:
            break
    return found, set()


def read_news(client: Client, running: list[str]) -> tuple[list[JobRecord], set[str]]:
    """Read what may have changed: the newest jobs, those that run, those that did.

    Returns
    -------
    list of JobRecord, set of str
        What was found, and which of `running` are gone.
    """
    found = {record.id: record for record in client.jobs(limit=NEWEST)}
    found |= {record.id: record for record in client.jobs(state="running")}
    gone: set[str] = set()
    for job_id in running:
        if job_id in found:
            continue
        try:
            found[job_id] = client.job(job_id)
        except UnknownJob:
            gone.add(job_id)
    return [*found.values()], gone
