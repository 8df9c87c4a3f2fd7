"""What a user can do wrong: one line that names frame or file and the remedy, and nothing lost."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.ocio.plates import rgb, write_plate
from tests.tokenflow.frames import changed, exr_files, litter, snapshot
from tests.tokenflow.program import Process, Ran

Edit = Callable[..., Ran]

LABEL = {"colorInteropID": "lin_ap1_scene"}


@pytest.fixture
def plate(demo_plate: Path, tmp_path: Path) -> Path:
    """A copy of the demo plate that the test may spoil."""
    return Path(shutil.copytree(demo_plate, tmp_path / "plate"))


def assert_refused(ran: Ran, code: int, *named: str) -> None:
    """Check the exit code, that all of `named` stand in the one line, and that it is one line."""
    assert ran.code == code, ran.err
    assert ran.error.startswith("tokenflow: ")
    assert "Traceback" not in ran.err
    for words in named:
        assert words in ran.error
    assert not [line for line in ran.out.splitlines() if line]


def test_missing_frames_are_all_named_before_any_work(
    edit: Edit, plate: Path, tmp_path: Path
) -> None:
    (plate / "plate.1002.exr").unlink()
    (plate / "plate.1004.exr").unlink()
    ran = edit(plate, tmp_path / "out", "--frames", "1001-1005")
    assert_refused(ran, 66, "1002,1004", "--missing hold")
    assert "Read" not in ran.err
    assert not (tmp_path / "out").exists()


def test_all_damaged_frames_are_named_before_any_computing(
    edit: Edit, plate: Path, tmp_path: Path
) -> None:
    for frame, size in ((1002, 4000), (1004, 50), (1005, 0)):
        os.truncate(plate / f"plate.{frame}.exr", size)
    ran = edit(plate, tmp_path / "out")
    assert_refused(ran, 66, "1002,1004-1005", "--missing")
    assert "Encode" not in ran.err
    assert not (tmp_path / "out").exists()


def test_a_plate_of_which_no_frame_can_be_read_is_refused(
    edit: Edit, plate: Path, tmp_path: Path
) -> None:
    for file in plate.iterdir():
        file.write_bytes(b"no picture at all")
    assert_refused(edit(plate, tmp_path / "out"), 66, "no frame of the plate can be read")


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("hold", "there the model sees the nearest frame (hold), and"),
        ("black", "there the model sees black, and"),
        ("skip", "the shot goes on without them"),
    ],
)
def test_missing_and_damaged_frames_can_be_filled_in_or_left_out_and_are_not_written(
    edit: Edit, plate: Path, tmp_path: Path, policy: str, said: str
) -> None:
    (plate / "plate.1002.exr").unlink()
    os.truncate(plate / "plate.1004.exr", 4000)
    ran = edit(plate, tmp_path / "out", "--missing", policy)
    assert ran.code == 0, ran.err
    assert [*exr_files(tmp_path / "out")] == [f"plate.{n}.exr" for n in (1001, 1003, 1005)]
    assert f"missing frames: 1002; {said}" in ran.err
    assert f"broken frames: 1004; {said}" in ran.err


def test_frames_of_another_size_are_refused(edit: Edit, plate: Path, tmp_path: Path) -> None:
    write_plate(plate / "plate.1003.exr", rgb(40, 64), attributes=LABEL)
    assert_refused(edit(plate, tmp_path / "out"), 65, "1003", "64x40", "64x36", "one format")


def test_a_deep_plate_is_refused(edit: Edit, tmp_path: Path) -> None:
    spec = oiio.ImageSpec(8, 8, 3, "half")
    spec.deep = True
    path = tmp_path / "deep.0001.exr"
    output: Any = oiio.ImageOutput.create("exr")
    assert output.open(str(path), spec)
    deep = oiio.DeepData()
    deep.init(spec)
    assert output.write_deep_image(deep)
    output.close()
    assert_refused(edit(path, tmp_path / "out"), 65, "deep.0001.exr", "deep", "flatten")


def test_a_plate_that_does_not_say_its_colour_space_is_refused(edit: Edit, tmp_path: Path) -> None:
    write_plate(tmp_path / "plate/p.1.exr", rgb(36, 64))
    ran = edit(tmp_path / "plate", tmp_path / "out")
    assert_refused(ran, 65, "p.1.exr", "--colorspace")


def test_a_colour_space_that_the_config_lacks_is_refused(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--colorspace", "Fuji Velvia")
    assert_refused(ran, 65, "Fuji Velvia", "ACEScg")


@pytest.mark.parametrize("content", [None, "ocio_profile_version: 2\nroles: [", "hello"])
def test_a_broken_config_is_never_replaced_by_another(
    edit: Edit, demo_plate: Path, tmp_path: Path, content: str | None
) -> None:
    config = tmp_path / "show.ocio"
    if content is not None:
        config.write_text(content)
    ran = edit(demo_plate, tmp_path / "out", "--ocio", config)
    assert_refused(ran, 78, "show.ocio", "does not load", "--ocio")


def test_a_broken_config_in_the_environment_is_never_replaced_by_another(
    edit: Edit, demo_plate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCIO", str(tmp_path / "gone.ocio"))
    assert_refused(edit(demo_plate, tmp_path / "out"), 78, "gone.ocio", "does not load")


def test_a_prompt_of_500_words_is_cut_with_a_note_in_one_line(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    prompt = " ".join(f"word{number}" for number in range(500))
    ran = edit(demo_plate, tmp_path / "out", "--prompt", prompt, "--frames", "1001-1002")
    assert ran.code == 0, ran.err
    notes = [line for line in ran.err.splitlines() if line.startswith("note:")]
    assert any("never saw these words" in note and "and 488 more" in note for note in notes)
    assert any("longer than the 77 tokens" in note for note in notes)
    stage = re.compile(r"(Read plate|Encode|Invert|Edit|Decode|Compare|Merge and write): .*\d.*")
    others = [line for line in ran.err.splitlines() if line not in notes]
    assert [line for line in others if not stage.fullmatch(line)] == others[-1:]
    assert re.fullmatch(r"2 frames in [\d.]+ s; report .+", others[-1])
    assert "clean_up_tokenization_spaces" not in ran.err and "Token indices" not in ran.err


@pytest.mark.parametrize("name", ["plate.####.exr", ".", "plate.%04d.exr"])
def test_the_plate_is_never_written_over(edit: Edit, plate: Path, name: str) -> None:
    before = snapshot(plate)
    for extra in ([], ["--overwrite"], ["--resume"]):
        assert_refused(edit(plate, plate / name, *extra), 73, "plate.1001.exr", "another")
    assert snapshot(plate) == before


def test_the_plate_is_not_written_over_through_a_link(
    edit: Edit, plate: Path, tmp_path: Path
) -> None:
    before = snapshot(plate)
    (tmp_path / "link").symlink_to(plate, target_is_directory=True)
    assert_refused(edit(plate, tmp_path / "link", "--overwrite"), 73, "frame of the plate")
    assert snapshot(plate) == before


def test_frames_that_are_there_stay_unless_overwrite_is_said(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, tmp_path / "out", "--frames", "1001-1002").code == 0
    before = snapshot(tmp_path / "out")
    again = edit(demo_plate, tmp_path / "out", "--frames", "1001-1002", "--seed", "7")
    assert_refused(again, 73, "1001-1002", "--overwrite", "--resume")
    assert snapshot(tmp_path / "out") == before
    replaced = edit(
        demo_plate, tmp_path / "out", "--frames", "1001-1002", "--seed", "7", "--overwrite"
    )
    assert replaced.code == 0, replaced.err
    assert exr_files(tmp_path / "out") != {k: v for k, v in before.items() if k.endswith(".exr")}


def test_a_folder_with_frames_of_another_shot_is_refused(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    write_plate(tmp_path / "out/plate.0900.exr", rgb())
    assert_refused(edit(demo_plate, tmp_path / "out"), 73, "900", "another folder")


def test_an_output_that_is_no_exr_is_refused(edit: Edit, demo_plate: Path, tmp_path: Path) -> None:
    ran = edit(demo_plate, tmp_path / "out/x.####.tif")
    assert_refused(ran, 65, "x.####.tif", "EXR")
    assert not (tmp_path / "out").exists()


def test_an_output_without_a_place_for_the_number_is_refused(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    assert_refused(edit(demo_plate, tmp_path / "out/x.exr"), 73, "x.exr", "####")


def test_a_file_where_the_folder_should_be_is_refused(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("mine")
    assert_refused(edit(demo_plate, tmp_path / "out/deeper"), 73, "is a file")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["--frames", "5-3"], 2, ["backwards"]),
        (["--frames", "abc"], 2, ["abc", "1001-1048x2"]),
        (["--frames", "1-3"], 66, ["1-3", "--frames"]),
        (["--prompt", " "], 2, ["--prompt"]),
        (["--steps", "0"], 2, ["edit.steps"]),
        (["--size", "big"], 2, ["big", "WxH"]),
        (["--size", "63x64"], 65, ["63x64", "64x64"]),
        (["--view", "nowhere"], 2, ["DISPLAY/VIEW"]),
        (["--view", "no/where"], 78, ["no/where"]),
        (["--layer", "diffuse"], 65, ["diffuse", "plate.1001.exr"]),
        (["--part", "3"], 65, ["part '3'"]),
        (["--device", "warp"], 78, ["warp"]),
        (["--device", "meta"], 78, ["meta"]),
        (["--device", "warp", "--dry-run"], 78, ["warp", "Use cpu"]),
        (["--device", "meta", "--dry-run"], 78, ["meta"]),
        (["--mode", "released", "--keyframe-interval", "4"], 65, ["4", "5"]),
        (["--matte", ":nothing"], 65, ["nothing", "matte.a"]),
        (["--matte", "nothing.####.exr"], 66, ["nothing.####.exr"]),
        (["--overwrite", "--resume"], 2, ["exclude"]),
        (["--steps", "2", "--inversion-steps", "3"], 65, ["inversion", "multiple"]),
        (["--steps", "many"], 2, ["--steps", "integer", "--help"]),
        (["--method", "magic"], 2, ["--method", "passthrough"]),
        (["--quickly"], 2, ["--quickly", "--help"]),
    ],
)
def test_values_that_make_no_sense_are_refused_in_one_line(
    edit: Edit, demo_plate: Path, tmp_path: Path, arguments: list[str], code: int, named: list[str]
) -> None:
    ran = edit(demo_plate, tmp_path / "out", *arguments)
    assert_refused(ran, code, *named)
    assert "Encode" not in ran.err
    assert not (tmp_path / "out").exists()


def test_a_matte_that_is_broken_on_one_frame_is_found_before_any_computing(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    matte = np.ones((36, 64), np.float16)
    for frame in range(1001, 1006):
        write_plate(tmp_path / f"matte/m.{frame}.exr", {"A": matte})
    os.truncate(tmp_path / "matte/m.1004.exr", 300)
    ran = edit(demo_plate, tmp_path / "out", "--matte", tmp_path / "matte")
    assert_refused(ran, 66, "m.1004.exr")
    assert "Encode" not in ran.err


def test_a_dry_run_finds_a_matte_without_the_channel(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--matte", ":nothing", "--dry-run")
    assert_refused(ran, 65, "nothing", "matte.a")


def test_a_matte_that_lacks_frames_is_refused(edit: Edit, demo_plate: Path, tmp_path: Path) -> None:
    for frame in (1001, 1003):
        write_plate(tmp_path / f"matte/m.{frame}.exr", {"A": np.ones((36, 64), np.float16)})
    ran = edit(demo_plate, tmp_path / "out", "--matte", tmp_path / "matte/m.####.exr")
    assert_refused(ran, 66, "1002,1004-1005")


def test_a_checkpoint_with_a_missing_file_is_refused(
    edit: Edit, demo_plate: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    (copy / "vae/diffusion_pytorch_model.safetensors").unlink()
    ran = edit(demo_plate, tmp_path / "out", "--model", copy)
    assert_refused(ran, 78, "vae/diffusion_pytorch_model.safetensors", "again")


def test_a_pickle_is_refused(edit: Edit, demo_plate: Path, tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"\x80\x04.")
    ran = edit(demo_plate, tmp_path / "out", "--model", tmp_path / "model.ckpt")
    assert_refused(ran, 65, "model.ckpt", "pickle", ".safetensors")


def test_a_folder_without_permission_is_refused(
    start: Callable[..., Process], demo_plate: Path, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    ran = start(demo_plate, locked / "out", bound=True).wait()
    assert_refused(ran, 77, "locked", "permissions")
    assert snapshot(locked) == {}


def test_a_frame_that_may_not_be_read_is_named(
    start: Callable[..., Process], plate: Path, tmp_path: Path
) -> None:
    (plate / "plate.1003.exr").chmod(0o000)
    assert_refused(start(plate, tmp_path / "out", bound=True).wait(), 66, "1003")


def test_a_full_disk_stops_with_whole_frames_only(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    """A limit on the size of files is the full disk that everybody can make."""
    small, large = rgb(36, 64, dtype="float32"), rgb(144, 256, dtype="float32")
    flat = {name: np.full((144, 256), 0.18, np.float32) for name in small}
    for frame, channels in ((1, flat), (2, flat), (3, large)):
        write_plate(tmp_path / f"plate/p.{frame}.exr", channels, attributes=LABEL)
    out = tmp_path / "out"
    run = start(tmp_path / "plate", out, "--size", "32x32", "--strength", "0", file_size=100_000)
    assert_refused(run.wait(), 73, "no space", "p.3.exr", "--resume")
    assert set(snapshot(out)) <= {"p.1.exr", "p.2.exr"}
    for name in snapshot(out):
        assert changed(tmp_path / "plate" / name, out / name) == {}


def test_a_full_disk_under_the_workspace_is_named(
    start: Callable[..., Process], demo_plate: Path, tmp_path: Path
) -> None:
    run = start(demo_plate, tmp_path / "out", "--workspace", tmp_path / "ws", file_size=4096)
    assert_refused(run.wait(), 73, "ws", "--workspace")
    assert not (tmp_path / "out").exists()


def test_a_record_that_cannot_be_written_is_named_and_the_frames_stay(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    (tmp_path / "out/plate.job.json").mkdir(parents=True)
    ran = edit(demo_plate, tmp_path / "out")
    assert_refused(ran, 73, "plate.job.json")
    assert len(exr_files(tmp_path / "out")) == 5 and litter(tmp_path / "out") == []
    assert changed(demo_plate / "plate.1001.exr", tmp_path / "out/plate.1001.exr")
