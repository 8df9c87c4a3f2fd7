"""Ctrl-C, a terminated and a killed job: whole frames only, and the next run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ocio.exr import read_frame
from ocio.temporary import temporary_path
from tests.ocio.plates import rgb, write_plate
from tests.patience import SOON
from tests.tokenflow.frames import exr_files, litter
from tests.tokenflow.program import Process, Ran
from tokenflow.cli.door import run_program
from tokenflow.pipeline.at_once import leaves_cores

LONGER = ("--steps", "10", "--inversion-steps", "10")


@pytest.fixture(scope="session")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, demo_plate: Path, tiny_checkpoint: Path
) -> dict[str, bytes]:
    """The frames of the same job when nothing stops it."""
    out = tmp_path_factory.mktemp("undisturbed")
    arguments = [
        *("edit", str(demo_plate), "-o", str(out / "out"), "--prompt", "a blue ball"),
        *("--model", str(tiny_checkpoint), "--workspace", str(out / "ws"), "--device", "cpu"),
        *("--inversion-evaluations", "1", "--keyframe-interval", "2", *LONGER),
    ]
    assert run_program(arguments) == 0
    return exr_files(out / "out")


def at_work_in(stage: str) -> dict[str, Any]:
    """Describe the event that tells that a stage has begun its work."""
    return {"event": "progress", "stage": stage}


def waiting_for(other: Process) -> Callable[[dict[str, Any]], bool]:
    """Say whether an event tells that a job waits for another one."""
    return lambda event: (
        event["event"] == "job_warning" and f"waiting for process {other.pid} " in event["message"]
    )


def ended(run: Process) -> dict[str, bool]:
    """Return for every stage that has ended whether it was reused."""
    events = (event for event in run.events() if event["event"] == "stage_finished")
    return {event["stage"]: event["reused"] for event in events}


@pytest.mark.parametrize(
    ("stage", "number", "code"),
    [
        ("read", signal.SIGINT, 130),
        ("invert", signal.SIGTERM, 143),
        ("edit", signal.SIGINT, 130),
        ("merge", signal.SIGTERM, 143),
    ],
)
def test_a_stopped_job_ends_soon_leaves_whole_frames_and_goes_on(
    start: Callable[..., Process],
    edit: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    undisturbed: dict[str, bytes],
    stage: str,
    number: signal.Signals,
    code: int,
) -> None:
    out, own = tmp_path / "out", ("--workspace", tmp_path / "ws")
    run = start(demo_plate, out, *own, *LONGER, "--progress", "json", halt=at_work_in(stage))
    run.wait_until_it_halts()
    seconds = run.send(number)
    ran = run.wait()
    assert ran.code == code
    assert seconds < SOON
    assert ran.err.count("\n") == 1 and "--resume" in ran.err
    assert litter(tmp_path) == []
    for name in exr_files(out) if out.exists() else ():
        read_frame(out / name)
    assert not list(out.glob("*.report.json"))

    again = edit(demo_plate, out, *own, *LONGER, "--resume")
    assert again.code == 0, again.err
    assert exr_files(out) == undisturbed
    if stage == "merge":
        assert "Edit: " in again.err and "already there" in again.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_is_stopped_while_it_deflickers_ends_soon_and_goes_on(
    start: Callable[..., Process],
    edit: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    options = ("--deflicker", "strong", "--flow", "estimated")
    own = (*options, "--workspace", tmp_path / "ws")
    halt = at_work_in("deflicker")
    run = start(demo_plate, tmp_path / "out", *own, "--progress", "json", halt=halt)
    run.wait_until_it_halts()
    seconds = run.send(number)
    assert run.wait().code == 128 + number
    assert seconds < SOON
    assert litter(tmp_path) == [] and not exr_files(tmp_path / "out")
    again = edit(demo_plate, tmp_path / "out", *own, "--resume")
    assert again.code == 0, again.err
    assert edit(demo_plate, tmp_path / "whole", *options).code == 0
    assert exr_files(tmp_path / "out") == exr_files(tmp_path / "whole")


@pytest.mark.parametrize("merge", ["delta", "replace"])
def test_a_very_large_frame_under_way_keeps_nobody_waiting(
    start: Callable[..., Process], tmp_path: Path, merge: str
) -> None:
    grey = np.full((2160, 4096), 0.18, np.float16)
    write_plate(tmp_path / "plate/p.1.exr", dict.fromkeys("RGB", grey))
    out = tmp_path / "out"
    options = ("--colorspace", "ACEScg", "--merge", merge, "--progress", "json")
    run = start(tmp_path / "plate", out, *options, "--workspace", tmp_path / "ws")
    merging = {"event": "stage_started", "stage": "merge", "total": 1}
    if leaves_cores(torch.device("cpu")):  # it is merged as soon as it is decoded
        merging = {"event": "progress", "stage": "decode", "done": 2, "total": 2}
    run.wait_until(lambda event: {**event, **merging} == event)
    time.sleep(0.3)
    assert run.send(signal.SIGINT) < SOON
    assert run.wait().code == 130
    assert not out.exists() or not any(out.iterdir())


def test_after_a_kill_in_the_middle_of_writing_the_next_run_cleans_up_and_goes_on(
    start: Callable[..., Process],
    edit: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    undisturbed: dict[str, bytes],
) -> None:
    out, own = tmp_path / "out", ("--workspace", tmp_path / "ws")
    run = start(demo_plate, out, *own, *LONGER, "--progress", "json", halt=at_work_in("merge"))
    run.wait_until_it_halts()
    run.send(signal.SIGKILL)
    # What is left of a half-written frame, whether or not the kill hit one.
    name = temporary_path(out / "plate.1005.exr").name
    (out / name.replace(f"@{os.getpid()}.", f"@{run.pid}.")).write_bytes(b"half a frame")
    assert litter(out)
    again = edit(demo_plate, out, *own, *LONGER, "--resume")
    assert again.code == 0, again.err
    assert litter(out) == []
    assert exr_files(out) == undisturbed


def test_resume_makes_damaged_frames_and_those_of_another_job_anew(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert edit(demo_plate, out).code == 0
    whole = exr_files(out)
    (out / "plate.1002.exr").write_bytes(whole["plate.1002.exr"][:5000])
    assert edit(demo_plate, tmp_path / "other", "--seed", "9").code == 0
    (out / "plate.1003.exr").write_bytes((tmp_path / "other/plate.1003.exr").read_bytes())
    kept = (out / "plate.1001.exr").stat().st_mtime_ns
    ran = edit(demo_plate, out, "--resume")
    assert ran.code == 0
    assert "another edit" in ran.err and ": 1003\n" in ran.err
    assert exr_files(out) == whole
    assert (out / "plate.1001.exr").stat().st_mtime_ns == kept


def test_the_report_of_a_resumed_run_counts_the_frames_that_it_kept(
    edit: Callable[..., Ran], tmp_path: Path
) -> None:
    plate, out = tmp_path / "plate", tmp_path / "out"
    for number in (1, 2, 3):
        light = rgb(36, 64, nasty=True, seed=number)
        write_plate(plate / f"p.{number}.exr", light)
    asked = ("--colorspace", "ACEScg")
    assert edit(plate, out, *asked).code == 0
    before = json.loads((out / "p.report.json").read_text())["counts"]
    assert before["nan"] and before["infinite"] and before["negative"] and before["samples"]
    assert before["samples"] == 3 * 3 * 36 * 64
    (out / "p.2.exr").unlink()
    assert edit(plate, out, *asked, "--resume").code == 0
    after = json.loads((out / "p.report.json").read_text())
    assert after["frames"]["kept"] == "1,3"
    assert after["counts"] == before


def test_resume_makes_frames_anew_whose_plate_has_changed(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    plate, out = tmp_path / "plate", tmp_path / "out"
    plate.mkdir()
    for number in (1001, 1002):
        content = (demo_plate / f"plate.{number}.exr").read_bytes()
        (plate / f"plate.{number}.exr").write_bytes(content)
    assert edit(plate, out).code == 0
    before = exr_files(out)
    (plate / "plate.1002.exr").write_bytes((demo_plate / "plate.1005.exr").read_bytes())
    assert edit(plate, out, "--resume").code == 0
    after = exr_files(out)
    assert all(before[name] != after[name] for name in before)


def test_the_same_job_twice_at_once_is_computed_once(
    start: Callable[..., Process], demo_plate: Path, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    own = ("--workspace", tmp_path / "ws", *LONGER, "--progress", "json")
    first = start(demo_plate, tmp_path / "first", *own, halt=at_work_in("invert"))
    first.wait_until_it_halts()
    second = start(demo_plate, tmp_path / "second", *own)
    second.wait_until(waiting_for(first))
    first.go_on()
    assert first.wait().code == 0
    assert second.wait().code == 0
    assert {stage: reused for stage, reused in ended(second).items() if stage != "merge"} == (
        dict.fromkeys(("read", "encode", "invert", "edit", "decode", "delta"), True)
    )
    assert exr_files(tmp_path / "first") == exr_files(tmp_path / "second") == undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_waits_for_another_job_can_be_stopped_and_a_dead_job_keeps_nobody_waiting(
    start: Callable[..., Process],
    demo_plate: Path,
    tmp_path: Path,
    undisturbed: dict[str, bytes],
    number: signal.Signals,
) -> None:
    own = ("--workspace", tmp_path / "ws", *LONGER, "--progress", "json")
    first = start(demo_plate, tmp_path / "first", *own, halt=at_work_in("invert"))
    first.wait_until_it_halts()
    stopped, patient = (start(demo_plate, tmp_path / name, *own) for name in ("second", "third"))
    for run in (stopped, patient):
        run.wait_until(waiting_for(first))
    assert stopped.send(number) < SOON
    first.send(signal.SIGKILL)
    assert patient.wait().code == 0
    assert exr_files(tmp_path / "third") == undisturbed


def test_a_reader_that_goes_away_ends_the_program_quietly() -> None:
    program = Path(sys.executable).with_name("tokenflow")
    command = f"'{program}' run --schema | head -c 10"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert ended.stdout == '{\n "$schema'[:10]
    assert ended.stderr == ""
