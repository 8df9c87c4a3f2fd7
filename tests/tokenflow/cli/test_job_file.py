"""`tokenflow edit --job-file`: a job for others to run, checked, and nothing rendered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tokenflow.frames import exr_files
from tests.tokenflow.program import Ran

Command = Callable[..., Ran]

RUNS = ("--device", "cpu", "--workspace")


@pytest.fixture
def written(tokenflow: Command, demo_plate: Path, tiny_checkpoint: Path, tmp_path: Path) -> Command:
    """Return a function that writes the job of a quick edit to `shot.json`."""

    def write(*arguments: object, out: str = "out") -> Ran:
        edit = ("edit", demo_plate, "-o", tmp_path / out, "--prompt", "a blue ball")
        quick = ("--steps", "2", "--inversion-steps", "2", "--model", tiny_checkpoint)
        return tokenflow(*edit, *quick, "--job-file", tmp_path / "shot.json", *arguments)

    return write


def test_the_job_of_an_edit_is_written_and_nothing_is_rendered(
    written: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path / "home"))
    ran = written()
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [str(tmp_path / "shot.json")]
    assert [path.name for path in tmp_path.iterdir()] == ["shot.json"]


def test_it_is_the_job_that_the_edit_itself_leaves(
    written: Command, tokenflow: Command, shared_workspace: Path, tmp_path: Path
) -> None:
    assert written().code == 0
    run = ("run", tmp_path / "shot.json", *RUNS, shared_workspace)
    assert tokenflow(*run).code == 0
    left = json.loads((tmp_path / "out/plate.job.json").read_text())
    assert left == json.loads((tmp_path / "shot.json").read_text())
    before = exr_files(tmp_path / "out")
    # Frames that are there are no matter of a job that is only written.
    assert written("--overwrite").code == 0
    assert tokenflow(*run, "--resume").code == 0
    report = json.loads((tmp_path / "out/plate.report.json").read_text())
    assert report["frames"]["kept"] == "1001-1005"
    assert exr_files(tmp_path / "out") == before


def test_a_job_of_an_earlier_edit_again_is_written_too(
    written: Command, tokenflow: Command, shared_workspace: Path, tmp_path: Path
) -> None:
    assert written().code == 0
    assert tokenflow("run", tmp_path / "shot.json", *RUNS, shared_workspace).code == 0
    again = ("--base", tmp_path / "out", "--frames", "1002-1003")
    file = tmp_path / "again.json"
    ran = tokenflow("edit", *again, "-o", tmp_path / "v2", "--seed", "3", "--job-file", file)
    assert ran.code == 0, ran.err
    assert tokenflow("run", file, *RUNS, shared_workspace).code == 0
    assert len(exr_files(tmp_path / "v2")) == 5


def test_farms_take_it(written: Command, tokenflow: Command, tmp_path: Path) -> None:
    assert written().code == 0
    farm = ("-o", tmp_path / "farm", "--workspace", tmp_path / "ws")
    assert tokenflow("submit", "slurm", tmp_path / "shot.json", *farm).code == 0


def test_what_a_run_would_refuse_is_not_written(written: Command, tmp_path: Path) -> None:
    ran = written("--frames", "1001-1009")
    assert ran.code == 66
    assert "1006-1009" in ran.error
    assert not (tmp_path / "shot.json").exists()


def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(
    written: Command, tmp_path: Path
) -> None:
    (tmp_path / "shot.json").write_text("mine")
    ran = written()
    assert ran.code == 73
    assert "shot.json" in ran.error and "--overwrite" in ran.error
    assert (tmp_path / "shot.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--device", "cpu"), "--device"),
        (("--dry-run",), "--dry-run"),
        (("--resume", "--service"), "--resume, --service"),
    ],
)
def test_what_belongs_to_a_run_is_wrong_usage(
    written: Command, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    ran = written(*arguments)
    assert ran.code == 2
    assert named in ran.error and "tokenflow run" in ran.error
    assert not (tmp_path / "shot.json").exists()


def test_a_version_needs_its_number(written: Command, tmp_path: Path) -> None:
    ran = written(out="v###/shot.####.exr")
    assert ran.code == 2
    assert "number" in ran.error
    assert not list(tmp_path.iterdir())
