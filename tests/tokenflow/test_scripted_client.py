"""What only the scripted client can do: knobs, and a clock that the test turns."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ocio.frame_range import FrameRange
from tests.tokenflow.played import scripted
from tokenflow.errors import OutOfMemory, ServiceUnreachable
from tokenflow.events import JobWarning, Progress
from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.scripted_client import Knobs, ScriptedClient
from tokenflow.scripted_job import Play, Step, failing_play, usual_play

JOB = EditJob(plate=Plate("/p.####.exr"), edit=Edit(prompt="a"), output=Output("/o.####.exr"))


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_a_job_is_where_the_script_has_it_at_that_time() -> None:
    def play(job: EditJob, frames: FrameRange) -> Play:
        steps = (
            Step(2.0, Progress("edit", 1, 4)),
            Step(2.0, Progress("edit", 2, 4, "half", 0.5)),
            Step(4.0, JobWarning("careful")),
        )
        return Play(steps, {"frames": 1})

    clock = Clock()
    client = ScriptedClient(Knobs(script=play), clock)
    job_id = client.submit(JOB)
    assert (client.job(job_id).state, client.job(job_id).progress) == ("running", None)
    clock.now += 2.0
    assert client.job(job_id).progress == {
        "fraction": pytest.approx(1 / 3),
        "stage": "edit",
        "detail": "",
        "seconds_left": 6.0,
    }
    clock.now += 2.5
    progress = client.job(job_id).progress
    assert progress is not None
    assert (progress["fraction"], progress["detail"]) == (0.5, "half")
    assert client.job(job_id).state == "running"
    clock.now += 3.5
    record = client.job(job_id)
    assert (record.state, record.report) == ("done", {"frames": 1})


def test_jobs_run_one_after_the_other_without_anybody_looking() -> None:
    clock = Clock()
    client = ScriptedClient(Knobs(script=usual_play(10.0)), clock)
    places = [replace(JOB, output=Output(f"/{n}.####.exr")) for n in range(3)]
    ids = [client.submit(job) for job in places]
    clock.now += 25.0
    assert [client.job(job_id).state for job_id in ids] == ["done", "done", "running"]
    progress = client.job(ids[2]).progress
    assert progress is not None
    assert progress["fraction"] == pytest.approx(0.5, abs=0.05)


def test_a_service_can_be_lost_and_come_back_with_its_jobs() -> None:
    client = ScriptedClient()
    job_id = client.submit(JOB)
    client.knobs.unreachable = True
    for call in (client.health, client.jobs, client.device, lambda: next(client.events(job_id))):
        with pytest.raises(ServiceUnreachable):
            call()
    client.knobs.unreachable = False
    assert client.job(job_id).id == job_id


def test_one_call_can_be_made_to_fail() -> None:
    client = ScriptedClient()
    client.knobs.next_error = OutOfMemory("the device is full")
    with pytest.raises(OutOfMemory):
        client.device()
    assert client.device()


def test_calls_can_be_made_slow() -> None:
    client = ScriptedClient(Knobs(delay=0.1))
    begun = time.monotonic()
    client.health()
    assert time.monotonic() - begun >= 0.1


def test_a_job_can_fail_half_way() -> None:
    clock = Clock()
    client = ScriptedClient(
        Knobs(script=failing_play(OutOfMemory("full", hint="Wait."), 1.0)), clock
    )
    job_id = client.submit(JOB)
    clock.now += 2.0
    error = client.job(job_id).error
    assert error is not None
    assert (error["code"], error["hint"], error["retryable"]) == ("out_of_memory", "Wait.", True)
    assert 0.2 < client.job(job_id).progress["fraction"] < 0.9  # type: ignore[index]


def test_after_shutdown_nothing_answers(tmp_path: Path) -> None:
    client = scripted(tmp_path).client
    client.shutdown()
    with pytest.raises(ServiceUnreachable):
        client.health()


def test_pictures_of_plate_and_edit_differ(tmp_path: Path) -> None:
    played = scripted(tmp_path)
    job_id = played.client.submit(played.job("seen"))
    pictures = {what: played.client.frame(job_id, 1001, what) for what in ("plate", "edit")}
    assert pictures["plate"] != pictures["edit"]
