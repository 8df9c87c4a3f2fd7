"""A stretch of frames made anew upon an earlier edit, in a version of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocio.exr import read_frame
from tests.tokenflow.frames import changed, exr_files, snapshot
from tests.tokenflow.program import Ran

Command = Callable[..., Ran]

PLATES = [f"plate.{frame}.exr" for frame in range(1001, 1006)]


@pytest.fixture
def base(edit: Command, demo_plate: Path, tmp_path: Path) -> Path:
    """An edit of the whole shot."""
    assert edit(demo_plate, tmp_path / "v1").code == 0
    return tmp_path / "v1"


@pytest.fixture
def again(tokenflow: Command, shared_workspace: Path, tmp_path: Path) -> Command:
    """Return a function that edits a stretch anew, with few words on the command line."""

    def run(base: Path, out: str, *arguments: object) -> Ran:
        own = ("--device", "cpu", "--workspace", shared_workspace)
        return tokenflow("edit", "--base", base, "-o", tmp_path / out, *own, *arguments)

    return run


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "plate.report.json").read_text())
    return found


def test_frames_outside_stay_and_those_inside_are_made_anew(
    again: Command, base: Path, tmp_path: Path
) -> None:
    before = snapshot(base)
    ran = again(base, "v2", "--frames", "1002-1003", "--prompt", "a green cone")
    assert ran.code == 0, ran.err
    old, new = exr_files(base), exr_files(tmp_path / "v2")
    assert [*new] == PLATES
    assert [name for name in PLATES if old[name] != new[name]] == PLATES[1:3]
    assert changed(base / PLATES[1], tmp_path / "v2" / PLATES[1])
    assert snapshot(base) == before
    assert report(tmp_path / "v2")["base"]["carried"] == "1001,1004-1005"


def test_in_a_folder_alone_the_frames_are_named_like_those_of_the_base(
    edit: Command, again: Command, demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, tmp_path / "v1/shot_blue.####.exr").code == 0
    ran = again(tmp_path / "v1", "v2", "--frames", "1002")
    assert ran.code == 0, ran.err
    assert [*exr_files(tmp_path / "v2")] == [*exr_files(tmp_path / "v1")]
    assert (tmp_path / "v2/shot_blue.1002.exr").is_file()


def test_settings_that_do_not_change_give_the_pixels_of_the_base(
    again: Command, base: Path, tmp_path: Path
) -> None:
    assert again(base, "v2", "--frames", "1002-1004", "--blend", "1").code == 0
    for name in PLATES:
        assert not changed(base / name, tmp_path / "v2" / name)


def test_what_is_not_said_is_as_in_the_base(
    edit: Command, again: Command, demo_plate: Path, tmp_path: Path
) -> None:
    said = ("--matte", ":matte.a", "--strength", "0.7", "--guidance", "3", "--source-prompt", "a")
    assert edit(demo_plate, tmp_path / "v1", *said).code == 0
    ran = again(tmp_path / "v1", "v2", "--frames", "1003", "--seed", "4")
    assert ran.code == 0, ran.err
    old, new = (
        json.loads((tmp_path / name / "plate.job.json").read_text()) for name in ("v1", "v2")
    )
    assert new["edit"] == {**old["edit"], "seed": 4}
    assert {**new, **{part: old[part] for part in ("edit", "range", "base", "output")}} == old
    assert new["output"]["strength"] == 0.7


def test_the_job_beside_the_new_version_gives_it_again(
    tokenflow: Command, again: Command, base: Path, shared_workspace: Path, tmp_path: Path
) -> None:
    said = ("--frames", "1002-1003", "--blend", "1", "--prompt", "a green cone")
    assert again(base, "v2", *said).code == 0
    own = ("--device", "cpu", "--workspace", shared_workspace)
    ran = tokenflow("run", tmp_path / "v2/plate.job.json", "-o", tmp_path / "v3", *own)
    assert ran.code == 0, ran.err
    assert exr_files(tmp_path / "v2") == exr_files(tmp_path / "v3")


def test_a_blend_lies_between_both_edits(again: Command, base: Path, tmp_path: Path) -> None:
    said = ("--frames", "1002-1003", "--prompt", "a green cone", "--guidance", "12")
    assert again(base, "v2", *said, "--blend", "1").code == 0
    # The stretch with its blend as one: what the blended frames are mixed with.
    assert again(base, "whole", *said, "--blend", "0", "--frames", "1001-1004").code == 0
    name = PLATES[0]
    first, mixed = (read_frame(folder / name).rgb() for folder in (base, tmp_path / "v2"))
    assert not (first == mixed).all()
    assert report(tmp_path / "v2")["base"]["blended"] == {"1001": 0.5, "1004": 0.5}
    assert exr_files(tmp_path / "v2")[PLATES[4]] == exr_files(base)[PLATES[4]]


def test_a_stretch_upon_a_stretch(again: Command, base: Path, tmp_path: Path) -> None:
    assert again(base, "v2", "--frames", "1002-1003", "--prompt", "a green cone").code == 0
    ran = again(tmp_path / "v2", "v3", "--frames", "1003-1004", "--prompt", "a yellow cone")
    assert ran.code == 0, ran.err
    second, third = exr_files(tmp_path / "v2"), exr_files(tmp_path / "v3")
    assert [name for name in PLATES if second[name] != third[name]] == PLATES[2:4]


def test_another_prompt_pays_for_no_second_inversion(
    again: Command, base: Path, tmp_path: Path
) -> None:
    ran = again(base, "v2", "--frames", "1003", "--prompt", "a pink cone", "--progress", "json")
    events = [json.loads(line) for line in ran.out.splitlines()]
    reused = {e["stage"]: e["reused"] for e in events if e["event"] == "stage_finished"}
    assert reused["read"] and reused["encode"] and reused["invert"] and not reused["edit"]
    assert report(tmp_path / "v2")["inversion"]["samples"] == 0


def test_a_base_whose_workspace_is_gone_is_computed_again_to_the_same_frames(
    again: Command, base: Path, tmp_path: Path
) -> None:
    said = ("--frames", "1002-1003", "--prompt", "a green cone")
    assert again(base, "v2", *said).code == 0
    ran = again(base, "v3", *said, "--workspace", tmp_path / "empty")
    assert ran.code == 0, ran.err
    assert "computed again" in ran.err
    assert exr_files(tmp_path / "v2") == exr_files(tmp_path / "v3")


def test_a_base_from_another_machine_is_found_beside_its_job(
    again: Command, base: Path, demo_plate: Path, tmp_path: Path
) -> None:
    said = ("--frames", "1002-1003", "--prompt", "a green cone")
    assert again(base, "v2", *said).code == 0
    elsewhere = tmp_path / "elsewhere" / "v1"
    shutil.copytree(base, elsewhere)
    shutil.copytree(demo_plate, tmp_path / "elsewhere" / "plate")
    job = json.loads((base / "plate.job.json").read_text())
    job["output"]["path"] = "/mnt/farm/v1/plate.####.exr"
    job["plate"]["path"] = "/mnt/farm/plate"
    (elsewhere / "plate.job.json").write_text(json.dumps(job))
    plate = tmp_path / "elsewhere" / "plate"
    own = ("--base", elsewhere, "-o", tmp_path / "v3", "--device", "cpu")
    ran = again(elsewhere, "v3", *said, plate, *own)
    assert ran.code == 0, ran.err
    for name in PLATES:
        assert not changed(tmp_path / "v2" / name, tmp_path / "v3" / name)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (("--size", "64x32"), "edit.size"),
        (("--steps", "1", "--inversion-steps", "1"), "edit.steps"),
        (("--source-prompt", "a ball"), "edit.source_prompt"),
        (("--encoding", "log"), "color.encoding"),
        (("--method", "per-frame"), "edit.method"),
        (("--guidance", "1"), "edit.guidance"),
        (("--model", "demo", "--size", "64x32"), "edit.size"),
    ],
)
def test_what_the_latents_of_the_base_do_not_allow_is_refused_with_the_reason(
    again: Command, base: Path, said: tuple[str, ...], named: str
) -> None:
    ran = again(base, "v2", "--frames", "1003", *said)
    assert ran.code == 65
    assert named in ran.error and "base" in ran.error


def test_another_model_is_refused(again: Command, base: Path) -> None:
    ran = again(base, "v2", "--frames", "1003", "--model", "demo")
    assert ran.code == 65
    assert "model" in ran.error and "other weights" in ran.error


def test_another_ocio_config_than_the_base_was_made_with_is_refused(
    again: Command, base: Path
) -> None:
    ran = again(
        base, "v2", "--frames", "1003", "--ocio", "ocio://cg-config-v2.1.0_aces-v1.3_ocio-v2.3"
    )
    assert ran.code == 65
    assert "another OCIO config" in ran.error and "--ocio" in ran.error


def test_an_edit_that_continues_itself_is_refused(again: Command, base: Path) -> None:
    file = base / "plate.job.json"
    job = json.loads(file.read_text())
    job["base"] = {"job": str(file)}
    job["range"]["frames"] = "1003"
    file.write_text(json.dumps(job))
    ran = again(base, "v2", "--frames", "1003")
    assert ran.code == 65
    assert "continue itself" in ran.error


def test_a_dry_run_tells_what_is_made_anew_and_what_it_costs(
    again: Command, base: Path, tmp_path: Path
) -> None:
    said = ("--frames", "1003", "--blend", "1", "--prompt", "a pink cone", "--dry-run")
    ran = again(base, "v2", *said)
    assert ran.code == 0, ran.err
    assert "makes 1002-1004 anew, takes over 1001,1005" in ran.out
    assert "UNet evaluations" in ran.out and "on the device" in ran.out
    assert not (tmp_path / "v2").exists()


def test_the_base_is_never_written_over(again: Command, base: Path) -> None:
    before = snapshot(base)
    ran = again(base, "v1", "--frames", "1003", "--overwrite")
    assert ran.code == 73
    assert "the base itself" in ran.error
    assert snapshot(base) == before


@pytest.mark.parametrize(
    ("spoil", "code", "named"),
    [
        (lambda base: (base / PLATES[4]).unlink(), 66, "1005"),
        (lambda base: (base / "plate.job.json").unlink(), 66, "none"),
        (lambda base: shutil.copy(base / "plate.job.json", base / "b.job.json"), 66, "several"),
    ],
)
def test_a_base_that_is_not_whole_is_refused(
    again: Command, base: Path, spoil: Callable[[Path], object], code: int, named: str
) -> None:
    spoil(base)
    ran = again(base, "v2", "--frames", "1003")
    assert ran.code == code
    assert named in ran.error


def test_a_re_edit_that_was_interrupted_goes_on(again: Command, base: Path, tmp_path: Path) -> None:
    said = ("--frames", "1002-1003", "--blend", "1", "--prompt", "a green cone")
    assert again(base, "v2", *said).code == 0
    whole = exr_files(tmp_path / "v2")
    for name in (PLATES[0], PLATES[1], PLATES[4]):
        (tmp_path / "v2" / name).unlink()
    assert again(base, "v2", *said).code == 73
    ran = again(base, "v2", *said, "--resume")
    assert ran.code == 0, ran.err
    assert "made anew" not in ran.err
    assert exr_files(tmp_path / "v2") == whole


def test_a_part_of_a_re_edit_agrees_with_the_whole(
    tokenflow: Command, again: Command, base: Path, shared_workspace: Path, tmp_path: Path
) -> None:
    said = ("--frames", "1002-1003", "--blend", "1", "--prompt", "a green cone")
    assert again(base, "v2", *said).code == 0
    own = ("--device", "cpu", "--workspace", shared_workspace, "-o", tmp_path / "v3")
    for frames in ("1001-1002", "1003-1004", "1005"):
        ran = tokenflow("run", tmp_path / "v2/plate.job.json", *own, f"--frames={frames}")
        assert ran.code == 0, ran.err
    assert exr_files(tmp_path / "v2") == exr_files(tmp_path / "v3")


def test_deflicker_of_a_stretch_looks_at_the_frames_around_it(
    edit: Command, again: Command, demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, tmp_path / "v1", "--deflicker", "light").code == 0
    ran = again(tmp_path / "v1", "v2", "--frames", "1003")
    assert ran.code == 0, ran.err
    assert not changed(tmp_path / "v1" / PLATES[2], tmp_path / "v2" / PLATES[2])


def test_without_plate_and_base_there_is_nothing_to_edit(
    tokenflow: Command, tmp_path: Path
) -> None:
    ran = tokenflow("edit", "-o", tmp_path / "v2", "--prompt", "a ball")
    assert ran.code == 2
    assert "PLATE" in ran.error and "--base" in ran.error


def test_a_base_without_frames_to_make_anew_is_refused(again: Command, base: Path) -> None:
    ran = again(base, "v2", "--prompt", "a ball")
    assert ran.code == 65
    assert "--frames" in ran.error
