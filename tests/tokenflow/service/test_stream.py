"""Event streams: nothing lost, nothing twice, and nobody held up by who does not listen."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.patience import SOON
from tests.tokenflow.service.doors import LONG, Front, head, running_front
from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.service.stream import SILENCE, News
from tokenflow.states import RunRequest


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with running_front(tmp_path) as running:
        yield running


@pytest.fixture
def job_id(front: Front, tmp_path: Path) -> str:
    job = EditJob(
        plate=Plate(str(tmp_path / "plate.####.exr")),
        edit=Edit("a blue ball"),
        output=Output(str(tmp_path / "edit.####.exr")),
    )
    return front.store.submit(job, RunRequest())[0].id


def progress(done: int, size: int = 0) -> dict[str, Any]:
    return {"event": "progress", "stage": "edit", "done": done, "total": 9, "detail": "x" * size}


def listed(front: Front, job_id: str) -> list[tuple[int, dict[str, Any]]]:
    return [(event.id, event.data) for event in front.store.events(job_id, limit=10_000)]


def heard(front: Front, job_id: str, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
    return [(event.id, event.data) for event in front.client.events(job_id, after)]


def wait_for_streams(front: Front, number: int) -> None:
    until = time.monotonic() + LONG
    while front.door.presence.streams != number:
        assert time.monotonic() < until, f"{front.door.presence.streams} streams, not {number}"
        time.sleep(0.01)


def test_a_stream_tells_everything_and_ends_with_the_job(front: Front, job_id: str) -> None:
    front.store.add_event(job_id, progress(1))
    with ThreadPoolExecutor(1) as threads:
        stream = threads.submit(heard, front, job_id)
        wait_for_streams(front, 1)
        for done in range(2, 9):
            front.store.add_event(job_id, progress(done))
        front.store.finish(job_id, {})
        assert stream.result(LONG) == listed(front, job_id)
    states = [data["state"] for _, data in listed(front, job_id) if data["event"] == "state"]
    assert states == ["queued", "done"]


def test_an_event_is_heard_at_once(front: Front, job_id: str) -> None:
    events = front.client.events(job_id)
    next(events)
    added = waits = 0.0

    def add(done: int) -> None:
        nonlocal added
        added = time.monotonic()
        front.store.add_event(job_id, progress(done))

    for done in range(5):
        time.sleep(0.05)
        threading.Timer(0.05, add, (done,)).start()
        assert next(events).data["done"] == done
        waits += time.monotonic() - added
    events.close()  # type: ignore[attr-defined]
    assert waits < SILENCE / 2  # after which a stream looks for itself


def test_the_wire_format_is_that_of_server_sent_events(front: Front, job_id: str) -> None:
    front.store.add_event(job_id, progress(1) | {"detail": "two\nlines: ä"})
    front.store.finish(job_id, {})
    answer = front.ask("GET", f"/v1/jobs/{job_id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block for block in answer.body.decode().split("\n\n") if block.strip()]
    fields = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
    assert [int(each["id"]) for each in fields] == [number for number, _ in listed(front, job_id)]
    assert [each["event"] for each in fields] == ["state", "progress", "state"]
    assert json.loads(fields[1]["data"])["detail"] == "two\nlines: ä"


@pytest.mark.parametrize("way", ["header", "query"])
def test_a_stream_resumes_behind_the_event_that_is_known(
    front: Front, job_id: str, way: str
) -> None:
    known = [front.store.add_event(job_id, progress(done)) for done in range(5)][2]
    front.store.finish(job_id, {})
    path = f"/v1/jobs/{job_id}/events"
    if way == "header":
        answer = front.ask("GET", path, headers={"Last-Event-ID": str(known)})
    else:
        answer = front.ask("GET", f"{path}?after={known}")
    numbers = [int(line[4:]) for line in answer.body.decode().splitlines() if line[:4] == "id: "]
    assert numbers == [number for number, _ in listed(front, job_id) if number > known]


def test_a_stream_of_an_ended_job_ends_at_once_even_if_all_is_known(
    front: Front, job_id: str
) -> None:
    front.store.cancel(job_id)
    assert heard(front, job_id) == listed(front, job_id)
    assert heard(front, job_id, after=2**63 - 1) == []


def test_a_stream_goes_on_when_the_job_is_tried_again(front: Front, job_id: str) -> None:
    front.store.fail(job_id, {"code": "x", "message": "y"})
    front.store.retry(job_id)
    with ThreadPoolExecutor(1) as threads:
        stream = threads.submit(heard, front, job_id)
        wait_for_streams(front, 1)
        front.store.finish(job_id, {})
        told = [data["state"] for _, data in stream.result(LONG)]
    assert told == ["queued", "failed", "queued", "done"]


@pytest.mark.parametrize("place", ["-1", "x", str(2**63), "9" * 5000])
def test_a_place_that_is_none_is_refused(front: Front, job_id: str, place: str) -> None:
    path = f"/v1/jobs/{job_id}/events"
    for answer in (
        front.ask("GET", path, headers={"Last-Event-ID": place}),
        front.ask("GET", f"{path}?after={place}"),
    ):
        assert (answer.status, answer.error["code"]) == (422, "invalid_request")


def test_a_stream_ends_when_its_job_is_forgotten(front: Front, job_id: str) -> None:
    with ThreadPoolExecutor(1) as threads:
        stream = threads.submit(front.ask, "GET", f"/v1/jobs/{job_id}/events")
        wait_for_streams(front, 1)
        front.store.cancel(job_id)
        front.store.delete(job_id)
        assert stream.result(LONG).status == 200


def test_an_open_stream_is_presence_and_a_closed_one_is_not(front: Front, job_id: str) -> None:
    events = front.client.events(job_id)
    next(events)
    wait_for_streams(front, 1)
    time.sleep(0.1)
    assert front.door.presence.away == 0.0
    events.close()  # type: ignore[attr-defined]
    wait_for_streams(front, 0)
    time.sleep(0.001)
    assert front.door.presence.away > 0.0


def test_a_change_while_the_event_loop_closes_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def made() -> News:
        return News()

    loop = asyncio.new_event_loop()
    news = loop.run_until_complete(made())
    loop.close()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "is_closed", lambda: False)  # as it was a moment ago
        news.changed("a job")


def test_50_streams_hear_the_same_and_calls_go_on(front: Front, job_id: str) -> None:
    with ThreadPoolExecutor(50) as threads:
        streams = [threads.submit(heard, front, job_id) for _ in range(50)]
        wait_for_streams(front, 50)
        for done in range(40):
            front.store.add_event(job_id, progress(done))
        asked = time.monotonic()
        assert front.ask("GET", "/v1/health").status == 200
        assert time.monotonic() - asked < SOON
        front.store.finish(job_id, {})
        expected = listed(front, job_id)
        assert all(stream.result(LONG) == expected for stream in streams)


def test_a_client_that_never_reads_costs_its_socket_alone(front: Front, job_id: str) -> None:
    with front.connect() as deaf:
        deaf.sendall(head("GET", f"/v1/jobs/{job_id}/events", front.port))
        wait_for_streams(front, 1)
        before = psutil.Process().memory_info().rss
        numbers = [front.store.add_event(job_id, progress(n, size=10_000)) for n in range(3000)]
        listener = front.client.events(job_id, after=numbers[-1])
        front.store.finish(job_id, {})
        assert [event.data["state"] for event in listener] == ["done"]
        assert front.ask("GET", f"/v1/jobs/{job_id}").json["state"] == "done"
        grown = psutil.Process().memory_info().rss - before
    assert grown < 20 * 2**20, "30 MB of events are kept for somebody who does not listen"
    wait_for_streams(front, 0)
