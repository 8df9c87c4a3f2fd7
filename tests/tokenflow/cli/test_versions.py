"""`-o edit/v###/...`: each job gets a version of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.tokenflow.program import Ran

Edit = Callable[..., Ran]


def test_each_edit_takes_the_next_free_version(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    out = tmp_path / "edit/v###/shot_v###.####.exr"
    options = ("--method", "passthrough", "--frames", "1001")
    for version in ("v001", "v002"):
        ran = edit(demo_plate, out, *options)
        assert ran.code == 0, ran.err
        folder = tmp_path / "edit" / version
        assert (folder / f"shot_{version}.1001.exr").is_file()
        job = json.loads((folder / f"shot_{version}.job.json").read_text(encoding="utf-8"))
        assert version in job["output"]["path"]


def test_a_dry_run_and_a_job_that_fails_leave_no_version_behind(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    out = tmp_path / "edit/v###"
    told = edit(demo_plate, out, "--method", "passthrough", "--dry-run")
    assert told.code == 0 and "v001" in told.out, told.err
    assert not (tmp_path / "edit").exists()
    failed = edit(demo_plate, out, "--method", "passthrough", "--colorspace", "nonsense")
    assert failed.code == 65, failed.err
    assert list((tmp_path / "edit").iterdir()) == []


def test_going_on_needs_the_number_of_a_version(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    ran = edit(demo_plate, tmp_path / "edit/v###", "--method", "passthrough", "--resume")
    assert ran.code == 2
    assert "name its number" in ran.error
    assert not (tmp_path / "edit").exists()
