"""What kills a worker or stops a job: no frame lost, none half, none made twice; the queue goes on.

One worker serves all of these tests, killed again and again.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ocio.exr import read_frame
from ocio.frame_range import FrameRange
from tests.patience import SOON
from tests.tokenflow.frames import exr_files, litter
from tests.tokenflow.service import halting_worker
from tests.tokenflow.service.work import (
    LONG,
    QUICK_LIMITS,
    Engine,
    gone,
    nothing_job,
    quick_job,
    wait_until,
)
from tokenflow.job import EditJob, Range, Size
from tokenflow.service import lane
from tokenflow.service.lane import Limits
from tokenflow.states import JobRecord

Job = Callable[..., EditJob]


@pytest.fixture(scope="module")
def workers(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let workers add up in one order, and wait where the file says that this gives."""
    halt = tmp_path_factory.mktemp("halt") / "event.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", str(repository))
        patch.setenv(halting_worker.HALT, str(halt))
        patch.setattr(lane, "WORKER", halting_worker.MODULE)
        yield halt


@pytest.fixture(scope="module")
def engine(workers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("engine")).begin()
    yield engine
    engine.end()


@pytest.fixture(autouse=True)
def _calm(engine: Engine, workers: Path) -> Iterator[None]:
    """Begin each test with an idle worker, no halt and no listener."""
    engine.wait_for_workers()
    yield
    engine.store.on_change = lambda job_id: None
    workers.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def undisturbed(
    engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
    demo_plate: Path,
    tiny_checkpoint: Path,
) -> dict[str, bytes]:
    """The frames of the job of `job` when nothing happens to it."""
    out = tmp_path_factory.mktemp("undisturbed")
    engine.wait_for_workers()
    record = engine.run(quick_job(demo_plate, out, tiny_checkpoint, seed=1))
    assert record.state == "done", record.error
    return exr_files(out)


@pytest.fixture
def job(tmp_path: Path, demo_plate: Path, tiny_checkpoint: Path) -> Job:
    """Return a function that makes a job of which the workspace holds nothing."""
    return lambda plate=demo_plate, **edit: quick_job(
        plate, tmp_path / "out", tiny_checkpoint, **edit
    )


@pytest.fixture
def fresh(engine: Engine) -> Iterator[None]:
    """Give the lanes an empty workspace for this test."""
    device = engine.supervisor.lanes[0]
    before = device.workspace
    device.workspace = engine.workspace.with_name(f"fresh {time.monotonic_ns()}")
    yield
    device.workspace = before


def cancel_newest(engine: Engine) -> None:
    engine.supervisor.cancel(engine.store.jobs(limit=1)[0].id)


def stop_worker(engine: Engine) -> None:
    os.kill(engine.worker, signal.SIGSTOP)


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def assert_next_job_runs(engine: Engine, job: Job, tmp_path: Path) -> None:
    record = engine.run(nothing_job(job(), tmp_path / "next"))
    assert record.state == "done", record.error
    assert len(exr_files(tmp_path / "next")) == 5


def assert_all_is_well(
    record: JobRecord, out: Path, undisturbed: dict[str, bytes], attempts: int
) -> None:
    assert record.state == "done", record.error
    assert record.attempts == attempts
    assert exr_files(out) == undisturbed
    assert litter(out.parent) == []
    assert record.report is not None and record.report["frames"]["written"] == "1001-1005"


def finished_stages(engine: Engine, job_id: str) -> list[tuple[str, bool]]:
    return [
        (event["stage"], event["reused"])
        for event in engine.data(job_id)
        if event["event"] == "stage_finished"
    ]


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("stage", ["read", "encode", "invert", "edit", "decode"])
def test_a_killed_worker_is_started_again_and_the_job_goes_on(
    engine: Engine,
    job: Job,
    tmp_path: Path,
    undisturbed: dict[str, bytes],
    stage: str,
) -> None:
    engine.halt_at("stage_started", engine.kill_worker, stage=stage)
    job_id = engine.submit(job())
    record = engine.wait(job_id)
    assert_all_is_well(record, tmp_path / "out", undisturbed, attempts=2)
    stages = finished_stages(engine, job_id)
    # What was finished before the kill was not computed again.
    assert [name for name, reused in stages if not reused].count(stage) == 1
    computed = [name for name, reused in stages if not reused]
    assert len(computed) == len(set(computed))
    lost = next(e for e in engine.data(job_id) if e["event"] == "state" and "error" in e)
    assert lost["error"]["code"] == "worker_died" and "killed" in lost["error"]["message"]
    assert_next_job_runs(engine, job, tmp_path)


@pytest.mark.usefixtures("fresh")
def test_a_worker_killed_between_two_frames_loses_none(
    engine: Engine, job: Job, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    engine.halt_at("frame_written", engine.kill_worker)
    job_id = engine.submit(job())
    assert_all_is_well(engine.wait(job_id), tmp_path / "out", undisturbed, attempts=2)
    kept = [e for e in engine.data(job_id) if e["event"] == "frame_written" and e["skipped"]]
    assert kept


@pytest.mark.usefixtures("fresh")
def test_a_job_that_kills_its_worker_each_time_fails_and_the_next_one_runs(
    engine: Engine, job: Job, tmp_path: Path
) -> None:
    engine.supervisor.lanes[0].limits = replace(QUICK_LIMITS, attempts=2)
    engine.halt_at("stage_started", engine.kill_worker, times=2, stage="encode")
    record = engine.run(job())
    engine.supervisor.lanes[0].limits = QUICK_LIMITS
    assert (record.state, record.attempts) == ("failed", 2)
    assert record.error is not None
    assert (record.error["code"], record.error["exit_code"]) == ("worker_died", 75)
    assert_next_job_runs(engine, job, tmp_path)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("stage", ["encode", "invert", "edit", "merge"])
def test_a_cancelled_job_stops_within_two_seconds_and_the_next_one_runs(
    engine: Engine, job: Job, tmp_path: Path, workers: Path, stage: str
) -> None:
    engine.supervisor.lanes[0].limits = replace(QUICK_LIMITS, cancel=LONG)  # it stops by itself
    cancel = partial(cancel_newest, engine)
    asked = engine.halt_at("stage_started", cancel, go_on=False, stage=stage)
    worker = engine.worker
    record = engine.run(job())
    assert record.error is None and asked
    assert time.monotonic() - asked[0] < SOON
    assert record.state == "cancelled"
    for name in exr_files(tmp_path / "out") if (tmp_path / "out").exists() else ():
        read_frame(tmp_path / "out" / name)
    assert litter(tmp_path) == []
    workers.unlink()
    assert_next_job_runs(engine, job, tmp_path)
    assert engine.worker == worker
    engine.supervisor.lanes[0].limits = QUICK_LIMITS


@pytest.mark.usefixtures("fresh")
def test_a_worker_that_does_not_answer_is_killed_for_a_cancellation(
    engine: Engine, job: Job, tmp_path: Path
) -> None:
    engine.halt_at("stage_started", lambda: stop_worker(engine), stage="encode")
    worker = engine.worker
    job_id = engine.submit(job())
    wait_until(lambda: any(e.get("stage") == "encode" for e in engine.data(job_id)))
    started = time.monotonic()
    engine.supervisor.cancel(job_id)
    assert engine.wait(job_id).state == "cancelled"
    assert time.monotonic() - started < SOON
    assert gone(worker)
    assert_next_job_runs(engine, job, tmp_path)


@pytest.mark.usefixtures("fresh")
def test_a_checkpoint_that_loads_for_ever_holds_up_no_cancellation(
    engine: Engine, job: Job, tmp_path: Path
) -> None:
    before = engine.worker
    engine.kill_worker()  # the next one has nothing loaded
    wait_until(lambda: engine.supervisor.status()[0]["pid"] not in (before, None))
    engine.wait_for_workers()
    engine.at("loading", lambda: stop_worker(engine))
    worker = engine.worker
    job_id = engine.submit(job())
    wait_until(lambda: any(e["event"] == "loading" for e in engine.data(job_id)))
    started = time.monotonic()
    engine.supervisor.cancel(job_id)
    assert engine.wait(job_id).state == "cancelled"
    assert time.monotonic() - started < SOON
    assert gone(worker)
    assert_next_job_runs(engine, job, tmp_path)


@pytest.mark.usefixtures("fresh")
def test_a_silent_worker_is_noticed_and_replaced(
    engine: Engine, job: Job, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    device = engine.supervisor.lanes[0]
    patient = device.limits

    def silence() -> None:
        stop_worker(engine)
        device.limits = replace(patient, silence=2.5)

    def be_patient() -> None:
        device.limits = patient

    engine.halt_at("stage_started", silence, stage="invert")
    engine.at("state", be_patient, state="queued", attempt=1)  # the next one may be slow
    job_id = engine.submit(job())
    record = engine.wait(job_id)
    assert_all_is_well(record, tmp_path / "out", undisturbed, attempts=2)
    lost = next(e for e in engine.data(job_id) if "error" in e)
    assert "no sign of life" in lost["error"]["message"]


def test_a_full_disk_fails_the_job_leaves_no_half_frame_and_retry_goes_on(
    engine: Engine, job: Job, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    # All that the frames are made of is there already, from the run that nobody disturbed.
    no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(engine.worker, resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    try:
        job_id = engine.submit(job())
        record = engine.wait(job_id)
    finally:
        resource.prlimit(engine.worker, resource.RLIMIT_FSIZE, no_limit)
    assert record.state == "failed" and record.error is not None
    assert (record.error["code"], record.error["exit_code"]) == ("disk_full", 73)
    assert exr_files(tmp_path / "out") == {}
    assert litter(tmp_path) == []

    engine.store.retry(job_id)
    assert_all_is_well(engine.wait(job_id), tmp_path / "out", undisturbed, attempts=1)


@pytest.mark.usefixtures("fresh")
def test_a_frame_that_breaks_mid_shot_fails_the_job_by_name_and_retry_goes_on(
    engine: Engine, job: Job, tmp_path: Path, demo_plate: Path
) -> None:
    plate = tmp_path / "plate"
    plate.mkdir()
    for file in demo_plate.iterdir():
        (plate / file.name).write_bytes(file.read_bytes())
    broken = plate / "plate.1004.exr"
    whole = broken.read_bytes()
    engine.halt_at("stage_started", lambda: write(broken, whole[:3000]), stage="decode")
    job_id = engine.submit(job(plate))
    record = engine.wait(job_id)
    assert record.state == "failed" and record.error is not None
    assert record.error["exit_code"] == 66
    assert record.error["frame"] == 1004
    for name in exr_files(tmp_path / "out"):
        read_frame(tmp_path / "out" / name)
    assert litter(tmp_path) == []
    assert_next_job_runs(engine, job, tmp_path)

    broken.write_bytes(whole)
    engine.store.retry(job_id)
    assert engine.wait(job_id).state == "done"
    assert len(exr_files(tmp_path / "out")) == 5


@pytest.mark.usefixtures("fresh")
def test_too_little_memory_is_tried_again_by_the_monotonic_clock(
    engine: Engine, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock jumps a year ahead and back again while the job waits."""

    def limit_memory(soft: int) -> None:
        resource.prlimit(engine.worker, resource.RLIMIT_AS, (soft, resource.RLIM_INFINITY))

    def starve() -> None:
        pages = int(Path(f"/proc/{engine.worker}/statm").read_text().split()[0])
        limit_memory(pages * os.sysconf("SC_PAGE_SIZE") + (16 << 20))

    def jump(years: int) -> None:
        now = time.time() + years * 3e7
        monkeypatch.setattr(time, "time", lambda: now)

    waiting: list[JobRecord] = []

    def let_go() -> None:
        jump(years=1)
        limit_memory(resource.RLIM_INFINITY)
        waiting.extend(engine.store.jobs(limit=1))

    engine.halt_at("stage_started", starve, stage="encode")
    engine.at("state", let_go, state="queued", attempt=1)
    # The autoencoder works on 75 MB tensors here.
    big = replace(job(size=Size(768, 768), method="ldm-recon"), range=Range(FrameRange.of([1001])))
    job_id = engine.submit(big)
    wait_until(lambda: waiting)
    assert waiting[0].state == "queued" and waiting[0].error is not None
    assert waiting[0].error["code"] == "out_of_memory"
    jump(years=-2)
    record = engine.wait(job_id)
    assert (record.state, record.attempts) == ("done", 2)
    assert litter(tmp_path) == []


def test_a_job_that_waits_to_be_tried_again_lets_others_pass(
    engine: Engine, job: Job, tmp_path: Path
) -> None:
    engine.supervisor.waiting.add("somebody else", 30.0)
    assert_next_job_runs(engine, job, tmp_path)
    engine.supervisor.waiting.forget("somebody else")


def test_a_waiting_job_is_cancelled_at_once_and_never_begins(
    engine: Engine, job: Job, tmp_path: Path
) -> None:
    cancelled = threading.Event()
    engine.at("stage_started", lambda: cancelled.wait(LONG))  # the lane is not free before
    first = engine.submit(nothing_job(job(), tmp_path / "first"), priority=1)
    second = engine.submit(job())
    assert engine.supervisor.cancel(second).state == "cancelled"
    cancelled.set()
    assert engine.wait(first).state == "done"
    engine.wait_for_workers()
    assert [event["event"] for event in engine.data(second)] == ["state", "state"]


def test_a_checkpoint_is_loaded_once_while_jobs_ask_for_it(
    engine: Engine, job: Job, tmp_path: Path
) -> None:
    # A number type that no other test asks for.
    jobs = [job(seed=seed) for seed in (11, 12)]
    jobs = [replace(one, model=replace(one.model, dtype="bfloat16")) for one in jobs]
    ids = [engine.submit(one, resume=True) for one in jobs]
    for job_id in ids:
        record = engine.wait(job_id)
        assert record.state == "done", record.error
    loads = [[e for e in engine.data(job_id) if e["event"] == "loading"] for job_id in ids]
    assert [len(each) for each in loads] == [1, 0]


def test_a_stopped_service_puts_its_job_back_and_leaves_no_process(
    tmp_path: Path, job: Job
) -> None:
    engine = Engine(tmp_path).begin()
    begun = threading.Event()
    engine.at("stage_started", begun.set, stage="invert")
    job_id = engine.submit(job(steps=200, inversion_steps=200))
    assert begun.wait(LONG)
    worker, started = engine.worker, time.monotonic()
    engine.supervisor.stop()
    assert time.monotonic() - started < SOON
    assert gone(worker)
    record = engine.store.job(job_id)
    assert (record.state, record.attempts) == ("queued", 0)
    engine.store.close()


def test_a_job_that_is_cancelled_while_the_service_ends_does_not_come_back(
    tmp_path: Path, job: Job
) -> None:
    engine = Engine(tmp_path).begin()
    begun = engine.halt_at("stage_started", lambda: stop_worker(engine), stage="read")
    job_id = engine.submit(job())
    wait_until(lambda: begun)
    engine.supervisor.cancel(job_id)
    engine.supervisor.stop()
    assert engine.store.job(job_id).state == "cancelled"
    engine.store.close()


FRONT = """
import sys, time
from pathlib import Path
from tests.tokenflow.service.work import Engine
engine = Engine(Path(sys.argv[1])).begin()
# It hears no more of the job, which so never ends while it lives.
engine.at("stage_started", lambda: time.sleep(600), stage="edit")
print(engine.worker, flush=True)
time.sleep(600)
"""


def test_a_killed_service_takes_its_worker_along_and_the_next_one_goes_on(
    tmp_path: Path, job: Job, repository: Path, undisturbed: dict[str, bytes]
) -> None:
    front = subprocess.Popen(
        [sys.executable, "-c", FRONT, str(tmp_path)],
        cwd=repository,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert front.stdout is not None
    worker = int(front.stdout.readline())
    watching = Engine(tmp_path)
    job_id = watching.submit(job())
    wait_until(lambda: any(e.get("stage") == "edit" for e in watching.data(job_id)))
    front.kill()
    front.wait()
    front.stdout.close()
    wait_until(lambda: gone(worker), SOON)
    assert watching.store.job(job_id).state == "running"
    watching.store.close()

    again = Engine(tmp_path).begin()
    assert_all_is_well(again.wait(job_id), tmp_path / "out", undisturbed, attempts=2)
    again.end()


def test_a_device_that_is_not_there_fails_the_jobs_with_the_reason(
    tmp_path: Path, job: Job
) -> None:
    engine = Engine(tmp_path, ("cuda:77",), limits=Limits())
    engine.supervisor.start()
    record = engine.run(nothing_job(job(), tmp_path / "out"))
    assert record.state == "failed" and record.error is not None
    assert (record.error["code"], record.error["exit_code"]) == ("device_unavailable", 78)
    assert engine.supervisor.state() == "failed"
    described: dict[str, Any] = engine.supervisor.status()[0]
    assert described["error"] == record.error
    engine.end()


def test_two_devices_share_the_queue_and_no_job_runs_twice(tmp_path: Path, job: Job) -> None:
    engine = Engine(tmp_path, ("cpu", "cpu")).begin()
    both_work = threading.Barrier(2, timeout=LONG)
    engine.at("stage_started", both_work.wait, times=2)
    ids = [engine.submit(nothing_job(job(), tmp_path / f"out{n}")) for n in range(6)]
    records = [engine.wait(job_id) for job_id in ids]
    assert [(record.state, record.attempts) for record in records] == [("done", 1)] * 6
    assert not both_work.broken
    engine.end()
