"""An edit that ControlNets hold: from the plate's depth to frames on disk."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.random_model import random_model
from ocio.attributes import PROVENANCE_PREFIX
from ocio.exr import inspect, read_frame
from ocio.exr_write import write_frame
from tests.tokenflow.frames import exr_files
from tests.tokenflow.program import Ran
from tests.tokenflow.random_controlnet import random_controlnet
from tests.tokenflow.tiny_motion import write_tiny_adapter
from tokenflow.job import Control, EditJob
from tokenflow.job_file import read_job

Command = Callable[..., Ran]


@pytest.fixture(scope="session")
def depth_net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random ControlNet for the tiny checkpoint; not to be changed."""
    folder = tmp_path_factory.mktemp("controlnet") / "depth"
    random_controlnet(random_model().unet).save_pretrained(folder)
    return folder


@pytest.fixture
def hold(edit: Command, demo_plate: Path, depth_net: Path, tmp_path: Path) -> Command:
    """Return a function that edits with ControlNets, ``IMAGE[@WEIGHT]`` each."""

    def run(out: str, *controls: str, more: tuple[object, ...] = ()) -> Ran:
        named = []
        for one in controls:
            image, at, weight = one.partition("@")
            named += ["--control", f"{image}={depth_net}{at}{weight}"]
        given = ("--technique", "controlnet", *named)
        return edit(demo_plate, tmp_path / out, *given, *more)

    return run


def frames_of(ran: Ran, folder: Path) -> dict[str, bytes]:
    assert ran.code == 0, ran.err
    return exr_files(folder)


def pixels(folder: Path) -> list[Any]:
    return [read_frame(path).rgb().tobytes() for path in sorted(folder.glob("*.exr"))]


def test_depth_and_edges_hold_an_edit_each_in_its_way(hold: Command, tmp_path: Path) -> None:
    images = ("depth", "canny", "soft-edges", ":matte.a")
    found = []
    for number, image in enumerate(images):
        assert hold(f"{number}", image).code == 0
        found.append(pixels(tmp_path / f"{number}"))
    assert all(a != b for i, a in enumerate(found) for b in found[:i])


def test_a_weight_of_zero_gives_the_pixels_of_no_controlnet_at_all(
    hold: Command, edit: Command, demo_plate: Path, tmp_path: Path
) -> None:
    assert hold("idle", "depth@0", "canny@0").code == 0
    # Nothing injected at any step: what is left of pnp is the same edit.
    free = ("--qk-threshold", "0", "--conv-threshold", "0")
    assert edit(demo_plate, tmp_path / "free", *free).code == 0
    assert pixels(tmp_path / "idle") == pixels(tmp_path / "free")


def test_the_job_beside_the_frames_names_weights_and_reproduces_the_edit(
    hold: Command, tokenflow: Command, depth_net: Path, shared_workspace: Path, tmp_path: Path
) -> None:
    before = frames_of(hold("one", "depth@0.5", "canny"), tmp_path / "one")
    file = tmp_path / "one/plate.job.json"
    depth, edges = read_job(file).edit.controls
    assert (depth.image, depth.weight, depth.checkpoint) == ("depth", 0.5, str(depth_net))
    assert depth.sha256 == edges.sha256 is not None
    own = ("--workspace", shared_workspace, "--device", "cpu", "--overwrite")
    assert frames_of(tokenflow("run", file, *own), tmp_path / "one") == before
    header = inspect(next((tmp_path / "one").glob("*.exr")))
    said = header.parts[0].attributes[PROVENANCE_PREFIX + "controls"].value
    assert said == f"depth 0.5 {depth.sha256}, canny 1 {depth.sha256}"


def test_weights_that_changed_are_refused(
    hold: Command, tokenflow: Command, depth_net: Path, shared_workspace: Path, tmp_path: Path
) -> None:
    assert hold("one", "depth").code == 0
    job = read_job(tmp_path / "one/plate.job.json")
    other = tmp_path / "other"
    random_controlnet(random_model().unet, 5).save_pretrained(other)
    controls = (replace(job.edit.controls[0], checkpoint=str(other)),)
    path = tmp_path / "job.json"
    path.write_text(json.dumps(with_controls(job, controls).to_json()))
    ran = tokenflow("run", path, "--workspace", shared_workspace, "--device", "cpu")
    assert ran.code != 0
    assert "the ControlNet for depth is not the one that the job was made with" in ran.error


def with_controls(job: EditJob, controls: tuple[Control, ...]) -> EditJob:
    return replace(job, edit=replace(job.edit, controls=controls))


def test_a_plate_without_depth_is_refused_before_any_work(
    edit: Command, demo_plate: Path, depth_net: Path, tmp_path: Path
) -> None:
    plate = tmp_path / "flat"
    plate.mkdir()
    for file in sorted(demo_plate.glob("*.exr")):
        frame = read_frame(file)
        part = frame.parts[0]
        kept = {name: samples for name, samples in part.channels.items() if name in "RGB"}
        flat = replace(part, channels=kept, channel_types=dict.fromkeys(kept, "float16"))
        write_frame(plate / file.name, replace(frame, parts=(flat,)))
    given = ("--technique", "controlnet", "--control", f"depth={depth_net}")
    ran = edit(plate, tmp_path / "out", *given)
    assert ran.code != 0
    assert "the plate has no depth: no channel Z or depth.Z; it has R, G, B" in ran.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("depth", [-5.0, 7.0, float("inf")])
def test_depth_that_tells_nothing_is_warned_of(
    edit: Command, demo_plate: Path, depth_net: Path, tmp_path: Path, depth: float
) -> None:
    for file in sorted(demo_plate.glob("*.exr"))[:2]:
        frame = read_frame(file)
        frame.parts[0].channels["Z"][:] = depth
        write_frame(tmp_path / "flat" / file.name, frame)
    given = ("--technique", "controlnet", "--control", f"depth={depth_net}")
    said = "the shot's depth is black throughout, and holds the edit to nothing"
    ran = edit(tmp_path / "flat", tmp_path / "out", *given)
    assert ran.code == 0 and said in ran.err.replace("\n", " ")
    own = edit(demo_plate, tmp_path / "own", *given, "--frames", "1001-1002")
    assert own.code == 0 and "black throughout" not in own.err


def test_a_checkpoint_that_is_not_the_bundled_one_needs_a_controlnet_named(hold: Command) -> None:
    ran = hold("out")
    assert ran.code != 0
    assert "needs a ControlNet for the checkpoint" in ran.error
    assert "--control depth=FOLDER" in ran.error


def test_licences_of_controlnets_are_told_and_warned_of(
    hold: Command, depth_net: Path, tmp_path: Path
) -> None:
    told = hold("out", "depth", "canny", more=("--dry-run",))
    assert "ControlNet 1 (depth): not stated; ControlNet 2 (canny): not stated" in told.out
    mine = shutil.copytree(depth_net, tmp_path / "mine")
    (mine / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    named = ("--control", f"depth={mine}", "--dry-run")
    warned = hold("out", more=named)
    assert "the licence of the ControlNet 1 (depth), cc-by-nc-4.0, forbids commercial" in warned.out


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("dreammotion", "controlnet is for methods that denoise, and changes nothing of dream"),
        ("ldm-recon", "controlnet is for methods that denoise, and changes nothing of ldm-recon"),
    ],
)
def test_controlnets_that_a_method_cannot_use_are_not_passed_over_in_silence(
    hold: Command, tmp_path: Path, method: str, said: str
) -> None:
    adapter = write_tiny_adapter(tmp_path / "adapter")
    named = ("--motion-adapter", adapter) if method == "dreammotion" else ()
    ran = hold("out", "depth", more=("--method", method, *named, "--dry-run"))
    assert said in ran.out


def test_a_stretch_anew_keeps_the_controlnets_of_its_base(
    hold: Command, tokenflow: Command, depth_net: Path, shared_workspace: Path, tmp_path: Path
) -> None:
    assert hold("v1", "depth@0.5").code == 0
    own = ("--device", "cpu", "--workspace", shared_workspace, "--frames", "1002-1003")
    given = ("edit", "--base", tmp_path / "v1", "-o", tmp_path / "v2", *own)
    ran = tokenflow(*given, "--prompt", "a green cone")
    assert ran.code == 0, ran.err
    assert read_job(tmp_path / "v2/plate.job.json").edit.controls[0].weight == 0.5
    before, after = pixels(tmp_path / "v1"), pixels(tmp_path / "v2")
    assert [a != b for a, b in zip(before, after, strict=True)] == [False, True, True, False, False]
    ran = tokenflow(*given, "--overwrite", "--control", f"depth={depth_net}@1")
    assert ran.code == 65
    assert re.search(r"controls must stay 'depth@0\.5 of \w{12}', not 'depth@1\.0 of", ran.error)


def test_an_edit_that_was_cut_off_goes_on_to_the_same_frames(
    hold: Command, edit: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = frames_of(hold("whole", "depth"), tmp_path / "whole")
    own = ("--workspace", tmp_path / "ws")

    def cut(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tokenflow.pipeline.denoise.edit", cut)
        assert hold("cut", "depth", more=own).code != 0
    assert not list((tmp_path / "cut").glob("*.exr"))
    again = frames_of(hold("cut", "depth", more=(*own, "--resume")), tmp_path / "cut")
    assert [*again] == [*whole]
    assert pixels(tmp_path / "cut") == pixels(tmp_path / "whole")


def test_a_farm_is_given_the_controlnets_of_a_job_once(
    hold: Command, tokenflow: Command, depth_net: Path, tmp_path: Path
) -> None:
    assert hold("one", "depth", "canny@0.5").code == 0
    given = ("--workspace", tmp_path / "ws", "--overwrite")
    ran = tokenflow("submit", "openjd", tmp_path / "one/plate.job.json", "-o", tmp_path, *given)
    assert ran.code == 0, ran.err
    assets = json.loads((tmp_path / "asset_references.json").read_text())
    named = json.dumps(assets)
    assert named.count(f'"{depth_net}') == 1


def test_the_bundled_checkpoint_is_held_by_the_bundled_depth(
    tokenflow: Command, demo_plate: Path, shared_workspace: Path, tmp_path: Path
) -> None:
    own = (
        *("--steps", "2", "--inversion-steps", "2", "--inversion-evaluations", "1"),
        *("--frames", "1001-1002", "--device", "cpu", "--workspace", str(shared_workspace)),
    )
    words = (
        *("--source-prompt", "a red striped ball on a wooden floor at noon"),
        *("--prompt", "a blue striped ball on a wooden floor at noon"),
    )
    for out, more in (("held", ()), ("free", ("--control", "depth@0"))):
        given = (*words, "--technique", "controlnet", *more, *own)
        ran = tokenflow("edit", demo_plate, "-o", tmp_path / out, *given)
        assert ran.code == 0, ran.err
    (control,) = read_job(tmp_path / "held/plate.job.json").edit.controls
    assert (control.image, control.checkpoint, control.weight) == ("depth", "demo-depth", 1.0)
    assert control.sha256 is not None
    held, free = pixels(tmp_path / "held"), pixels(tmp_path / "free")
    assert all(a != b for a, b in zip(held, free, strict=True))


def test_a_part_of_a_shot_is_held_as_the_whole_is(
    hold: Command, tokenflow: Command, tmp_path: Path
) -> None:
    assert hold("whole", "depth").code == 0
    # Elsewhere nothing is known of the shot yet, and its depth has one range all the same.
    own = ("--workspace", tmp_path / "ws", "--device", "cpu", "--out", tmp_path / "part")
    ran = tokenflow("run", tmp_path / "whole/plate.job.json", "--frames", "1002-1003", *own)
    assert ran.code == 0, ran.err
    whole, part = exr_files(tmp_path / "whole"), exr_files(tmp_path / "part")
    assert [*part] == ["plate.1002.exr", "plate.1003.exr"]
    assert all(whole[name] == part[name] for name in part)


def test_edges_for_the_bundled_depth_and_an_adapter_for_nothing_are_warned_of(
    tokenflow: Command, demo_plate: Path, tmp_path: Path
) -> None:
    edges = ("--technique", "controlnet", "--control", "canny", "--control", "depth")
    given = ("edit", demo_plate, "-o", tmp_path / "out", "--prompt", "a blue ball", "--dry-run")
    ran = tokenflow(*given, *edges, "--motion-adapter", tmp_path)
    assert "bundled ControlNet was trained on depth, not on canny: it holds" in ran.out
    assert "the motion adapter is for dreammotion, and changes nothing of tokenflow" in ran.out
    assert "ControlNet 1 (canny): apache-2.0" in ran.out
    assert "trained on depth" not in tokenflow(*given, *edges[:2], *edges[4:]).out
