"""The command `deflicker`: what it steadies, what it leaves alone, and how it goes on."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocio.exr import inspect, read_frame
from ocio.exr_write import write_frame
from tests.ocio.plates import rgb, write_plate
from tests.tokenflow.frames import changed, exr_files, litter, samples
from tests.tokenflow.program import Process, Ran

FRAMES = range(1001, 1006)
GAINS = dict(zip(FRAMES, (1.2, 0.85, 1.15, 0.8, 1.1), strict=True))
MERGED = {"tokenflow/merge": "delta strength 1 cap 6 stops", "tokenflow/job_hash": "0" * 64}

Deflicker = Callable[..., Ran]


@pytest.fixture
def flickering(demo_plate: Path, tmp_path: Path) -> Path:
    """The plate with another hue and an exposure that jumps, all its channels kept."""
    for number, gain in GAINS.items():
        frame = read_frame(demo_plate / f"plate.{number}.exr")
        samples = frame.rgb() * np.float32(gain) * np.array([1.2, 0.9, 0.7], np.float32)
        edited = frame.with_rgb(samples, np.ones(samples.shape[:2], np.bool_))
        write_frame(tmp_path / f"edit/e.{number}.exr", edited)
    return tmp_path / "edit"


@pytest.fixture
def deflicker(tokenflow: Callable[..., Ran], demo_plate: Path, tmp_path: Path) -> Deflicker:
    """Return a function that runs `tokenflow deflicker EDIT --plate PLATE -o OUT ...`."""

    def run(edit: Path, *options: object, out: str = "out", plate: Path = demo_plate) -> Ran:
        return tokenflow("deflicker", edit, "--plate", plate, "-o", tmp_path / out, *options)

    return run


def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "e.report.json").read_text())
    return found


def jumps(folder: Path, plate: Path) -> float:
    """How far the exposure jumps up and down against the plate, in stops."""
    found = []
    for number in FRAMES:
        after = read_frame(folder / f"e.{number}.exr").rgb() + 0.01
        before = read_frame(plate / f"plate.{number}.exr").rgb() + 0.01
        found.append(np.log2(np.maximum(after, 0.01) / np.maximum(before, 0.01)).mean())
    return float(np.abs(np.diff(found, 2)).mean())


@pytest.mark.parametrize("strength", ["strong", "gain-only"])
def test_an_edit_that_flickers_comes_out_steadier(
    deflicker: Deflicker, flickering: Path, demo_plate: Path, tmp_path: Path, strength: str
) -> None:
    ran = deflicker(flickering, "--strength", strength)
    assert ran.code == 0, ran.err
    assert jumps(tmp_path / "out", demo_plate) < 0.5 * jumps(flickering, demo_plate)


def test_only_the_edited_colours_change(
    deflicker: Deflicker, flickering: Path, tmp_path: Path
) -> None:
    assert deflicker(flickering).code == 0
    for path in flickering.glob("*.exr"):
        assert {name for _, name in changed(path, tmp_path / "out" / path.name)} == {*"RGB"}
        before, after = (inspect(one).parts[0] for one in (path, tmp_path / "out" / path.name))
        assert before.channel_types == after.channel_types
        assert before.compression == after.compression
        for name in ("framesPerSecond", "colorInteropID"):
            assert before.attributes[name] == after.attributes[name]


def test_the_plate_itself_comes_back_bit_for_bit(
    deflicker: Deflicker, demo_plate: Path, tmp_path: Path
) -> None:
    for path in demo_plate.glob("*.exr"):
        copy = tmp_path / "copy" / path.name.replace("plate", "e")
        write_frame(copy, read_frame(path), attributes=MERGED)
    assert deflicker(tmp_path / "copy", "--strength", "strong").code == 0
    for path in (tmp_path / "copy").glob("*.exr"):
        assert changed(path, tmp_path / "out" / path.name) == {}
    assert report(tmp_path / "out")["form"] == "carried"


@pytest.mark.parametrize(
    ("merge", "form"),
    [("replace with grain strength 1", "carried"), ("replace strength 1", "bare")],
)
def test_the_header_tells_whether_a_replaced_picture_holds_the_grain(
    deflicker: Deflicker, flickering: Path, tmp_path: Path, merge: str, form: str
) -> None:
    for path in flickering.glob("*.exr"):
        said = {**MERGED, "tokenflow/merge": merge}
        write_frame(tmp_path / "replaced" / path.name, read_frame(path), attributes=said)
    assert deflicker(tmp_path / "replaced", "--frames", "1003").code == 0
    assert json.loads((tmp_path / "out/e.report.1003.json").read_text())["form"] == form


def test_motion_comes_from_given_weights(
    deflicker: Deflicker, flickering: Path, tmp_path: Path, raft_file: Path
) -> None:
    options = ("--frames", "1003", "--flow", "raft")
    assert "go together" in deflicker(flickering, *options).err
    ran = deflicker(flickering, *options, "--flow-weights", raft_file)
    assert ran.code == 0, ran.err
    found = json.loads((tmp_path / "out/e.report.1003.json").read_text())
    assert found["flow"].startswith("raft-small ") and found["flow"].endswith(" cpu")


def test_an_edit_from_elsewhere_is_taken_for_grainless_and_that_is_said(
    deflicker: Deflicker, flickering: Path, tmp_path: Path
) -> None:
    ran = deflicker(flickering, "--frames", "1003")
    assert "--plate-term full" in ran.err
    found = json.loads((tmp_path / "out/e.report.1003.json").read_text())
    assert found["form"] == "bare" and found["warnings"]


def test_parts_give_the_frames_of_the_whole(
    deflicker: Deflicker, flickering: Path, tmp_path: Path
) -> None:
    assert deflicker(flickering, out="whole").code == 0
    for part in ("1001-1002", "1003-1004", "1005"):
        assert deflicker(flickering, "--frames", part, out="parts").code == 0
    assert exr_files(tmp_path / "parts") == exr_files(tmp_path / "whole")


def test_a_resumed_run_makes_only_what_is_missing_or_looked_at_a_file_that_changed(
    deflicker: Deflicker, flickering: Path, tmp_path: Path
) -> None:
    options = ("--strength", "light", "--resume")
    assert deflicker(flickering, *options).code == 0
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.exr")}
    (tmp_path / "out/e.1002.exr").unlink()
    frame = read_frame(flickering / "e.1005.exr")
    darker = frame.with_rgb(frame.rgb() / np.float32(2), np.ones((36, 64), np.bool_))
    write_frame(flickering / "e.1005.exr", replace(darker, path=Path()), overwrite=True)
    ran = deflicker(flickering, *options)
    assert ran.code == 0, ran.err
    assert report(tmp_path / "out")["frames"]["kept"] == "1001"
    # Not by inode: a file system may give a removed file's number to the next one.
    again = {path for path, time in written.items() if path.stat().st_mtime_ns != time}
    assert tmp_path / "out/e.1001.exr" not in again and len(again) == 4


def test_the_header_says_where_the_edit_came_from_and_what_was_done(
    deflicker: Deflicker, demo_plate: Path, tmp_path: Path
) -> None:
    origin = {**MERGED, "tokenflow/prompt_hash": "abc", "tokenflow/nan": 5}
    for path in demo_plate.glob("*.exr"):
        write_frame(tmp_path / "made" / path.name, read_frame(path), attributes=origin)
    assert deflicker(tmp_path / "made", "--strength", "light").code == 0
    attributes = inspect(tmp_path / "out/plate.1001.exr").parts[0].attributes
    said = {name: attribute.value for name, attribute in attributes.items()}
    assert said["tokenflow/deflicker"] == "light carried"
    assert said["tokenflow/prompt_hash"] == "abc"
    assert said["tokenflow/edit_job_hash"] == "0" * 64 != said["tokenflow/job_hash"]
    assert said["tokenflow/nan"] == 0
    assert said["tokenflow/deflicker_flow"].startswith("vectors forward.u")


def test_pixels_without_alpha_keep_their_bits_and_alpha_too(
    deflicker: Deflicker, tmp_path: Path
) -> None:
    alpha = np.ones((36, 64), np.float16)
    alpha[:, :20] = 0
    alpha[:, 20:40] = 0.5
    light = (0.2 + 0.1 * np.sin(np.arange(64) / 3)) * (1 + np.arange(36)[:, None] / 36) * alpha
    for number, gain in GAINS.items():
        plate, edit = (
            {name: (light * factor).astype(np.float16) for name in "RGB"} for factor in (1, gain)
        )
        edit["R"][5, 5] = 0.25
        write_plate(tmp_path / f"p/p.{number}.exr", {**plate, "A": alpha})
        write_plate(tmp_path / f"e/e.{number}.exr", {**edit, "A": alpha})
    ran = deflicker(tmp_path / "e", plate=tmp_path / "p")
    assert ran.code == 0, ran.err
    for number in FRAMES:
        where = changed(tmp_path / f"e/e.{number}.exr", tmp_path / f"out/e.{number}.exr")
        assert {name for _, name in where} == {*"RGB"}
        assert not any(plane[:, :20].any() for plane in where.values())
        assert all(plane[:, 26:38].mean() > 0.9 for plane in where.values())
        before, after = (
            read_frame(tmp_path / f"{name}/e.{number}.exr").rgb() for name in ("e", "out")
        )
        half, full = (
            np.median(after[:, part] / before[:, part]) for part in (slice(26, 36), slice(46, 60))
        )
        assert half == pytest.approx(full, abs=0.004)


def test_a_data_window_that_moves_stays_as_it_is(deflicker: Deflicker, tmp_path: Path) -> None:
    windows = {1001: (5, 3, 40, 25), 1002: (8, 2, 43, 27), 1003: (-4, 6, 50, 24)}
    for number, (x, y, width, height) in windows.items():
        for name, gain in (("p", 1.0), ("e", GAINS[number])):
            channels = {
                channel: plane * np.float16(gain) for channel, plane in rgb(height, width).items()
            }
            path = tmp_path / f"{name}/{name}.{number}.exr"
            write_plate(path, channels, data=(x, y), display=(0, 0, 63, 35))
    ran = deflicker(tmp_path / "e", plate=tmp_path / "p")
    assert ran.code == 0, ran.err
    for number, window in windows.items():
        found = inspect(tmp_path / f"out/e.{number}.exr").parts[0].data_window
        assert (found.x, found.y, found.width, found.height) == window


def test_nan_and_infinity_stay_where_they_are_and_are_counted(
    deflicker: Deflicker, flickering: Path, tmp_path: Path
) -> None:
    frame = read_frame(flickering / "e.1003.exr")
    red = frame.parts[0].channels["R"].copy()
    red[10, 10], red[20, 20], red[5, 5] = np.nan, np.inf, -0.5
    part = replace(frame.parts[0], channels={**frame.parts[0].channels, "R": red})
    spoilt = replace(frame, path=Path(), parts=(part,))
    write_frame(flickering / "e.1003.exr", spoilt, overwrite=True)
    assert deflicker(flickering).code == 0
    for number in FRAMES:
        made = read_frame(tmp_path / f"out/e.{number}.exr").rgb()
        bad = ~np.isfinite(made)
        assert np.argwhere(bad).tolist() == ([[10, 10, 0], [20, 20, 0]] if number == 1003 else [])
    counts = report(tmp_path / "out")["counts"]
    assert (counts["nan"], counts["infinite"]) == (1, 1) and counts["negative"] >= 1


def test_outside_a_matte_the_edit_keeps_its_bits(
    deflicker: Deflicker, flickering: Path, tmp_path: Path
) -> None:
    assert deflicker(flickering, "--matte", ":matte.a").code == 0
    for path in flickering.glob("*.exr"):
        outside = read_frame(path).parts[0].channels["matte.a"] == 0
        where = np.any([*changed(path, tmp_path / "out" / path.name).values()], axis=0)
        assert where.any() and not where[outside].any()


def test_a_resumed_run_with_another_channel_as_matte_keeps_no_frame(
    deflicker: Deflicker, flickering: Path, tmp_path: Path
) -> None:
    assert deflicker(flickering, "--frames", "1001", "--matte", ":matte.a").code == 0
    ran = deflicker(flickering, "--frames", "1001", "--matte", ":Z", "--resume")
    assert ran.code == 0, ran.err
    said = json.loads((tmp_path / "out/e.report.1001.json").read_text())
    assert said["frames"]["kept"] == ""
    assert "frames of another edit lie in the output and are made anew: 1001" in ran.err
    assert any("1001" in warning for warning in said["warnings"])


@pytest.mark.parametrize(
    ("spoil", "code", "named"),
    [
        (lambda edit, plate: (edit / "e.1003.exr").unlink(), 66, "the edit lacks the frames 1003"),
        (
            lambda edit, plate: (plate / "p.1004.exr").unlink(),
            66,
            "the plate lacks the frames 1004",
        ),
        (
            lambda edit, plate: write_plate(plate / "p.1002.exr", rgb(30, 64)),
            65,
            "frame 1002 of the edit is 64x36, of the plate 64x30",
        ),
        (lambda edit, plate: (edit / "e.1002.exr").write_bytes(b"no"), 66, "1002"),
    ],
)
def test_what_cannot_be_filtered_is_named_and_nothing_is_written(
    deflicker: Deflicker,
    flickering: Path,
    demo_plate: Path,
    tmp_path: Path,
    spoil: Callable[[Path, Path], object],
    code: int,
    named: str,
) -> None:
    plate = tmp_path / "plate"
    for path in demo_plate.glob("*.exr"):
        write_frame(plate / path.name.replace("plate", "p"), read_frame(path))
    spoil(flickering, plate)
    ran = deflicker(flickering, plate=plate)
    assert ran.code == code and named in ran.error
    assert not (tmp_path / "out").exists()


def test_neither_edit_nor_plate_nor_earlier_frames_are_written_over(
    deflicker: Deflicker, flickering: Path, demo_plate: Path, tmp_path: Path
) -> None:
    assert deflicker(flickering, out="edit").code == 73
    assert deflicker(flickering, "--overwrite", out="edit").code == 73
    assert deflicker(demo_plate).code == 65
    assert deflicker(flickering).code == 0
    before = exr_files(tmp_path / "out")
    assert deflicker(flickering).code == 73
    assert deflicker(flickering, "--overwrite").code == 0
    assert exr_files(tmp_path / "out") == before


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    deflicker: Deflicker, flickering: Path, tmp_path: Path
) -> None:
    ran = deflicker(flickering, "--dry-run")
    assert (
        ran.code == 0 and "holds none of the plate's" in ran.out and "vectors forward.u" in ran.out
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [("--flow", "raft"), ("--flow-weights", "raft.safetensors")])
def test_a_network_without_weights_is_wrong_usage(
    deflicker: Deflicker, flickering: Path, options: tuple[str, ...]
) -> None:
    ran = deflicker(flickering, *options)
    assert ran.code == 2 and "go together" in ran.err


@pytest.mark.parametrize(
    ("farm", "end"), [("openjd", "openjd_progress: 100.0"), ("tractor", "TR_EXIT_STATUS 0")]
)
def test_a_farm_reads_its_own_lines_and_nothing_else(
    deflicker: Deflicker, flickering: Path, farm: str, end: str
) -> None:
    ran = deflicker(flickering, "--progress", farm)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[-1] == end
    assert all(line.startswith(("openjd_", "TR_")) for line in lines)


def test_a_run_that_is_stopped_leaves_whole_frames_and_goes_on(
    deflicker: Deflicker, flickering: Path, demo_plate: Path, tmp_path: Path
) -> None:
    # Many frames of a few, so that there is time to stop it.
    for source, name in ((flickering, "e"), (demo_plate, "plate")):
        for number in range(1006, 1061):
            earlier = 1001 + number % 5
            frame = read_frame(source / f"{name}.{earlier}.exr")
            write_frame(source.parent / f"long {name}/{name}.{number}.exr", frame)
    edit, plate = tmp_path / "long e", demo_plate.parent / "long plate"
    command = ["deflicker", edit, "--plate", plate, "-o", tmp_path / "out", "--progress", "json"]
    process = Process(tmp_path / "process", map(str, command), {"event": "frame_written"})
    try:
        process.wait_until_it_halts()
        process.send(signal.SIGINT)
        assert process.wait().code == 130
    finally:
        process.end()
    there = {path.name: samples(path) for path in (tmp_path / "out").glob("*.exr")}
    assert 0 < len(there) < 55 and litter(tmp_path / "out") == []
    assert deflicker(edit, "--resume", plate=plate).code == 0
    assert len(exr_files(tmp_path / "out")) == 55
