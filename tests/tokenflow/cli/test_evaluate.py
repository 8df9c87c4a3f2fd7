"""The command `evaluate`: figures and report of finished edits, and what it says of bad input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocio.exr import read_frame
from ocio.exr_write import write_frame
from tests.tokenflow.program import Ran

Evaluate = Callable[..., Ran]


@pytest.fixture
def edits(demo_plate: Path, tmp_path: Path) -> dict[str, Path]:
    """The plate once more: as it is, half as bright, and flickering inside the ball alone."""
    folders = {name: tmp_path / name for name in ("same", "dark", "flicker")}
    for path in sorted(demo_plate.glob("*.exr")):
        number = int(path.stem.rpartition(".")[2])
        frame = read_frame(path)
        matte = frame.parts[0].channels["matte.a"].astype(np.float32)[..., None]
        one = np.ones_like(matte)
        gains: dict[str, Any] = {
            "same": one,
            "dark": one / 2,
            "flicker": one + 0.4 * (number % 2) * (matte > 0),
        }
        for name, gain in gains.items():
            rgb = (frame.rgb() * gain).astype(np.float32)
            edited = frame.with_rgb(rgb, np.ones(rgb.shape[:2], np.bool_))
            write_frame(folders[name] / f"{name}.{number}.exr", edited)
    return folders


@pytest.fixture
def evaluate(
    tokenflow: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> Callable[..., tuple[Ran, dict[str, Any]]]:
    """Return a function that evaluates edits, and gives what `metrics.json` holds."""

    def run(*arguments: object) -> tuple[Ran, dict[str, Any]]:
        ran = tokenflow(
            "evaluate", *arguments, "--plate", demo_plate, "-o", tmp_path / "out", "--width", 64
        )
        file = tmp_path / "out" / "metrics.json"
        return ran, json.loads(file.read_text()) if file.is_file() else {}

    return run


def values(metrics: dict[str, Any], key: str) -> dict[str, float]:
    found: dict[str, float] = metrics["figures"][key]["values"]
    return found


def test_the_plate_itself_has_the_ideal_in_every_figure(
    evaluate: Any, edits: dict[str, Path]
) -> None:
    ran, metrics = evaluate(edits["same"], "--matte", ":matte.a")
    assert ran.code == 0, ran.err
    ideal = {"psnr": "inf", "psnr_outside": "inf", "sharpness": 1.0, "motion_fidelity": 1.0}
    ideal |= {"silhouette_ratio": 1.0, "light_kept": 1.0}
    for key, figure in metrics["figures"].items():
        if "values" in figure:
            assert figure["values"]["same"] == pytest.approx(ideal.get(key, 0), abs=1e-4), key


def test_several_edits_stand_side_by_side(evaluate: Any, edits: dict[str, Path]) -> None:
    ran, metrics = evaluate(*edits.values(), "--object", ":matte.a")
    assert ran.code == 0, ran.err
    assert list(metrics["edits"]) == ["same", "dark", "flicker"]
    excess, added = values(metrics, "warp_error_stops"), values(metrics, "flicker_added")
    assert excess["flicker"] > 10 * abs(excess["dark"])
    assert added["flicker"] > 5 * added["dark"]
    silhouettes = values(metrics, "silhouette_error")
    assert silhouettes["flicker"] > 0.1 > silhouettes["dark"]


def test_every_number_says_how_it_was_measured(evaluate: Any, edits: dict[str, Path]) -> None:
    _, metrics = evaluate(edits["dark"])
    assert metrics["schema"] == "tokenflow.metrics/1"
    assert metrics["frames"] == "1001-1005" and metrics["frames_per_second"] == 24
    assert metrics["flow"] == "the shot's motion vectors" and metrics["size"] == [64, 36]
    for key, figure in metrics["figures"].items():
        assert figure["recipe"] in metrics["recipes"], key
        assert figure.get("absent") or figure["values"].keys() == {"dark"}, key
    short = metrics["figures"]["warp_error_short"]
    assert short["raw"]["dark"] - short["plate"] == pytest.approx(short["values"]["dark"], rel=1e-3)
    assert len(metrics["warp_error_per_pair"]["dark"]) == 4


def test_what_changed_outside_the_matte_is_counted(evaluate: Any, edits: dict[str, Path]) -> None:
    _, metrics = evaluate(edits["flicker"], edits["dark"], "--matte", ":matte.a")
    changed = values(metrics, "changed_outside")
    assert changed["flicker"] == 0
    assert changed["dark"] > 1000


def test_motion_can_be_estimated_although_the_plate_has_vectors(
    evaluate: Any, edits: dict[str, Path]
) -> None:
    _, metrics = evaluate(edits["dark"], "--estimated-flow")
    assert metrics["flow"].startswith("dis-medium")


def test_only_the_frames_that_all_have_are_measured(evaluate: Any, edits: dict[str, Path]) -> None:
    next(edits["dark"].glob("*.1005.exr")).unlink()
    ran, metrics = evaluate(edits["same"], edits["dark"], "--frames", "1002-1048")
    assert ran.code == 0, ran.err
    assert metrics["frames"] == "1002-1004"


def test_no_farm_is_promised_lines_that_never_come(
    evaluate: Any, edits: dict[str, Path], tokenflow: Callable[..., Ran], tmp_path: Path
) -> None:
    ran, _ = evaluate(edits["same"], "--progress", "openjd")
    demo = tokenflow("demo", tmp_path / "demo", "--progress", "openjd")
    assert ran.code == demo.code == 2
    assert "--progress" in ran.error and not (tmp_path / "demo").exists()


def test_a_single_frame_can_be_evaluated(evaluate: Any, edits: dict[str, Path]) -> None:
    ran, metrics = evaluate(edits["dark"], "--frames", "1003")
    assert ran.code == 0, ran.err
    assert metrics["figures"]["warp_error_short"]["absent"]
    assert values(metrics, "psnr")["dark"] < 40


def test_the_job_beside_an_edit_says_what_was_asked_for_and_gives_the_calibration(
    evaluate: Any,
    edit: Callable[..., Ran],
    demo_plate: Path,
    shared_workspace: Path,
    tmp_path: Path,
) -> None:
    assert edit(demo_plate, tmp_path / "edit").code == 0
    ran, metrics = evaluate(
        tmp_path / "edit", "--calibrate", "--workspace", shared_workspace, "--device", "cpu"
    )
    assert ran.code == 0, ran.err
    assert metrics["prompt"] == "a blue ball"
    # Its frames are called as the plate's are, so it is called as its folder is.
    assert list(metrics["edits"]) == ["edit", "ldm-recon"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "--calibrate" not in page
    assert "ldm-recon, pnp, mode paper" in page


def test_without_a_calibration_the_report_says_how_to_get_it(
    evaluate: Any, edits: dict[str, Path], tmp_path: Path
) -> None:
    evaluate(edits["dark"])
    assert "--calibrate" in (tmp_path / "out" / "report.html").read_text()


def test_edits_of_the_demo_checkpoint_are_judged_by_the_bundled_clip(
    evaluate: Any, edits: dict[str, Path], demo_plate: Path, tmp_path: Path
) -> None:
    from tokenflow.job import Edit, EditJob, Output, Plate

    job = EditJob(
        plate=Plate(str(demo_plate)),
        edit=Edit(prompt="a red striped ball on a wooden floor at noon"),
        output=Output(str(edits["same"])),
    )
    (edits["same"] / "same.job.json").write_text(json.dumps(job.to_json()))
    _, metrics = evaluate(edits["same"])
    assert metrics["models"]["clip"].endswith("demo_clip")
    score = metrics["figures"]["clip_text"]
    assert score["values"]["same"] == pytest.approx(score["plate"], abs=1e-5)


def test_calibration_without_a_job_is_an_error_of_one_line(
    evaluate: Any, edits: dict[str, Path]
) -> None:
    ran, _ = evaluate(edits["dark"], "--calibrate")
    assert ran.code == 65 and "job file" in ran.error
    assert ran.err.count("\n") == 1


def test_an_edit_that_is_the_plate_is_refused(evaluate: Any, demo_plate: Path) -> None:
    ran, _ = evaluate(demo_plate)
    assert ran.code == 65 and "plate itself" in ran.error


def test_frames_of_another_size_are_named(evaluate: Any, edits: dict[str, Path]) -> None:
    from tokenflow.demo.shot import SCENE, render_frame

    render_frame(SCENE, 1003, edits["dark"] / "dark.1003.exr", 32, 18)
    ran, _ = evaluate(edits["dark"])
    assert ran.code == 65 and "1003" in ran.error and "32x18" in ran.error


def test_an_edit_of_another_size_than_the_plate_is_refused(
    evaluate: Any, edits: dict[str, Path]
) -> None:
    from tokenflow.demo.shot import SCENE, render_frame

    for path in edits["dark"].glob("*.exr"):
        render_frame(SCENE, int(path.stem.rpartition(".")[2]), path, 32, 18)
    ran, _ = evaluate(edits["dark"])
    assert ran.code == 65 and "32x18" in ran.error and "64x36" in ran.error


def test_edits_without_a_common_frame_are_refused(evaluate: Any, edits: dict[str, Path]) -> None:
    ran, _ = evaluate(edits["same"], "--frames", "2000-2010")
    assert ran.code == 65 and "no frame in common" in ran.error and "1001-1005" in ran.error


def test_a_damaged_frame_is_named(evaluate: Any, edits: dict[str, Path]) -> None:
    path = edits["dark"] / "dark.1004.exr"
    path.write_bytes(path.read_bytes()[:-400])
    ran, _ = evaluate(edits["dark"])
    assert ran.code == 66 and "1004" in ran.error


def test_nothing_is_left_behind_but_the_two_files(
    evaluate: Any, edits: dict[str, Path], tmp_path: Path
) -> None:
    evaluate(edits["dark"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "metrics.json",
        "report.html",
    ]


def test_a_job_file_that_cannot_be_read_is_said_in_the_report(
    evaluate: Any, edits: dict[str, Path], tmp_path: Path
) -> None:
    (edits["dark"] / "dark.job.json").write_text("{")
    ran, _ = evaluate(edits["dark"])
    assert ran.code == 0
    assert (
        "dark.job.json beside the edit cannot be read"
        in (tmp_path / "out" / "report.html").read_text()
    )


def test_a_single_edit_is_shown_with_its_difference(
    evaluate: Any, edits: dict[str, Path], tmp_path: Path
) -> None:
    evaluate(edits["dark"])
    assert 'alt="difference, frame 1001"' in (tmp_path / "out" / "report.html").read_text()


def test_names_that_are_alike_are_told_apart_by_their_folders(
    evaluate: Any, edits: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(edits["dark"], tmp_path / "again")
    _, metrics = evaluate(edits["dark"], tmp_path / "again")
    assert list(metrics["edits"]) == ["dark", "again"]
