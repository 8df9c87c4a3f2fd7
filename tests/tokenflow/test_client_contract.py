"""What every client promises, against a scripted service and against a real one."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ocio.errors import OcioError, SequenceNotFound
from tests.tokenflow.played import Played, scripted
from tokenflow.client import PROTOCOL, Client, Reading
from tokenflow.errors import JobBusy, TokenFlowError, UnknownJob
from tokenflow.events import Event, Finished, FrameWritten, Progress
from tokenflow.states import RunRequest, StoredEvent


@pytest.fixture(params=["scripted", "http"])
def played(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Played]:
    """A service without jobs of other tests that still run."""
    if request.param == "scripted":
        yield scripted(tmp_path)
        return
    found: Played = request.getfixturevalue("real_service")
    yield found
    for record in found.client.jobs():
        if not record.final:
            found.client.cancel(record.id)
            found.wait(record.id, "done", "failed", "cancelled")


def states(events: list[StoredEvent]) -> list[str]:
    return [event.data["state"] for event in events if event.data["event"] == "state"]


def png_width(content: bytes) -> int:
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return int(struct.unpack(">I", content[16:20])[0])


def test_health_tells_state_version_and_protocol(played: Played) -> None:
    health = played.client.health()
    assert health.status in ("starting", "loading", "ready", "busy")
    assert health.version
    assert health.protocol == PROTOCOL


def test_a_job_goes_from_queued_to_done_and_its_events_tell_it(played: Played) -> None:
    job = played.job("done")
    job_id = played.client.submit(job)
    events = played.all_events(job_id)
    assert states(events) == ["queued", "running", "done"]
    assert all(a.id < b.id for a, b in pairwise(events))
    assert {event.job_id for event in events} == {job_id}
    told = [Event.from_json(event.data) for event in events]
    assert [e.frame for e in told if isinstance(e, FrameWritten)] == [1001, 1002, 1003, 1004, 1005]
    assert [e.frames for e in told if isinstance(e, Finished)] == [5]
    fractions = [e.fraction for e in told if isinstance(e, Progress)]
    assert fractions and all(fraction is not None for fraction in fractions)
    assert fractions == sorted(fractions, key=lambda fraction: fraction or 0)
    record = played.client.job(job_id)
    assert (record.state, record.error, record.attempts) == ("done", None, 1)
    assert record.job == job
    assert record.report
    assert record.progress and record.progress["fraction"] == pytest.approx(1.0)
    assert record.created <= (record.started or 0) <= (record.ended or 0)


def test_a_stream_goes_on_after_any_event_without_losing_or_repeating_one(played: Played) -> None:
    job_id = played.client.submit(played.job("resumed"))
    whole = played.all_events(job_id)
    for place in (0, 1, len(whole) // 2, len(whole) - 1):
        assert played.all_events(job_id, whole[place].id) == whole[place + 1 :]


def test_events_come_while_the_job_runs_and_the_stream_can_be_left(played: Played) -> None:
    job_id = played.client.submit(played.endless("left"))
    events = played.client.events(job_id)
    first = next(event for event in events if event.data["event"] == "stage_started")
    assert first.data["stage"] == "read"
    events.close()  # type: ignore[attr-defined]
    assert played.client.job(job_id).state == "running"


def test_events_end_where_nobody_listens_any_more(played: Played) -> None:
    job_id = played.client.submit(played.endless("unheard"))
    heard: list[StoredEvent] = []
    for event in played.client.events(job_id, wanted=lambda: len(heard) < 2):
        heard.append(event)
    assert len(heard) >= 2
    assert not played.client.job(job_id).final


def test_the_same_job_twice_is_one_job_as_long_as_it_has_not_ended(played: Played) -> None:
    first = played.client.submit(played.endless("twice"))
    assert played.client.submit(played.endless("twice")) == first
    elsewhere = played.client.submit(played.endless("elsewhere"))
    part = played.client.submit(played.endless("twice"), RunRequest(frames="1001-1002"))
    assert len({first, elsewhere, part}) == 3
    played.client.cancel(first)
    played.wait(first, "cancelled")
    assert played.client.submit(played.endless("twice")) != first


def test_a_running_and_a_queued_job_can_be_cancelled(played: Played) -> None:
    running = played.client.submit(played.endless("running"))
    queued = played.client.submit(played.endless("queued"))
    played.wait(running, "running")
    for job_id in (queued, running):
        played.client.cancel(job_id)
        played.wait(job_id, "cancelled")
        assert states(played.all_events(job_id))[-1] == "cancelled"


def test_cancelling_a_job_that_has_ended_changes_nothing(played: Played) -> None:
    job_id = played.client.submit(played.job("ended"))
    events = played.all_events(job_id)
    played.client.cancel(job_id)
    assert played.client.job(job_id).state == "done"
    assert played.all_events(job_id) == events


def test_a_job_that_fails_says_why_with_the_error_of_the_engine(played: Played) -> None:
    job_id = played.client.submit(played.hopeless("failing"))
    events = played.all_events(job_id)
    error = played.client.job(job_id).error
    assert error is not None
    assert (error["code"], error["exit_code"]) == ("sequence_not_found", 66)
    assert events[-1].data["state"] == "failed"
    known = {name: value for name, value in error.items() if value is not None}
    assert events[-1].data["error"] == known


def test_a_job_that_has_ended_can_be_tried_again(played: Played) -> None:
    job_id = played.client.submit(played.job("again"))
    once = played.all_events(job_id)
    played.client.retry(job_id)
    assert states(played.all_events(job_id, once[-1].id)) == ["queued", "running", "done"]
    record = played.client.job(job_id)
    assert (record.state, record.attempts, record.request.resume) == ("done", 1, True)


def test_a_job_that_has_ended_can_be_forgotten(played: Played) -> None:
    job_id = played.client.submit(played.hopeless("forgotten"))
    played.all_events(job_id)
    played.client.delete(job_id)
    with pytest.raises(UnknownJob):
        played.client.job(job_id)
    assert job_id not in [record.id for record in played.client.jobs()]


def test_a_stream_ends_as_well_if_the_job_is_forgotten_at_its_end(played: Played) -> None:
    job_id = played.client.submit(played.hopeless("forgotten at once"))
    seen = []
    for event in played.client.events(job_id):
        seen.append(event)
        if event.data.get("state") == "failed":
            played.client.delete(job_id)
    assert states(seen)[-1] == "failed"


@pytest.mark.parametrize("call", ["retry", "delete"])
def test_a_running_job_can_be_neither_retried_nor_forgotten(played: Played, call: str) -> None:
    job_id = played.client.submit(played.endless("busy"))
    with pytest.raises(JobBusy):
        getattr(played.client, call)(job_id)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.job("0" * 12),
        lambda client: client.cancel("0" * 12),
        lambda client: client.retry("0" * 12),
        lambda client: client.delete("0" * 12),
        lambda client: client.set_priority("0" * 12, 1),
        lambda client: next(client.events("0" * 12)),
        lambda client: client.frame("0" * 12, 1001),
    ],
)
def test_a_job_that_is_not_there_is_an_error_of_its_own(
    played: Played, call: Callable[[Client], Any]
) -> None:
    with pytest.raises(UnknownJob):
        call(played.client)


def test_higher_priority_goes_first_and_can_be_given_later(played: Played) -> None:
    client = played.client
    first = client.submit(played.endless("first"))
    played.wait(first, "running")
    second = client.submit(played.job("second"))
    third = client.submit(played.job("third"))
    urgent = client.submit(played.job("urgent"), RunRequest(priority=5))
    client.set_priority(third, 9)
    assert client.job(third).request.priority == 9
    client.cancel(first)
    begun = {}
    for job_id in (second, third, urgent):
        begun[job_id] = next(
            event.id for event in played.all_events(job_id) if event.data.get("state") == "running"
        )
    assert sorted(begun, key=lambda job_id: begun[job_id]) == [third, urgent, second]


def test_jobs_are_listed_newest_first_by_page_and_by_state(played: Played) -> None:
    client = played.client
    ids = [client.submit(played.endless(f"listed {number}")) for number in range(4)]
    played.wait(ids[0], "running")
    newest = [record.id for record in client.jobs(limit=2)]
    assert newest == [ids[3], ids[2]]
    assert [record.id for record in client.jobs(limit=2, before=newest[-1])] == [ids[1], ids[0]]
    assert [record.id for record in client.jobs(state="running")] == [ids[0]]


@pytest.mark.parametrize("what", ["plate", "edit", "difference"])
def test_frames_can_be_looked_at_in_the_width_asked(played: Played, what: Any) -> None:
    job_id = played.client.submit(played.job("seen"))
    played.all_events(job_id)
    assert png_width(played.client.frame(job_id, 1003, what, width=32)) == 32


def test_a_frame_that_the_job_does_not_have_is_input_that_is_missing(played: Played) -> None:
    job_id = played.client.submit(played.job("unseen"))
    with pytest.raises(Exception) as caught:
        played.client.frame(job_id, 7, "plate", width=32)
    assert getattr(caught.value, "exit_code", None) == 66


def test_a_bundle_for_a_farm_is_written_once_under_a_name(played: Played) -> None:
    job = played.job("for the farm")
    folder, workspace = (str(played.folder / name) for name in ("bundle", "farm workspace"))
    files = played.client.bundle(job, folder, workspace)
    assert "template.json" in files
    with pytest.raises((OcioError, TokenFlowError)) as caught:
        played.client.bundle(job, folder, workspace)
    assert "there already" in str(caught.value)


def test_a_plate_can_be_inspected_and_looked_at(played: Played) -> None:
    found = played.client.inspect(played.plate)
    assert found["frames"] == "1001-1005"
    assert found["size"] == [64, 36]
    assert png_width(played.client.plate_frame(played.plate, 1001, width=32)) == 32


def test_a_plate_can_be_read_as_in_another_colour_space(played: Played) -> None:
    other = Reading(colorspace="Linear Rec.709 (sRGB)")
    assert played.client.inspect(played.plate, other)["frames"] == "1001-1005"
    assert png_width(played.client.plate_frame(played.plate, 1001, other, width=32)) == 32


def test_a_plate_that_is_not_there_is_an_error_of_its_own(played: Played) -> None:
    with pytest.raises(SequenceNotFound):
        played.client.inspect(str(played.folder / "gone.####.exr"))


def test_checkpoints_and_devices_are_known(played: Played) -> None:
    assert "demo" in [model["name"] for model in played.client.models()]
    assert played.client.device()["devices"]
