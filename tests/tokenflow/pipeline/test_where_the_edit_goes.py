"""What a matte, a strength, a merge mode, windows and layers let the edit touch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ocio.exr import inspect, read_frame
from tests.ocio.plates import rgb, write_parts, write_plate
from tests.tokenflow.frames import changed, exr_files
from tests.tokenflow.program import Ran

Edit = Callable[..., Ran]

LABEL = {"colorInteropID": "lin_ap1_scene"}
HALF = np.repeat(np.array([[1.0, 0.0]], np.float16), [32, 32], axis=1).repeat(36, axis=0)


@pytest.fixture
def matte(tmp_path: Path) -> Path:
    """A matte for the demo plate: white on the left half, black on the right."""
    for frame in range(1001, 1006):
        write_plate(tmp_path / f"matte/m.{frame}.exr", {"A": HALF})
    return tmp_path / "matte/m.####.exr"


@pytest.mark.parametrize("merge", ["delta", "replace"])
def test_outside_a_matte_the_plate_keeps_its_bits(
    edit: Edit, demo_plate: Path, matte: Path, tmp_path: Path, merge: str
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--matte", matte, "--merge", merge)
    assert ran.code == 0, ran.err
    for frame in range(1001, 1006):
        name = f"plate.{frame}.exr"
        where = changed(demo_plate / name, tmp_path / "out" / name)
        assert {channel for _, channel in where} == {"R", "G", "B"}
        touched = np.any([*where.values()], axis=0)
        assert not touched[:, 32:].any()
        assert touched[:, :32].mean() > 0.5


def test_a_repainted_matte_makes_a_resumed_frame_anew_and_no_other(
    edit: Edit, demo_plate: Path, matte: Path, tmp_path: Path
) -> None:
    options = ("--matte", matte, "--frames", "1001-1002")
    assert edit(demo_plate, tmp_path / "out", *options).code == 0
    before = {path.name: path.stat().st_ino for path in (tmp_path / "out").glob("*.exr")}
    write_plate(tmp_path / "matte/m.1002.exr", {"A": 1 - HALF})
    assert edit(demo_plate, tmp_path / "out", *options, "--resume").code == 0
    after = {path.name: path.stat().st_ino for path in (tmp_path / "out").glob("*.exr")}
    assert [name for name in before if before[name] != after[name]] == ["plate.1002.exr"]


def test_an_inverted_matte_protects_the_other_side(
    edit: Edit, demo_plate: Path, matte: Path, tmp_path: Path
) -> None:
    edit(demo_plate, tmp_path / "out", "--matte", matte, "--matte-invert")
    where = changed(demo_plate / "plate.1001.exr", tmp_path / "out/plate.1001.exr")
    touched = np.any([*where.values()], axis=0)
    assert touched[:, 32:].any() and not touched[:, :32].any()


def test_a_channel_of_the_plate_serves_as_the_matte(
    edit: Edit, demo_plate: Path, tmp_path: Path
) -> None:
    edit(demo_plate, tmp_path / "out", "--matte", ":matte.a")
    for name in ("plate.1001.exr", "plate.1005.exr"):
        where = changed(demo_plate / name, tmp_path / "out" / name)
        touched = np.any([*where.values()], axis=0)
        matte = read_frame(demo_plate / name).parts[0].channels["matte.a"]
        assert touched.any() and not touched[matte == 0].any()


@pytest.mark.parametrize("merge", ["delta", "replace"])
def test_an_edit_of_no_strength_returns_the_plate_bit_for_bit(
    edit: Edit, demo_plate: Path, tmp_path: Path, merge: str
) -> None:
    assert edit(demo_plate, tmp_path / "out", "--strength", "0", "--merge", merge).code == 0
    for frame in range(1001, 1006):
        name = f"plate.{frame}.exr"
        assert changed(demo_plate / name, tmp_path / "out" / name) == {}


def test_replace_takes_the_models_picture_without_the_plates_highlights(
    edit: Edit, tmp_path: Path
) -> None:
    channels = rgb(36, 64)
    channels["G"][10:20, 10:20] = 500.0
    for frame in (1, 2):
        write_plate(tmp_path / f"plate/p.{frame}.exr", channels, attributes=LABEL)
    edit(tmp_path / "plate", tmp_path / "delta")
    edit(tmp_path / "plate", tmp_path / "replace", "--merge", "replace")
    highest = {
        merge: float(read_frame(tmp_path / merge / "p.1.exr").rgb().max())
        for merge in ("delta", "replace")
    }
    assert highest["replace"] < 200 < highest["delta"]


def test_replace_puts_the_plates_grain_back_on_request(edit: Edit, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    grain = np.exp2(random.normal(0, 0.1, (36, 64, 3)).astype(np.float32))
    channels = {name: 0.2 * grain[..., index] for index, name in enumerate("RGB")}
    for frame in (1, 2):
        write_plate(tmp_path / f"plate/p.{frame}.exr", channels, attributes=LABEL)
    edit(tmp_path / "plate", tmp_path / "bare", "--merge", "replace")
    ran = edit(tmp_path / "plate", tmp_path / "grain", "--merge", "replace", "--regrain")
    assert ran.code == 0, ran.err
    bare, with_grain = (
        np.log2(read_frame(tmp_path / name / "p.1.exr").rgb()) for name in ("bare", "grain")
    )
    put_back = (with_grain - bare).ravel()
    assert np.corrcoef(put_back, np.log2(grain).ravel())[0, 1] > 0.9
    assert 0.05 < put_back.std() < 0.12  # what of a tenth of a stop is taken for grain
    merge = inspect(tmp_path / "grain/p.1.exr").parts[0].attributes["tokenflow/merge"].value
    assert str(merge).startswith("replace with grain")


def test_a_data_window_that_moves_stays_as_it_is_on_every_frame(edit: Edit, tmp_path: Path) -> None:
    windows = {1: (5, 3, 30, 20), 2: (8, 2, 33, 22), 3: (-4, 6, 41, 19)}
    for frame, (x, y, width, height) in windows.items():
        write_plate(
            tmp_path / f"plate/p.{frame}.exr",
            rgb(height, width, seed=frame),
            data=(x, y),
            display=(0, 0, 63, 35),
            attributes=LABEL,
        )
    ran = edit(tmp_path / "plate", tmp_path / "out")
    assert ran.code == 0, ran.err
    for frame, window in windows.items():
        part = inspect(tmp_path / f"out/p.{frame}.exr").parts[0]
        found = part.data_window
        assert (found.x, found.y, found.width, found.height) == window
        assert part.display_window.width == 63 and part.display_window.height == 35
        assert changed(tmp_path / f"plate/p.{frame}.exr", tmp_path / f"out/p.{frame}.exr")


def test_a_plate_of_odd_size_is_edited_to_its_last_pixel(edit: Edit, tmp_path: Path) -> None:
    for frame in (1, 2, 3):
        write_plate(tmp_path / f"plate/p.{frame}.exr", rgb(37, 61, seed=frame), attributes=LABEL)
    ran = edit(tmp_path / "plate", tmp_path / "out")
    assert ran.code == 0, ran.err
    where = changed(tmp_path / "plate/p.2.exr", tmp_path / "out/p.2.exr")
    touched = np.any([*where.values()], axis=0)
    assert touched.shape == (37, 61)
    assert touched[0].any() and touched[-1].any() and touched[:, 0].any() and touched[:, -1].any()


def test_only_the_layer_that_is_named_is_edited(edit: Edit, tmp_path: Path) -> None:
    layers = {f"diffuse.{name}": channel for name, channel in rgb(36, 64, seed=3).items()}
    for frame in (1, 2):
        write_plate(tmp_path / f"plate/p.{frame}.exr", rgb(36, 64) | layers, attributes=LABEL)
    ran = edit(tmp_path / "plate", tmp_path / "out", "--layer", "diffuse")
    assert ran.code == 0, ran.err
    where = changed(tmp_path / "plate/p.1.exr", tmp_path / "out/p.1.exr")
    assert {channel for _, channel in where} == {"diffuse.R", "diffuse.G", "diffuse.B"}
    assert "no longer add up" in ran.err


def test_only_the_part_that_is_named_is_edited(edit: Edit, tmp_path: Path) -> None:
    for frame in (1, 2):
        write_parts(
            tmp_path / f"plate/p.{frame}.exr",
            [
                (rgb(36, 64, seed=part), {"attributes": LABEL | {"name": name}})
                for part, name in enumerate(("beauty", "reflection"))
            ],
        )
    ran = edit(tmp_path / "plate", tmp_path / "out", "--part", "reflection")
    assert ran.code == 0, ran.err
    where = changed(tmp_path / "plate/p.1.exr", tmp_path / "out/p.1.exr")
    assert {part for part, _ in where} == {1}


def test_only_the_eye_that_is_named_is_edited(edit: Edit, tmp_path: Path) -> None:
    left = {f"left.{name}": channel for name, channel in rgb(36, 64, seed=3).items()}
    views = {"multiView": ("string[2]", ("right", "left"))}
    for frame in (1, 2):
        write_plate(tmp_path / f"plate/p.{frame}.exr", rgb(36, 64) | left, attributes=LABEL | views)
    ran = edit(tmp_path / "plate", tmp_path / "out", "--stereo-view", "left")
    assert ran.code == 0, ran.err
    where = changed(tmp_path / "plate/p.1.exr", tmp_path / "out/p.1.exr")
    assert {channel for _, channel in where} == {"left.R", "left.G", "left.B"}
    assert "the stereo views right stay unedited" in ran.err


def test_nan_and_infinite_samples_stay_and_spread_into_nothing(edit: Edit, tmp_path: Path) -> None:
    channels = rgb(36, 64, nasty=True)
    broken = ~np.isfinite(np.stack([*channels.values()]))
    for frame in (1, 2):
        write_plate(tmp_path / f"plate/p.{frame}.exr", channels, attributes=LABEL)
    ran = edit(tmp_path / "plate", tmp_path / "out")
    assert ran.code == 0, ran.err
    after = np.moveaxis(read_frame(tmp_path / "out/p.1.exr").rgb(), -1, 0)
    np.testing.assert_array_equal(~np.isfinite(after), broken)
    assert "the plate has NaN samples, which pass through untouched, in the frames 1-2" in ran.err
    counts = json.loads((tmp_path / "out/p.report.json").read_text())["counts"]
    plate = np.stack([*channels.values()])
    assert counts["nan"] == 2 * np.count_nonzero(np.isnan(plate)) > 0
    assert counts["infinite"] == 2 * np.count_nonzero(np.isinf(plate)) > 0
    assert counts["negative"] == 2 * np.count_nonzero(plate < 0) > 0


@pytest.mark.parametrize(("frames", "written"), [("1", 1), ("1-2", 2), ("1-3", 3)])
def test_fewer_frames_than_a_keyframe_interval_are_edited(
    edit: Edit, tmp_path: Path, frames: str, written: int
) -> None:
    for frame in (1, 2, 3):
        write_plate(tmp_path / f"plate/p.{frame}.exr", rgb(36, 64, seed=frame), attributes=LABEL)
    out = tmp_path / "out"
    ran = edit(tmp_path / "plate", out, "--frames", frames, "--keyframe-interval", "8")
    assert ran.code == 0, ran.err
    assert len(exr_files(out)) == written
    assert changed(tmp_path / "plate/p.1.exr", out / "p.1.exr")


def test_a_single_picture_without_a_number_is_edited(edit: Edit, tmp_path: Path) -> None:
    write_plate(tmp_path / "plate/still.exr", rgb(36, 64), attributes=LABEL)
    ran = edit(tmp_path / "plate/still.exr", tmp_path / "out/still_edit.exr")
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "still_edit.exr",
        "still_edit.job.json",
        "still_edit.report.json",
    ]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("e.####.exr", ["e.-001.exr", "e.0000.exr"]),
        ("e.$F2.exr", ["e.-1.exr", "e.00.exr"]),
        ("e_%d.exr", ["e_-1.exr", "e_0.exr"]),
    ],
)
def test_negative_frames_are_edited_under_the_names_that_are_asked_for(
    edit: Edit, tmp_path: Path, pattern: str, names: list[str]
) -> None:
    for frame in (-2, -1, 0):
        path = tmp_path / f"plate/p.{frame:04d}.exr"
        write_plate(path, rgb(36, 64, seed=frame + 2), attributes=LABEL)
    ran = edit(tmp_path / "plate", tmp_path / "out" / pattern, "--frames", "-1-0")
    assert ran.code == 0, ran.err
    assert [*exr_files(tmp_path / "out")] == names
