"""The deflicker stage of an edit: what it changes, what it leaves, and what it says of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ocio.exr import inspect, read_frame
from ocio.exr_write import write_frame
from ocio.resample import proxy
from tests.tokenflow.frames import changed, exr_files
from tests.tokenflow.program import Ran
from tokenflow.cli.door import run_program
from tokenflow.diffusion.latents import LatentStack
from tokenflow.job import Deflicker, Edit, EditJob, Model, Output, Plate, RunOptions
from tokenflow.pipeline.deflicker import Steadying, steady
from tokenflow.pipeline.plan import Plan, make_plan

EditOf = Callable[..., Ran]


def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "plate.report.json").read_text())
    return found


@pytest.fixture
def without_vectors(demo_plate: Path, tmp_path: Path) -> Path:
    """The demo plate with its colours alone."""
    for path in sorted(demo_plate.glob("*.exr")):
        frame = read_frame(path)
        part = frame.parts[0]
        kept = {name: part.channels[name] for name in "RGB"}
        types = dict.fromkeys(kept, "float16")
        plain = type(part)(**{**vars(part), "channels": kept, "channel_types": types})
        write_frame(tmp_path / "plain" / path.name, type(frame)(path, None, (plain,)))
    return tmp_path / "plain"


def planned(plate: Path, checkpoint: Path, out: Path, merge: str = "delta") -> Plan:
    job = EditJob(
        plate=Plate(str(plate)),
        edit=Edit(method="passthrough"),
        model=Model(str(checkpoint)),
        deflicker=Deflicker("strong"),
        output=Output(str(out), merge),  # type: ignore[arg-type]
    )
    return make_plan(job, RunOptions())


@pytest.mark.parametrize(("merge", "left"), [("delta", 0.45), ("replace", 0.6)])
def test_an_edit_that_flickers_leaves_the_stage_steadier(
    demo_plate: Path, tiny_checkpoint: Path, tmp_path: Path, merge: str, left: float
) -> None:
    plan = planned(demo_plate, tiny_checkpoint, tmp_path / "out", merge)
    width, height = plan.size
    edit, steadied = (
        LatentStack(tmp_path / name, plan.numbers, (height, width, 3)) for name in ("in", "out")
    )
    gains = dict(zip(plan.numbers, (0.3, -0.2, 0.25, -0.3, 0.1), strict=True))
    for number, gain in gains.items():
        samples = np.full((height, width, 3), gain, np.float32) * np.float32(plan.encoding.log.stop)
        if merge == "replace":
            frame = read_frame(plan.sequence.path(number)).rgb()
            linear = proxy(frame, plan.rectangle, plan.size) * np.float32(2**gain)
            samples = plan.encoding.encode(linear)
        edit.write([number], torch.from_numpy(samples)[None])
    edit.finish()
    steady(plan, Steadying.of(plan), edit, steadied, tmp_path, lambda done, total: None)

    def jumps(stack: LatentStack) -> float:
        means = [float(stack.read([number]).mean()) for number in plan.numbers]
        return float(np.abs(np.diff(means, 2)).mean())

    assert jumps(steadied) < left * jumps(edit)


@pytest.mark.parametrize("strength", ["strong", "gain-only"])
def test_an_edit_that_changes_nothing_returns_the_plate_bit_for_bit(
    edit: EditOf, demo_plate: Path, tmp_path: Path, strength: str
) -> None:
    options = ("--method", "passthrough", "--deflicker", strength)
    assert edit(demo_plate, tmp_path / "out", *options).code == 0
    for path in demo_plate.glob("*.exr"):
        assert changed(path, tmp_path / "out" / path.name) == {}


def test_outside_a_matte_the_plate_keeps_its_bits(
    edit: EditOf, demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, tmp_path, "--deflicker", "normal", "--matte", ":matte.a").code == 0
    for path in demo_plate.glob("*.exr"):
        outside = read_frame(path).parts[0].channels["matte.a"] == 0
        where = np.any([*changed(path, tmp_path / path.name).values()], axis=0)
        assert where.any() and not where[outside].any()


def test_parts_of_a_job_give_the_frames_of_the_whole(
    edit: EditOf, demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, tmp_path / "whole", "--deflicker", "normal").code == 0
    job = tmp_path / "whole/plate.job.json"
    for part in ("1001-1002", "1003-1005"):
        own = ("--workspace", tmp_path / f"ws {part}", "--device", "cpu", "--frames", part)
        ran = _run(job, tmp_path / "parts", own)
        assert ran == 0
    assert exr_files(tmp_path / "parts") == exr_files(tmp_path / "whole")


def _run(job: Path, out: Path, options: tuple[object, ...]) -> int:
    return run_program(["run", *map(str, (job, "--out", out / "plate.####.exr", *options))])


def test_the_plates_own_vectors_are_used_where_it_has_them(
    edit: EditOf, demo_plate: Path, without_vectors: Path, tmp_path: Path
) -> None:
    strength = ("--deflicker", "normal")
    edit(demo_plate, tmp_path / "own", *strength)
    edit(demo_plate, tmp_path / "estimated", *strength, "--flow", "estimated")
    edit(without_vectors, tmp_path / "none", *strength)
    flows = [report(tmp_path / name)["deflicker"]["flow"] for name in ("own", "estimated", "none")]
    assert flows[0].startswith("vectors forward.u") and flows[1].startswith("dis-")
    assert flows[1] == flows[2]


def test_another_strength_finds_the_motion_of_the_first(
    edit: EditOf, demo_plate: Path, tmp_path: Path
) -> None:
    options = ("--flow", "estimated", "--workspace", tmp_path / "ws", "--deflicker")
    edit(demo_plate, tmp_path / "first", *options, "strong")
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("ws/motion-*/*.npy")}
    assert len(kept) == 10
    edit(demo_plate, tmp_path / "second", *options, "light")
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.glob("ws/motion-*/*.npy")}


def test_motion_that_was_kept_gives_the_bits_of_motion_that_was_not(
    edit: EditOf, demo_plate: Path, tmp_path: Path
) -> None:
    options = ("--flow", "estimated", "--deflicker", "light")
    edit(demo_plate, tmp_path / "fresh", *options, "--workspace", tmp_path / "a")
    edit(
        demo_plate, tmp_path / "x", *options, "--deflicker", "strong", "--workspace", tmp_path / "b"
    )
    edit(demo_plate, tmp_path / "kept", *options, "--workspace", tmp_path / "b")
    assert exr_files(tmp_path / "fresh") == exr_files(tmp_path / "kept")


def test_without_compensation_the_autoencoders_own_changes_stay_in_the_edit(
    edit: EditOf, demo_plate: Path, tmp_path: Path
) -> None:
    options = ("--method", "passthrough", "--uncompensated")
    assert edit(demo_plate, tmp_path / "out", *options).code == 0
    assert changed(demo_plate / "plate.1001.exr", tmp_path / "out/plate.1001.exr")
    assert report(tmp_path / "out")["deflicker"]["compensated"] is False


def test_header_and_records_say_what_was_done(
    edit: EditOf, demo_plate: Path, tmp_path: Path
) -> None:
    edit(demo_plate, tmp_path, "--deflicker", "strong", "--flow", "estimated")
    said = inspect(tmp_path / "plate.1001.exr").parts[0].attributes["tokenflow/deflicker"].value
    assert said == "strong estimated"
    job = json.loads((tmp_path / "plate.job.json").read_text())["deflicker"]
    assert (job["strength"], job["flow"], job["uncompensated"]) == ("strong", "estimated", False)
    assert "deflicker" in report(tmp_path)["seconds"]


def test_motion_comes_from_given_weights_and_the_records_name_them(
    edit: EditOf, demo_plate: Path, tmp_path: Path, raft_file: Path
) -> None:
    options = ("--deflicker", "light", "--flow", "raft", "--flow-weights", raft_file)
    ran = edit(demo_plate, tmp_path / "out", *options)
    assert ran.code == 0, ran.err
    found = report(tmp_path / "out")["deflicker"]
    weights = hashlib.sha256(raft_file.read_bytes()).hexdigest()
    assert found["flow"].startswith(f"raft-small {weights[:16]} torch-")
    job = json.loads((tmp_path / "out/plate.job.json").read_text())["deflicker"]
    assert job["flow_sha256"] == weights
    said = inspect(tmp_path / "out/plate.1001.exr").parts[0].attributes["tokenflow/deflicker"].value
    assert said == "light raft"


def test_the_report_says_how_alike_the_decodings_flicker(
    edit: EditOf, demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, tmp_path / "edit").code == 0
    found = report(tmp_path / "edit")["deflicker"]["decodings_alike"]
    assert -1 <= found <= 1
    assert edit(demo_plate, tmp_path / "again", "--deflicker", "light").code == 0
    assert report(tmp_path / "again")["deflicker"]["decodings_alike"] == found
    for options in (("--method", "passthrough"), ("--uncompensated",)):
        out = tmp_path / options[-1].strip("-")
        assert edit(demo_plate, out, *options).code == 0
        assert report(out)["deflicker"]["decodings_alike"] is None


def test_a_cut_inside_the_shot_is_told_in_the_report(
    edit: EditOf, demo_plate: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    for path in sorted(demo_plate.glob("*.exr")):
        frame = read_frame(path)
        if "1004" in path.name or "1005" in path.name:
            noise = rng.standard_normal((36, 64, 3)) * (1 + int(path.stem[-1]))
            frame = frame.with_rgb(
                np.exp2(noise).astype(np.float32), np.ones((36, 64), dtype=np.bool_)
            )
        write_frame(tmp_path / "cut" / path.name, frame)
    options = ("--deflicker", "light", "--flow", "estimated")
    edit(tmp_path / "cut", tmp_path / "out", *options)
    assert report(tmp_path / "out")["deflicker"]["dropped"]["1003"] == [1004, 1005]
