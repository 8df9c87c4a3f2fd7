"""Bundles of Open Job Description: as they were reviewed, and rendered by `openjd` for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import PyOpenColorIO as OCIO
import pytest

from ocio.frame_range import FrameRange
from tests.tokenflow.frames import changed, exr_files
from tests.tokenflow.program import Ran
from tokenflow.farm.openjd import Submission, as_text, bundle, openjd_range

Command = Callable[..., Ran]

GOLDEN = Path(__file__).parent / "golden"
PROGRAM = Path(sys.executable).with_name("tokenflow")
OPENJD = Path(sys.executable).with_name("openjd")
LONG = 1200.0  # seconds; five tasks on a busy machine

SUBMISSION = Submission(
    name="shot",
    job_file=Path("/mnt/jobs/shot/shot.job.json"),
    plate="/shots/shot/plate/shot.####.exr",
    output="/shots/shot/edit/shot.####.exr",
    workspace="/mnt/jobs/tokenflow",
    frames=FrameRange.parse("-8--5,1001-1047x2"),
    chunk=24,
    deflicker=True,
    gpus=1,
    gpu_memory=9500,
    files=(),
    folders=("/shots/shot/plate", "/models/sd"),
)


@pytest.mark.parametrize("name", [*bundle(SUBMISSION)])
def test_a_bundle_is_as_it_was_reviewed(name: str) -> None:
    assert as_text(bundle(SUBMISSION)[name]) == (GOLDEN / name).read_text()


def test_without_deflicker_and_gpu_the_bundle_asks_for_neither() -> None:
    plain = Submission(**{**vars(SUBMISSION), "deflicker": False, "gpus": 0})
    text = as_text(bundle(plain)["template.json"])
    assert "Deflicker" not in text and "gpu" not in text
    merge = bundle(plain)["template.json"]["steps"][2]
    assert merge["name"] == "Merge" and merge["dependencies"] == [{"dependsOn": "Edit"}]


def test_tasks_that_denoise_share_the_gpus_that_they_ask_for() -> None:
    several = Submission(**{**vars(SUBMISSION), "gpus": 2})
    for step in bundle(several)["template.json"]["steps"]:
        arguments = step["script"]["actions"]["onRun"]["args"]
        shared = "--device" in arguments
        assert shared == (step["name"] in ("Prepare", "Edit"))
        if shared:
            assert arguments[arguments.index("--device") + 1] == "cuda:0,cuda:1"


def test_all_tasks_run_on_one_kind_of_device_since_results_count_by_it() -> None:
    steps = bundle(SUBMISSION)["template.json"]["steps"]
    asking = {step["name"] for step in steps if "hostRequirements" in step}
    assert asking == {"Prepare", "Edit", "Deflicker", "Merge"}
    plain = Submission(**{**vars(SUBMISSION), "gpus": 0})
    for step in bundle(plain)["template.json"]["steps"]:
        arguments = step["script"]["actions"]["onRun"]["args"]
        assert arguments[arguments.index("--device") + 1] == "cpu"


@pytest.mark.parametrize(
    ("frames", "theirs"),
    [("1001-1050", "1001-1050"), ("1-9x2,12", "1-9:2,12"), ("-8--5", "-8--5"), ("7", "7")],
)
def test_ranges_are_written_as_openjd_reads_them(frames: str, theirs: str) -> None:
    written = openjd_range(FrameRange.parse(frames))
    assert written == theirs
    assert FrameRange.parse(written) == FrameRange.parse(frames)


@pytest.fixture
def submitted(tokenflow: Command, write_job: Callable[..., Path], tmp_path: Path) -> Path:
    """The bundle of a small job."""
    asked = ("--workspace", tmp_path / "ws", "--chunk", "3", "--gpus", "0", "--program", PROGRAM)
    ran = tokenflow("submit", "openjd", write_job(), "-o", tmp_path / "farm", *asked)
    assert ran.code == 0, ran.err
    assert not (tmp_path / "ws").exists() and not (tmp_path / "out").exists()
    return tmp_path / "farm"


def openjd(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the scheduler; its tasks sum with one thread, as this process does, for the same bits."""
    return subprocess.run(
        [str(OPENJD), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_openjd_renders_the_shot_from_its_bundle_where_the_paths_are_others(
    submitted: Path, tokenflow: Command, tmp_path: Path
) -> None:
    template = submitted / "template.json"
    assert openjd("check", template).returncode == 0
    # The whole job as another machine names it; scheduler and program map it to this one.
    for file in ("plate.job.json", "parameters.json"):
        text = (submitted / file).read_text().replace('"/', '"/nowhere/')
        (submitted / file).write_text(text)
    job = submitted / "plate.job.json"
    values = json.loads((submitted / "parameters.json").read_text()) | {"JobFile": str(job)}
    rule = {"source_path_format": "POSIX", "source_path": "/nowhere", "destination_path": "/"}
    rules = {"version": "pathmapping-1.0", "path_mapping_rules": [rule]}
    mapped = ("--path-mapping-rules", json.dumps(rules), "-p", json.dumps(values))
    ran = openjd("run", template, "--step", "Verify", "--run-dependencies", *mapped)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    # Five frames in chunks of three at most are dealt out evenly.
    for chunk in ("1001-1003", "1004-1005"):
        assert (tmp_path / f"out/plate.report.{chunk}.json").is_file()
    assert "openjd_progress: 100.0" in ran.stdout
    report = json.loads((tmp_path / "out/plate.report.json").read_text())
    assert report["tasks"] == 2 and report["frames"]["written"] == "1001-1005"
    whole = ("--workspace", tmp_path / "other", "--device", "cpu", "--out", tmp_path / "whole")
    told = (tmp_path / "shot.job.json", *whole)
    assert tokenflow("run", *told).code == 0
    names = [*exr_files(tmp_path / "whole")]
    assert [*exr_files(tmp_path / "out")] == names and len(names) == 5
    for name in names:
        assert not changed(tmp_path / "out" / name, tmp_path / "whole" / name)


def test_a_task_that_fails_fails_in_openjd_with_the_reason(submitted: Path) -> None:
    values = json.loads((submitted / "parameters.json").read_text()) | {"Plate": "/gone/a.####.exr"}
    ran = openjd("run", submitted / "template.json", "--step", "Prepare", "-p", json.dumps(values))
    assert ran.returncode != 0
    assert "openjd_fail: " in ran.stdout and "/gone" in ran.stdout


def test_a_bundle_names_all_files_that_the_job_reads(
    tokenflow: Command, write_job: Callable[..., Path], demo_plate: Path, tmp_path: Path
) -> None:
    config = tmp_path / "show/config.ocio"
    config.parent.mkdir()
    text = OCIO.Config.CreateFromBuiltinConfig("studio-config-v4.0.0_aces-v2.0_ocio-v2.5")
    config.write_text(text.serialize())
    matte = tmp_path / "matte"
    shutil.copytree(demo_plate, matte)
    job = write_job()
    said = json.loads(job.read_text())
    said["color"] = {"ocio": str(config), "colorspace": "lin_rec709_scene"}
    said["matte"] = {"source": f"{matte}/plate.####.exr:R"}
    job.write_text(json.dumps(said))
    ran = tokenflow("submit", "openjd", job, "-o", tmp_path / "farm", "--workspace", tmp_path)
    assert ran.code == 0, ran.err
    written = json.loads((tmp_path / "farm/asset_references.json").read_text())
    inputs = written["assetReferences"]["inputs"]
    assert set(inputs["filenames"]) == {str(tmp_path / "farm/plate.job.json"), str(config)}
    model = said["model"]["checkpoint"]
    folders = {str(demo_plate), model, str(matte), str(config.parent)}
    assert set(inputs["directories"]) == folders


def test_a_stretch_is_submitted_with_the_edit_that_it_continues(
    tokenflow: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job, own = write_job(), ("--workspace", tmp_path / "ws")
    assert tokenflow("run", job, *own, "--device", "cpu").code == 0
    said = json.loads(job.read_text()) | {"base": {"job": str(tmp_path / "out")}}
    said["range"] = {"frames": "1002-1003"}
    said["output"] = {"path": str(tmp_path / "v2/plate.####.exr")}
    job.write_text(json.dumps(said))
    ran = tokenflow("submit", "openjd", job, "-o", tmp_path / "farm", *own)
    assert ran.code == 0, ran.err
    written = json.loads((tmp_path / "farm/asset_references.json").read_text())
    assert str(tmp_path / "out") in written["assetReferences"]["inputs"]["directories"]


def test_a_task_that_is_cancelled_ends_within_its_notice_and_the_job_goes_on(
    submitted: Path, tmp_path: Path
) -> None:
    template = submitted / "template.json"
    values = ("-p", f"file://{submitted}/parameters.json")
    command = [str(OPENJD), "run", str(template), "--step", "Prepare", *values]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert running.stdout is not None
    said = []
    for line in running.stdout:
        said.append(line)
        if "openjd_status: " in line and running.poll() is None:
            running.send_signal(signal.SIGINT)
            break
    rest, _ = running.communicate(timeout=LONG)
    text = "".join(said) + rest
    assert running.returncode != 0, text
    assert "the system asked the job to end" in text
    again = openjd("run", template, "--step", "Prepare", *values)
    assert again.returncode == 0, again.stdout


def test_a_submission_is_not_written_over_another(
    submitted: Path, tokenflow: Command, tmp_path: Path
) -> None:
    asked = (tmp_path / "shot.job.json", "-o", submitted, "--workspace", tmp_path / "ws")
    ran = tokenflow("submit", "openjd", *asked)
    assert ran.code == 73
    assert "template.json" in ran.error
