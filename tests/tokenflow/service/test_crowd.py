"""Many at once, on a whole service: 200 jobs, 50 streams, one that never reads; work goes on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from socket import create_connection
from urllib.parse import urlsplit

from ocio.exr import read_frame
from tests.patience import SOON
from tests.tokenflow.frames import exr_files, litter
from tests.tokenflow.own_service import LONG
from tests.tokenflow.played import Played
from tokenflow.client import HttpClient
from tokenflow.job import EditJob
from tokenflow.states import RunRequest, StoredEvent

STREAMS = 50
JOBS = 200
SOME = 3


def test_200_jobs_and_50_streams_and_a_deaf_client_hold_nobody_up(real_service: Played) -> None:
    client = real_service.client
    assert isinstance(client, HttpClient)
    blocking = client.submit(real_service.endless("crowd blocking"))
    real_service.wait(blocking, "running")
    wanted = client.submit(real_service.job("crowd wanted"), RunRequest(priority=1))

    def hopeless(number: int) -> EditJob:
        job = real_service.hopeless("crowd")
        return replace(job, edit=replace(job.edit, seed=number))

    with create_connection(_where(client), LONG) as deaf, ThreadPoolExecutor(STREAMS) as threads:
        deaf.sendall(_ask_for_events(client, blocking))
        streams = [threads.submit(real_service.all_events, wanted) for _ in range(STREAMS)]
        try:
            # Twice each, at once: the same job twice is one job.
            with ThreadPoolExecutor(16) as submitters:
                ids = [*submitters.map(client.submit, map(hopeless, [*range(JOBS)] * 2))]
            asked = time.monotonic()
            assert client.health().status in ("loading", "busy")
            assert time.monotonic() - asked < SOON
        finally:
            client.cancel(blocking)
        heard = [stream.result(LONG) for stream in streams]
    assert ids[:JOBS] == ids[JOBS:] and len(set(ids)) == JOBS
    assert all(each == heard[0] for each in heard)
    _check_done(real_service, wanted, heard[0])
    _check_order(real_service, ids[:JOBS])


def _check_done(played: Played, job_id: str, events: list[StoredEvent]) -> None:
    """Check that the job was done once, and all its frames are whole."""
    states = [event.data["state"] for event in events if event.data["event"] == "state"]
    assert states == ["queued", "running", "done"]
    assert all(before.id < after.id for before, after in pairwise(events))
    folder = Path(played.client.job(job_id).job.output.path).parent
    assert [*exr_files(folder)] == [f"edit.{frame}.exr" for frame in range(1001, 1006)]
    for frame in range(1001, 1006):
        read_frame(folder / f"edit.{frame}.exr")
    assert litter(folder) == []


def _check_order(played: Played, ids: list[str]) -> None:
    """Let some of the jobs run, cancel the others; none is lost, and they begin as they came."""
    came = [record.id for record in played.client.jobs(limit=1000) if record.id in ids][::-1]
    assert len(came) == len(ids)
    played.wait(came[SOME], "failed")
    for job_id in came[::-1]:
        played.client.cancel(job_id)
    for job_id in came:
        played.wait(job_id, "failed", "cancelled")
    attempts = [played.client.job(job_id).attempts for job_id in came]
    assert attempts == sorted(attempts, reverse=True)
    assert attempts[: SOME + 1] == [1] * (SOME + 1) and attempts[-1] == 0


def _where(client: HttpClient) -> tuple[str, int]:
    parts = urlsplit(client.address)
    return str(parts.hostname), int(parts.port or 0)


def _ask_for_events(client: HttpClient, job_id: str) -> bytes:
    host, port = _where(client)
    token = client._service._token
    head = f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: {host}:{port}\r\n"
    return f"{head}Authorization: Bearer {token}\r\n\r\n".encode()
