"""`tokenflow run --device cpu,cpu`: one job by several processes that the command line starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tokenflow.frames import exr_files
from tests.tokenflow.program import Ran
from tokenflow.errors import InvalidJob
from tokenflow.farm.ranks import devices_of

Command = Callable[..., Ran]

LONG = 600.0  # seconds; three processes load their libraries


def started(job: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a job on two processes."""
    command = [sys.executable, "-m", "tokenflow.cli", "run", job, "--device", "cpu,cpu", *arguments]
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def children(pid: int) -> list[int]:
    """Processes that a process started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(running: subprocess.Popen[str], seen: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG
    while not seen():
        assert running.poll() is None, running.communicate()[1]
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


@pytest.fixture
def places(tmp_path: Path) -> tuple[object, ...]:
    return ("--workspace", tmp_path / "ws", "--out", tmp_path / "out")


def test_two_processes_write_the_frames_of_one(
    tokenflow: Command,
    write_job: Callable[..., Path],
    places: tuple[object, ...],
    tmp_path: Path,
) -> None:
    job = write_job()
    running = started(job, *places, "--progress", "openjd")
    out, err = running.communicate(timeout=LONG)
    assert running.returncode == 0, err
    assert "Warning" not in err
    assert all(line.startswith("openjd_") for line in out.splitlines())
    assert "openjd_progress: 100.0" in out
    report = json.loads((tmp_path / "out/plate.report.json").read_text())
    assert report["device"] == "cpu, cpu"
    own = ("--workspace", tmp_path / "other", "--device", "cpu", "--out", tmp_path / "whole")
    assert tokenflow("run", job, *own).code == 0
    assert exr_files(tmp_path / "out") == exr_files(tmp_path / "whole")
    # What they kept is what one process would have kept.
    ran = tokenflow("run", job, *places, "--device", "cpu", "--resume", "--progress", "json")
    ended = [json.loads(line) for line in ran.out.splitlines()]
    assert all(e["reused"] for e in ended if e.get("stage") in ("invert", "edit") and "reused" in e)


def test_an_error_keeps_its_code_and_its_line_and_leaves_no_process(
    write_job: Callable[..., Path], places: tuple[object, ...]
) -> None:
    running = started(write_job(), *places, "--plate", "/gone/a.####.exr")
    _, err = running.communicate(timeout=LONG)
    assert running.returncode == 66
    assert err.strip().splitlines()[-1].startswith("tokenflow: ") and "/gone" in err


@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_dies_ends_the_job_with_75_and_resume_goes_on(
    tokenflow: Command,
    write_job: Callable[..., Path],
    places: tuple[object, ...],
    tmp_path: Path,
    victim: int,
) -> None:
    job = write_job(steps=20, inversion_steps=20)
    running = started(job, *places, "--progress", "openjd")
    wait_for(running, lambda: any((tmp_path / "ws").glob("edit-*/t*/latents.npy")))
    ranks = children(running.pid)
    os.kill(ranks[victim], signal.SIGKILL)
    out, err = running.communicate(timeout=LONG)
    assert running.returncode == 75, err
    assert "openjd_fail: " in out
    assert not any(Path(f"/proc/{rank}").exists() for rank in ranks)
    again = tokenflow("run", job, *places, "--device", "cpu", "--resume")
    assert again.code == 0, again.err
    own = ("--workspace", tmp_path / "other", "--device", "cpu", "--out", tmp_path / "whole")
    assert tokenflow("run", job, *own).code == 0
    assert exr_files(tmp_path / "out") == exr_files(tmp_path / "whole")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_request_to_stop_ends_all_processes(
    write_job: Callable[..., Path],
    places: tuple[object, ...],
    tmp_path: Path,
    number: signal.Signals,
    code: int,
) -> None:
    # Tests that run in the background of a shell have Ctrl-C ignored, and so would their children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = started(write_job(steps=40, inversion_steps=40), *places)
    signal.signal(signal.SIGINT, before)
    wait_for(running, lambda: any((tmp_path / "ws").glob("invert-*/t*")))
    ranks = children(running.pid)
    running.send_signal(number)
    _, err = running.communicate(timeout=LONG)
    assert running.returncode == code, err
    assert len([line for line in err.splitlines() if "--resume" in line]) == 1
    assert not any(Path(f"/proc/{rank}").exists() for rank in ranks)


@pytest.mark.parametrize(
    "names", ["cpu,cuda:0", "cuda:0,cuda:0", "cuda,cuda:1", "mps,mps", "auto,auto"]
)
def test_devices_that_cannot_share_a_shot_are_refused(names: str) -> None:
    with pytest.raises(InvalidJob):
        devices_of(names)


def test_one_device_is_taken_as_it_is_named() -> None:
    assert devices_of("auto") == ("auto",)
    assert devices_of("cuda:0,cuda:1") == ("cuda:0", "cuda:1")
