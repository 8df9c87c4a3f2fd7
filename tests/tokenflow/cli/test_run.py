"""Job files, parts of a job, and a dry run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tests.tokenflow.frames import changed, exr_files, snapshot
from tests.tokenflow.program import Ran

Command = Callable[..., Ran]


@pytest.fixture
def whole(edit: Command, demo_plate: Path, tmp_path: Path) -> Path:
    """The frames of an edit with the records beside them."""
    assert edit(demo_plate, tmp_path / "whole").code == 0
    return tmp_path / "whole"


@pytest.fixture
def again(tokenflow: Command, shared_workspace: Path) -> Command:
    """Return a function that runs a job file."""

    def run(job: Path, *arguments: object) -> Ran:
        return tokenflow("run", job, "--workspace", shared_workspace, "--device", "cpu", *arguments)

    return run


def test_the_job_that_an_edit_leaves_gives_the_same_files(
    again: Command, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    ran = again(whole / "plate.job.json", "--out", tmp_path / "again")
    assert ran.code == 0, ran.err
    assert exr_files(tmp_path / "again") == exr_files(whole)


def test_an_edit_with_relative_paths_leaves_a_job_that_runs_anywhere(
    edit: Command, again: Command, demo_plate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plate").symlink_to(demo_plate, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    ran = edit("plate/plate.####.exr", "out/e.####.exr", "--frames", "1001", "--matte", ":matte.a")
    assert ran.code == 0, ran.err
    monkeypatch.chdir("/")
    before = exr_files(tmp_path / "out")
    assert again(tmp_path / "out/e.job.json", "--overwrite").code == 0
    assert exr_files(tmp_path / "out") == before
    kept = again(tmp_path / "out/e.job.json", "--resume")
    assert kept.code == 0
    assert json.loads((tmp_path / "out/e.report.json").read_text())["frames"]["kept"] == "1001"


def test_the_parts_of_a_job_together_are_the_whole_bit_for_bit(
    again: Command, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "parts"
    for frames in ("1001-1002", "1003-1005"):
        ran = again(whole / "plate.job.json", "--out", out, f"--frames={frames}")
        assert ran.code == 0, ran.err
    assert exr_files(out) == exr_files(whole)
    assert sorted(path.name for path in out.glob("*.json")) == [
        "plate.job.json",
        "plate.report.1001-1002.json",
        "plate.report.1003-1005.json",
    ]
    report = json.loads((out / "plate.report.1003-1005.json").read_text())
    assert report["frames"]["written"] == "1003-1005"
    assert report["frames"]["seen"] == "1001-1005"


def test_parts_that_run_in_a_workspace_of_their_own_agree_too(
    again: Command, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "parts"
    for frames in ("1001-1003", "1004-1005"):
        own = ("--workspace", tmp_path / f"ws {frames}")
        ran = again(whole / "plate.job.json", "--out", out, f"--frames={frames}", *own)
        assert ran.code == 0, ran.err
    assert exr_files(out) == exr_files(whole)


def test_frames_that_the_job_does_not_have_are_refused_with_those_it_has(
    again: Command, whole: Path, tmp_path: Path
) -> None:
    ran = again(whole / "plate.job.json", "--out", tmp_path / "x", "--frames", "1-3")
    assert ran.code == 65
    assert "1-3" in ran.error and "1001-1005" in ran.error


def test_a_stepped_range_is_written_on_its_steps(
    edit: Command, demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, tmp_path / "out", "--frames", "1001-1005x2").code == 0
    assert [*exr_files(tmp_path / "out")] == [f"plate.{n}.exr" for n in (1001, 1003, 1005)]


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        (None, 66, "gone.json"),
        ("{", 65, "not JSON"),
        ('{"schema": "tokenflow.job/9"}', 65, "tokenflow.job/1"),
        ('{"schema": "tokenflow.job/1", "colour": {}}', 65, "colour"),
        ('{"schema": "tokenflow.job/1"}', 65, "plate"),
    ],
)
def test_a_bad_job_file_is_refused_in_one_line(
    tokenflow: Command, tmp_path: Path, text: str | None, code: int, named: str
) -> None:
    job = tmp_path / "gone.json"
    if text is not None:
        job.write_text(text)
    ran = tokenflow("run", job)
    assert ran.code == code
    assert named in ran.error and "gone.json" in ran.error
    assert ran.err.count("\n") == 1


def test_a_job_limits_the_edit_to_its_own_cap(
    again: Command, whole: Path, demo_plate: Path, tmp_path: Path
) -> None:
    job = json.loads((whole / "plate.job.json").read_text())
    for stops in (0.0, 0.01):
        job["output"]["cap_stops"] = stops
        (tmp_path / "capped.json").write_text(json.dumps(job))
        ran = again(tmp_path / "capped.json", "--out", tmp_path / f"{stops}")
        assert ran.code == 0, ran.err
        counts = json.loads((tmp_path / f"{stops}/plate.report.json").read_text())["counts"]
        assert counts["capped"] > 0
    assert not changed(demo_plate / "plate.1002.exr", tmp_path / "0.0/plate.1002.exr")
    assert changed(demo_plate / "plate.1002.exr", tmp_path / "0.01/plate.1002.exr")


def test_a_job_says_where_its_highlight_guard_lies(
    again: Command, whole: Path, tmp_path: Path
) -> None:
    job = json.loads((whole / "plate.job.json").read_text())
    job["output"] |= {"guard_start": 0.1, "guard_end": 0.3}
    (tmp_path / "guarded.json").write_text(json.dumps(job))
    assert again(tmp_path / "guarded.json", "--out", tmp_path / "x").code == 0
    before, after = (
        json.loads((folder / "plate.report.json").read_text())["color"]["guard"]
        for folder in (whole, tmp_path / "x")
    )
    assert after[0] < before[0] and after[1] < before[1]


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("output", "guard_end", 0.1),
        ("edit", "size", "12"),
        ("range", "frames", "abc"),
        ("color", "view", "sRGB"),
    ],
)
def test_what_is_wrong_usage_as_an_option_is_bad_data_in_a_job_file(
    again: Command, whole: Path, tmp_path: Path, part: str, field: str, value: str | float
) -> None:
    job = json.loads((whole / "plate.job.json").read_text())
    job[part][field] = value
    (tmp_path / "bad.json").write_text(json.dumps(job))
    ran = again(tmp_path / "bad.json", "--out", tmp_path / "x")
    assert ran.code == 65
    assert f"{part}.{field}" in ran.error and str(value) in ran.error


def test_a_malformed_part_of_a_job_is_wrong_usage(again: Command, whole: Path) -> None:
    ran = again(whole / "plate.job.json", "--frames", "5-3", "--resume")
    assert ran.code == 2
    assert "backwards" in ran.error


def test_other_weights_than_the_jobs_own_are_refused(
    again: Command, whole: Path, tmp_path: Path
) -> None:
    job = json.loads((whole / "plate.job.json").read_text())
    job["model"]["sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(job))
    ran = again(tmp_path / "other.json", "--out", tmp_path / "x")
    assert ran.code == 78
    assert "checkpoint" in ran.error and "model.sha256" in ran.error


def test_the_schema_that_is_printed_fits_the_job_that_is_written(
    tokenflow: Command, whole: Path
) -> None:
    schema = json.loads(tokenflow("run", "--schema").out)
    jsonschema.validate(json.loads((whole / "plate.job.json").read_text()), schema)


def test_a_dry_run_says_what_would_be_done_and_touches_no_file(
    edit: Command, demo_plate: Path, tmp_path: Path
) -> None:
    before = snapshot(demo_plate)
    ran = edit(
        demo_plate, tmp_path / "out", "--workspace", tmp_path / "ws", "--dry-run",
        "--prompt", "a purple ball",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    for words in ("1001-1005", "64x36", "ACEScg", "UNet evaluations", "purple", "MiB"):
        assert words in ran.out
    assert not (tmp_path / "out").exists() and not (tmp_path / "ws").exists()
    assert snapshot(demo_plate) == before


def test_a_dry_run_refuses_what_the_run_would_refuse(
    edit: Command, demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, demo_plate, "--dry-run").code == 73
    assert edit(demo_plate, tmp_path / "out", "--colorspace", "none", "--dry-run").code == 65


def test_the_report_tells_what_was_done(whole: Path, tiny_checkpoint: Path) -> None:
    report = json.loads((whole / "plate.report.json").read_text())
    assert report["checkpoint"]["name"] == str(tiny_checkpoint)
    assert len(report["checkpoint"]["sha256"]) == 64
    assert report["device"] == "cpu"
    assert report["frames"] == {"seen": "1001-1005", "written": "1001-1005", "kept": ""}
    assert set(report["seconds"]) == {
        "read", "encode", "invert", "edit", "decode", "delta", "merge", "write",
    }  # fmt: skip
    assert all(seconds >= 0 for seconds in report["seconds"].values())
    assert {"clamped", "nan", "infinite"} <= report["counts"].keys()
    assert "torch" in report["libraries"]
