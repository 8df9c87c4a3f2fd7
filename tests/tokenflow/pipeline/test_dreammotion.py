"""The method dreammotion through the whole road, from the command line to the frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ocio.attributes import PROVENANCE_PREFIX
from ocio.exr import inspect, read_frame
from tests.tokenflow.frames import changed, exr_files
from tests.tokenflow.program import Ran
from tests.tokenflow.tiny_motion import write_tiny_adapter, write_tiny_video_checkpoint
from tokenflow.diffusion.latents import LatentStack
from tokenflow.dreammotion.bend import Bending, BendReport
from tokenflow.dreammotion.video_unet import VideoUNet
from tokenflow.events import Event, Preview
from tokenflow.job import DreamMotion, EditJob, RunOptions, job_hash
from tokenflow.job_file import read_job
from tokenflow.pipeline import run_job
from tokenflow.pipeline.dreammotion import bend_shot
from tokenflow.pipeline.preview import BentPreviews
from tokenflow.pipeline.room import Room
from tokenflow.pipeline.running import Running


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_adapter(tmp_path_factory.mktemp("adapter") / "motion")


@pytest.fixture
def bend(
    edit: Callable[..., Ran], demo_plate: Path, adapter: Path, tmp_path: Path
) -> Callable[..., Ran]:
    """Return a function that bends the small plate in three steps."""

    def run(out: str, *arguments: object) -> Ran:
        return edit(
            demo_plate, tmp_path / out, "--method", "dreammotion", "--source-prompt", "a red ball",
            "--motion-adapter", adapter, "--steps", "3", *arguments,
        )  # fmt: skip

    return run


def report(folder: Path) -> dict[str, Any]:
    (file,) = folder.glob("*.report.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def events(ran: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


def test_a_shot_is_bent_and_merged_and_says_how(
    bend: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    own = ("--workspace", tmp_path / "ws", "--progress", "json")
    ran = bend("out", *own, "--deflicker", "light")
    assert ran.code == 0, ran.err
    plate, made = exr_files(demo_plate), exr_files(tmp_path / "out")
    assert made.keys() == plate.keys()
    for name in made:
        assert changed(demo_plate / name, tmp_path / "out" / name)
    found = report(tmp_path / "out")
    said = found["dreammotion"]
    assert said["windows"] == ["1001-1005"] and said["samples"] == 3 * 4 * 5
    assert [len(values) for values in said["losses"].values()] == [3, 3, 3, 3]
    assert said["losses"]["structure"][0] == 0 and said["losses"]["structure"][2] > 0
    assert found["licences"] == {"checkpoint": "not stated", "motion adapter": "not stated"}
    assert found["inversion"]["samples"] == 0
    details = [event.get("detail", "") for event in events(ran) if event["event"] == "progress"]
    assert any("step 3 of 3, edit 0." in detail for detail in details)
    header = inspect(tmp_path / "out" / next(iter(made))).parts[0].attributes
    assert "dreammotion 3 steps of 0.05" in str(header[PROVENANCE_PREFIX + "method"].value)
    assert header[PROVENANCE_PREFIX + "motion_sha256"].value == found["motion"]["sha256"]


def test_the_job_beside_the_frames_makes_them_again(
    bend: Callable[..., Ran], tokenflow: Callable[..., Ran], tmp_path: Path
) -> None:
    assert bend("out", "--structure", "2", "--seed", "4").code == 0
    (file,) = (tmp_path / "out").glob("*.job.json")
    job = read_job(file)
    assert job.dreammotion == DreamMotion(steps=3, structure=2.0)
    assert job.edit.steps == 50 and job.model.motion_sha256
    own = ("--workspace", tmp_path / "other", "--device", "cpu", "-o", tmp_path / "again")
    assert tokenflow("run", file, *own).code == 0
    assert list(exr_files(tmp_path / "again").values()) == list(
        exr_files(tmp_path / "out").values()
    )


def test_a_finished_bend_is_found_again_and_a_changed_one_is_not(
    bend: Callable[..., Ran], tmp_path: Path
) -> None:
    def reused(out: str, *arguments: object) -> bool:
        own = ("--workspace", tmp_path / "ws", "--progress", "json")
        ended = events(bend(out, *own, *arguments))
        (edited,) = [
            one for one in ended if one["event"] == "stage_finished" and one["stage"] == "edit"
        ]
        return bool(edited["reused"])

    assert not reused("a")
    assert reused("b", "--strength", "0.5")
    assert report(tmp_path / "a")["dreammotion"] == report(tmp_path / "b")["dreammotion"]
    for number, option in enumerate((("--motion", "0"), ("--matte", ":matte.a"), ("--seed", "2"))):
        assert not reused(f"c{number}", *option)


def test_outside_the_matte_the_plate_comes_back_bit_for_bit(
    bend: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    assert bend("out", "--matte", ":matte.a").code == 0
    for name in exr_files(tmp_path / "out"):
        matte = read_frame(demo_plate / name).parts[0].channels["matte.a"]
        for where in changed(demo_plate / name, tmp_path / "out" / name).values():
            assert np.any(where) and not np.any(where & (np.asarray(matte) == 0))


def test_an_edit_that_asks_for_what_is_there_returns_the_plate(
    bend: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    assert bend("out", "--prompt", "a red ball").code == 0
    for name in exr_files(tmp_path / "out"):
        assert not changed(demo_plate / name, tmp_path / "out" / name)


def test_the_edit_stage_of_a_farm_leaves_what_the_frames_are_made_of(
    bend: Callable[..., Ran], tokenflow: Callable[..., Ran], tmp_path: Path
) -> None:
    assert bend("whole").code == 0
    (file,) = (tmp_path / "whole").glob("*.job.json")
    own = ("--workspace", tmp_path / "farm", "--device", "cpu", "-o", tmp_path / "pieces")
    for task in (("--stage", "prepare"), ("--stage", "edit")):
        assert tokenflow("run", file, *own, *task).code == 0
    ended = []
    for frames in ("1001-1002", "1003-1005"):
        ran = tokenflow("run", file, *own, f"--frames={frames}", "--progress", "json")
        ended += [one for one in events(ran) if one["event"] == "stage_finished"]
    assert all(one["reused"] for one in ended if one["stage"] == "edit")
    assert tokenflow("run", file, *own, "--stage", "verify").code == 0
    assert list(exr_files(tmp_path / "pieces").values()) == list(
        exr_files(tmp_path / "whole").values()
    )


def test_a_farm_is_given_the_adapter_of_the_job_that_needs_it(
    bend: Callable[..., Ran], tokenflow: Callable[..., Ran], adapter: Path, tmp_path: Path
) -> None:
    for method, given in (("dreammotion", True), ("tokenflow", False)):
        assert bend(method, "--method", method, "--inversion-steps", "3").code == 0
        job, folder = tmp_path / method / "plate.job.json", tmp_path / f"{method} bundle"
        asked = ("submit", "openjd", job, "-o", folder, "--overwrite")
        ran = tokenflow(*asked, "--workspace", tmp_path / "ws")
        assert ran.code == 0, ran.err
        assert (str(adapter) in (folder / "asset_references.json").read_text()) is given


def test_a_dry_run_tells_licences_and_cost_and_writes_nothing(
    bend: Callable[..., Ran], tmp_path: Path
) -> None:
    own = ("--workspace", tmp_path / "ws")
    ran = bend("out", "--dry-run", *own, "--window", "4", "--overlap", "1")
    assert ran.code == 0, ran.err
    assert "checkpoint: not stated; motion adapter: not stated" in ran.out
    # Windows 1001-1002 and 1002-1005, four passes, three steps.
    assert "0 UNet evaluations to invert, 72 to edit" in ran.out
    assert not (tmp_path / "out").exists() and not (tmp_path / "ws").exists()


def test_an_adapter_may_ask_for_another_noise_schedule_than_the_checkpoints(
    bend: Callable[..., Ran], edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    said = "trained with a linear noise schedule, and the checkpoint's is scaled_linear"
    own, linear = bend("own"), bend("linear", "--schedule", "linear")
    assert own.code == linear.code == 0
    assert said in own.err.replace("\n", " ") and "noise schedule" not in linear.err
    for name in exr_files(tmp_path / "own"):
        assert changed(tmp_path / "own" / name, tmp_path / "linear" / name)
    asked = ("--method", "dreammotion", "--model", "demo", "--dry-run")
    bundled = edit(demo_plate, tmp_path / "bundled", *asked)
    assert bundled.code == 0 and "noise schedule" not in bundled.out


def test_weights_that_are_not_for_commercial_work_are_warned_of(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    video = write_tiny_video_checkpoint(tmp_path / "video")
    asked = ("--method", "dreammotion", "--model", video, "--steps", "1", "--dry-run")
    ran = edit(demo_plate, tmp_path / "out", *asked)
    assert ran.code == 0, ran.err
    assert "licence of the checkpoint, cc-by-nc-4.0, forbids commercial work" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--window", "30", "--overlap", "2", "--frames", "1001-1005"), 0, ""),
        (("--t-max", "2000"), 65, "beyond the checkpoint's 1000 training steps"),
        (("--overlap", "16"), 2, "leaves nothing of dreammotion.window"),
        (("--model", "demo"), 65, "does not fit the checkpoint"),
        (("--motion-adapter", "nowhere"), 78, "no such folder of a motion adapter"),
    ],
)
def test_what_cannot_work_is_refused_at_the_door(
    bend: Callable[..., Ran], arguments: tuple[str, ...], code: int, message: str
) -> None:
    ran = bend("out", "--dry-run", *arguments)
    assert ran.code == code
    assert message in ran.err.replace("\n", " ")


def test_more_frames_in_a_window_than_the_adapter_sees_are_refused_with_the_remedy(
    bend: Callable[..., Ran], tmp_path: Path
) -> None:
    narrow = write_tiny_adapter(tmp_path / "narrow", limit=4)
    ran = bend("out", "--dry-run", "--motion-adapter", narrow)
    assert ran.code == 65
    assert "sees 4 frames at once at most, not 5" in ran.err and "--window 4" in ran.err
    assert (
        bend("out", "--dry-run", "--motion-adapter", narrow, "--window", "4", "--overlap", "1").code
        == 0
    )


def test_a_checkpoint_of_still_pictures_without_an_adapter_is_refused(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--method", "dreammotion", "--dry-run")
    assert ran.code == 65
    assert "--motion-adapter" in ran.err


def test_a_checkpoint_of_video_is_refused_by_other_methods(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    video = write_tiny_video_checkpoint(tmp_path / "video")
    ran = edit(demo_plate, tmp_path / "out", "--model", video, "--dry-run")
    assert ran.code == 65
    assert "--method dreammotion" in ran.err


def test_an_earlier_edit_is_not_continued(
    bend: Callable[..., Ran], tokenflow: Callable[..., Ran], tmp_path: Path
) -> None:
    assert bend("out").code == 0
    ran = tokenflow(
        "edit", "--base", tmp_path / "out", "--frames", "1002-1003", "-o", tmp_path / "v2"
    )
    assert ran.code == 65
    assert "dreammotion cannot continue an earlier edit" in ran.err.replace("\n", " ")


def bent_job(tmp_path: Path, bend: Callable[..., Ran]) -> EditJob:
    assert bend("first").code == 0
    (file,) = (tmp_path / "first").glob("*.job.json")
    return read_job(file)


def options(tmp_path: Path, name: str) -> RunOptions:
    return RunOptions(device="cpu", workspace=tmp_path / name, output=str(tmp_path / name / "out"))


def test_too_little_memory_is_met_by_computing_twice_and_the_picture_is_the_same(
    bend: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bent_job(tmp_path, bend)
    plain = VideoUNet.noise

    def hungry(self: VideoUNet, *given: Any) -> torch.Tensor:
        if torch.is_grad_enabled() and not self.checkpointed:
            raise MemoryError
        return plain(self, *given)

    monkeypatch.setattr(VideoUNet, "noise", hungry)
    record = run_job(job, options(tmp_path, "again"), lambda event: None)
    assert any("computed twice" in warning for warning in record.warnings)
    made = list(exr_files(tmp_path / "again/out").values())
    assert made == list(exr_files(tmp_path / "first").values())


def test_a_unet_that_waits_in_the_hosts_memory_comes_back_before_the_adapter_joins_it(
    bend: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does where a picture was encoded alone; `meta` is a device that every machine has."""
    job = bent_job(tmp_path, bend)
    places: set[str] = set()

    class Seen(Exception):
        """Ends the run: what lies on that device has no numbers."""

    def look(self: Bending, out: LatentStack) -> BendReport:
        words = (self.words.target, self.words.source, self.words.empty)
        tensors = (*self.video.unet.parameters(), *self.video.unet.buffers(), *words)
        places.update(tensor.device.type for tensor in tensors)
        raise Seen

    def elsewhere(run: Running, *given: Any) -> Any:
        run.device = torch.device("meta")
        run.room = Room(run.device, run.warn)
        return bend_shot(run, *given)

    monkeypatch.setattr(Bending, "run", look)
    monkeypatch.setattr("tokenflow.pipeline.run.bend_shot", elsewhere)
    with pytest.raises(Seen):
        run_job(job, options(tmp_path, "again"), lambda event: None)
    assert places == {"meta"}


def test_a_look_at_the_bending_changes_no_bit(
    bend: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bent_job(tmp_path, bend)
    shown: list[Event] = []
    looking = replace(options(tmp_path, "again"), previews=True)
    made = BentPreviews.__init__

    def eager(self: BentPreviews, *given: Any, **named: Any) -> None:
        made(self, *given, every=0.0, share=1e9)

    monkeypatch.setattr(BentPreviews, "__init__", eager)
    run_job(job, looking, shown.append)
    seen = [one for one in shown if isinstance(one, Preview)]
    assert seen and seen[0].frame == 1003 and seen[0].steps == 3
    made_now = list(exr_files(tmp_path / "again/out").values())
    assert made_now == list(exr_files(tmp_path / "first").values())


def test_jobs_of_this_method_have_hashes_of_their_own(
    bend: Callable[..., Ran], tmp_path: Path
) -> None:
    job = bent_job(tmp_path, bend)
    other = replace(job, dreammotion=replace(job.dreammotion, motion=0.5))
    moved = replace(job, model=replace(job.model, motion="/elsewhere"))
    assert job_hash(other) != job_hash(job) == job_hash(moved)
