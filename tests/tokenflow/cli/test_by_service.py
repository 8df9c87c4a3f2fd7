"""`--service`: the same command, the same words, the same frames; another process computes."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import SOON
from tests.tokenflow.own_service import OwnService
from tests.tokenflow.program import Process, Ran
from tokenflow import client
from tokenflow.client import HttpClient
from tokenflow.errors import ServiceUnreachable
from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.states import RunRequest
from tokenflow.user_settings import settings_file


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnService]:
    """One service for all tests here; it may use what tests use, whoever starts it again."""
    own = OwnService(tmp_path_factory.mktemp("service") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKENFLOW_HOME", str(own.folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.delenv("OCIO", raising=False)
        settings = settings_file()
        settings.parent.mkdir(parents=True)
        roots = [str(tmp_path_factory.getbasetemp())]
        settings.write_text(json.dumps({"service": {"roots": roots}}))
        own.start()
    yield own
    own.end()


@pytest.fixture
def service(running: OwnService, monkeypatch: pytest.MonkeyPatch) -> OwnService:
    """The user's service."""
    monkeypatch.setenv("TOKENFLOW_HOME", str(running.folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    running.start()
    return running


@pytest.fixture
def quick(tiny_checkpoint: Path) -> tuple[str, ...]:
    """Options that make an edit quick; the workspace is the service's."""
    return (
        *("--model", str(tiny_checkpoint), "--steps", "2", "--inversion-steps", "2"),
        *("--inversion-evaluations", "1", "--keyframe-interval", "2"),
    )


def names(out: str) -> list[list[tuple[Any, Any]]]:
    """What happened to stages, and what to frames, without how far and how long.

    Frames are written in their order; in which stage, depends on what a machine can do at once.
    """
    seen = [json.loads(line) for line in out.splitlines()]
    said = [
        (event["event"], event.get("stage") or event.get("frame"))
        for event in seen
        if event["event"] != "progress"
    ]
    return [
        [event for event in said if (event[0] == "frame_written") is frames]
        for frames in (False, True)
    ]


def test_frames_words_and_events_are_those_of_a_run_in_this_process(
    service: OwnService, edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    here = edit(demo_plate, tmp_path / "here", "--progress", "json", "--device", "cpu")
    there = edit(demo_plate, tmp_path / "there", "--progress", "json", "--service")
    assert (here.code, there.code) == (0, 0), there.err
    assert names(there.out) == names(here.out)
    files = sorted((tmp_path / "there").glob("*.exr"))
    assert len(files) == 5
    for file in files:
        assert file.read_bytes() == (tmp_path / "here" / file.name).read_bytes()


def test_a_script_gets_the_frames_one_per_line(
    service: OwnService, edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--service", "--frames", "1002-1003")
    assert ran.code == 0, ran.err
    assert ran.out.split() == [str(tmp_path / f"out/plate.{n}.exr") for n in (1002, 1003)]
    assert "Merge and write: " in ran.err


def test_a_job_file_with_relative_paths_is_sent_with_whole_ones(
    service: OwnService,
    edit: Callable[..., Ran],
    tokenflow: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert edit(demo_plate, tmp_path / "out", "--frames", "1001", "--device", "cpu").code == 0
    written = next((tmp_path / "out").glob("*.job.json"))
    job = json.loads(written.read_text())
    job["plate"]["path"] = os.path.relpath(job["plate"]["path"], tmp_path)
    (tmp_path / "job.json").write_text(json.dumps(job))
    monkeypatch.chdir(tmp_path)
    ran = tokenflow("run", "job.json", "--service", "--out", "again", "--frames", "1001")
    assert ran.code == 0, ran.err
    assert ran.out.split() == [str(tmp_path / "again/plate.1001.exr")]


def test_what_goes_wrong_is_said_in_the_same_words(
    service: OwnService, edit: Callable[..., Ran], tmp_path: Path
) -> None:
    here = edit(tmp_path / "gone.####.exr", tmp_path / "out")
    there = edit(tmp_path / "gone.####.exr", tmp_path / "out", "--service")
    assert (there.code, there.error) == (here.code, here.error)
    assert there.code == 66


def test_a_plate_outside_the_allowed_folders_is_refused_with_the_remedy(
    service: OwnService, edit: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = edit("/etc/plate.####.exr", tmp_path / "out", "--service")
    assert ran.code == 77
    assert "--root" in ran.error


@pytest.mark.parametrize("option", [("--device", "cpu"), ("--workspace", "w"), ("--dry-run",)])
def test_options_of_a_process_of_ones_own_are_wrong_usage(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path, option: tuple[str, ...]
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--service", *option)
    assert ran.code == 2
    assert f"{option[0]} and --service exclude each other" in ran.error


def test_ctrl_c_cancels_the_job_at_the_service(
    service: OwnService, start: Callable[..., Process], demo_plate: Path, tmp_path: Path
) -> None:
    process = start(demo_plate, tmp_path / "out", *long_job())
    process.wait_until(lambda event: event["event"] == "stage_started")
    assert process.send(signal.SIGINT) < SOON
    assert process.wait().code == 130
    record = service.start().jobs()[0]
    service.wait_until(lambda: service.start().job(record.id).state == "cancelled")


def test_a_stop_before_the_service_has_answered_cancels_the_job_too(
    service: OwnService,
    edit: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submit = HttpClient.submit
    queued: list[str] = []

    def submit_and_be_stopped(self: HttpClient, job: EditJob, request: RunRequest) -> str:
        queued.append(submit(self, job, request))
        if len(queued) == 1:
            signal.raise_signal(signal.SIGTERM)
        return queued[-1]

    monkeypatch.setattr(HttpClient, "submit", submit_and_be_stopped)
    ran = edit(demo_plate, tmp_path / "out", *long_job())
    assert ran.code == 143
    service.wait_until(lambda: service.start().job(queued[0]).state == "cancelled")
    assert set(queued) == {queued[0]}


def long_job() -> tuple[str, ...]:
    """Options that make an edit long, and show it."""
    return ("--steps", "500", "--inversion-steps", "500", "--progress", "json", "--service")


def test_a_service_that_is_killed_meanwhile_is_started_again_and_the_job_goes_on(
    service: OwnService,
    edit: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.5)
    first = service.runtime.pid
    watching: HttpClient = service.start()

    def kill_in_the_middle() -> None:
        service.wait_until(lambda: bool(watching.jobs(state="running")))
        service.kill()

    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    # Many, so that the job lasts until it is killed.
    steps = ("--steps", "60", "--inversion-steps", "60")
    ran = edit(demo_plate, tmp_path / "out", "--service", *steps)
    killer.join()
    assert ran.code == 0, ran.err
    assert service.runtime.pid != first
    assert len(ran.out.split()) == 5
    assert len([*(tmp_path / "out").glob("*.exr")]) == 5


def test_a_service_that_is_killed_before_it_answers_has_the_job_once(
    service: OwnService,
    edit: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submit = HttpClient.submit
    queued_before = len(service.start().jobs())
    answers = 0

    def submit_and_kill(self: HttpClient, job: EditJob, request: RunRequest) -> str:
        nonlocal answers
        answers += 1
        job_id = submit(self, job, request)
        if answers == 1:
            service.kill()
            raise ServiceUnreachable("broke off", hint="")
        return job_id

    monkeypatch.setattr(HttpClient, "submit", submit_and_kill)
    ran = edit(demo_plate, tmp_path / "out", "--service", "--steps", "6", "--inversion-steps", "6")
    assert ran.code == 0, ran.err
    assert answers == 2
    assert len(service.start().jobs()) == queued_before + 1
    assert len([*(tmp_path / "out").glob("*.exr")]) == 5


def test_a_stage_is_not_for_the_service(
    tokenflow: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    edit, output = Edit(method="passthrough"), Output(str(tmp_path / "out/p.####.exr"))
    job = EditJob(plate=Plate(str(demo_plate)), edit=edit, output=output)
    (tmp_path / "p.job.json").write_text(json.dumps(job.to_json()))
    ran = tokenflow("run", tmp_path / "p.job.json", "--stage", "edit", "--service")
    assert ran.code == 2
    assert "--stage and --service exclude each other" in ran.error
