"""A job in tasks: any cut of it gives the same frames, and the last task vouches for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocio.exr import read_frame
from ocio.exr_write import write_frame
from tests.tokenflow.frames import exr_files
from tests.tokenflow.program import Ran

Command = Callable[..., Ran]


@pytest.fixture
def task(tokenflow: Command, tmp_path: Path) -> Command:
    """Return a function that runs one task of a job in a workspace of its own."""

    def run(job: Path, *arguments: object) -> Ran:
        own = ("--workspace", tmp_path / "ws", "--device", "cpu", "--resume")
        return tokenflow("run", job, *own, *arguments)

    return run


def test_tasks_one_after_the_other_give_the_frames_of_the_whole(
    task: Command, tokenflow: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job = write_job()
    for stage in ("prepare", "edit"):
        ran = task(job, "--stage", stage)
        assert ran.code == 0, ran.err
        assert not (tmp_path / "out").exists()
    # Out of order, and one of them twice.
    for frames in ("1004-1005", "1001", "1002-1003", "1001"):
        ran = task(job, f"--frames={frames}", "--progress", "json")
        assert ran.code == 0, ran.err
        ended = [json.loads(line) for line in ran.out.splitlines()]
        reused = {e["stage"]: e["reused"] for e in ended if e["event"] == "stage_finished"}
        assert all(reused[stage] for stage in ("invert", "edit", "decode", "delta"))
    assert task(job, "--stage", "verify").code == 0
    report = json.loads((tmp_path / "out/plate.report.json").read_text())
    assert report["frames"]["written"] == "1001-1005"
    assert report["tasks"] == 3
    assert report["counts"]["samples"] == 5 * 3 * 64 * 36
    own = ("--workspace", tmp_path / "other", "--device", "cpu", "--out", tmp_path / "whole")
    assert tokenflow("run", job, *own).code == 0
    assert exr_files(tmp_path / "out") == exr_files(tmp_path / "whole")


def test_a_dry_run_of_a_task_takes_no_offence_at_frames_as_the_task_itself(
    task: Command, tokenflow: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job = write_job()
    assert task(job).code == 0
    assert task(job, "--stage", "edit").err.splitlines()[-1].startswith("done up to Compare in ")
    dry = ("run", job, "--workspace", tmp_path / "ws", "--device", "cpu", "--dry-run")
    assert tokenflow(*dry, "--stage", "edit").code == 0
    assert tokenflow(*dry).code == 73
    verify = tokenflow(*dry, "--stage", "verify")
    assert verify.code == 2 and "no dry run" in verify.error


def test_a_task_on_another_kind_of_device_than_its_job_began_on_is_refused(
    task: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job = write_job()
    assert task(job, "--stage", "prepare").code == 0
    (said,) = (tmp_path / "ws").glob(".kind-*")
    assert said.read_text() == "cpu"
    said.write_text("cuda")  # as a machine with a GPU would have left it
    for part in (("--stage", "edit"), ("--frames=1001",)):
        ran = task(job, *part)
        assert ran.code == 78
        assert "cuda" in ran.error and "cpu" in ran.error
    assert task(job, "--stage", "prepare").code == 0
    assert task(job, "--stage", "edit").code == 0


def test_every_result_in_the_workspace_says_of_which_plate_it_is(
    task: Command, tokenflow: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job = write_job()
    assert task(job, "--stage", "prepare").code == 0
    ran = tokenflow("workspace", "list", "--workspace", tmp_path / "ws")
    plate = json.loads(job.read_text())["plate"]["path"]
    assert len(ran.out.splitlines()) == 3
    assert all(line.endswith(f"  {plate}") for line in ran.out.splitlines())


def test_verify_names_the_frames_that_are_not_there_and_may_be_tried_again(
    task: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job = write_job()
    assert task(job, "--frames=1001-1003").code == 0
    whole = (tmp_path / "out/plate.1002.exr").read_bytes()
    (tmp_path / "out/plate.1002.exr").write_bytes(whole[: len(whole) // 2])
    ran = task(job, "--stage", "verify")
    assert ran.code == 75
    assert "1002,1004-1005" in ran.error
    assert task(job).code == 0
    assert task(job, "--stage", "verify").code == 0


def test_verify_finds_a_frame_that_was_made_of_other_files_than_the_rest(
    task: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job = write_job()
    assert task(job).code == 0
    path = tmp_path / "out/plate.1004.exr"
    frame = read_frame(path)
    said: dict[str, Any] = {**frame.parts[0].attributes, "tokenflow/inputs_hash": "another"}
    write_frame(path, replace(frame, path=Path()), attributes=said, overwrite=True)
    ran = task(job, "--stage", "verify")
    assert ran.code == 75
    assert "another kind of device: 1004" in ran.error
    assert task(job).code == 0
    assert task(job, "--stage", "verify").code == 0


def test_a_job_mapped_to_this_machine_keeps_its_name(
    task: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job = write_job()
    there = json.loads(job.read_text())
    for part, field in (("plate", "path"), ("output", "path"), ("model", "checkpoint")):
        there[part][field] = "/nowhere" + there[part][field]
    job.write_text(json.dumps(there))
    rule = {"source_path_format": "POSIX", "source_path": "/nowhere", "destination_path": "/"}
    rules = {"version": "pathmapping-1.0", "path_mapping_rules": [rule]}
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    assert task(job).code == 66
    ran = task(job, "--path-mapping-rules", tmp_path / "rules.json", "--frames=1001")
    assert ran.code == 0, ran.err
    left = json.loads((tmp_path / "out/plate.job.json").read_text())
    assert left["plate"] == there["plate"] and left["output"]["path"] == there["output"]["path"]


def test_rules_that_cannot_be_read_are_named(
    task: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    ran = task(write_job(), "--path-mapping-rules", tmp_path / "gone.json")
    assert ran.code == 66
    assert "gone.json" in ran.error


@pytest.mark.parametrize("dialect", ["openjd", "deadline", "tractor"])
def test_a_farm_reads_its_own_words_on_standard_output_and_no_others(
    task: Command, write_job: Callable[..., Path], tmp_path: Path, dialect: str
) -> None:
    begins = {"openjd": "openjd_", "deadline": "Progress: ", "tractor": "TR_"}[dialect]
    job = write_job()
    ran = task(job, "--progress", dialect)
    assert ran.code == 0, ran.err
    assert len(ran.out.splitlines()) > 5
    assert all(line.startswith(begins) for line in ran.out.splitlines())
    assert not any(line.startswith(begins) for line in ran.err.splitlines())
    failed = task(job, "--progress", dialect, "--out", tmp_path / "out", "--plate", "/gone")
    assert failed.code == 66
    words = {"openjd": "openjd_fail: ", "deadline": "Error: ", "tractor": "TR_EXIT_STATUS 66"}
    assert failed.out.startswith(words[dialect])
