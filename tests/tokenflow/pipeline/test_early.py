"""Frames go on alone while the model works on others, to the same bits as stage after stage."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ocio.errors import DiskFull
from ocio.exr import read_frame
from ocio.exr_write import write_frame
from tests.tokenflow.program import Ran
from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.vae import decode_frame
from tokenflow.pipeline import at_once, decode, merge, read, run
from tokenflow.pipeline.at_once import FramesAtOnce, leaves_cores

Edit = Callable[..., Ran]


@pytest.fixture
def spare_cores(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Make believe that the model leaves cores for something else, or none."""

    def spare(some: bool) -> None:
        for module in (run, decode):
            monkeypatch.setattr(module, "leaves_cores", lambda device: some)

    return spare


def events(ran: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


def seconds(folder: Path) -> dict[str, float]:
    report: dict[str, dict[str, float]] = json.loads(next(folder.glob("*.report.json")).read_text())
    return report["seconds"]


def test_frames_have_the_same_bits_and_records_the_same_stages(
    edit: Edit, demo_plate: Path, tmp_path: Path, spare_cores: Callable[[bool], None]
) -> None:
    stages = []
    for name, some in (("one", False), ("other", True)):
        spare_cores(some)
        ran = edit(demo_plate, tmp_path / name, "--workspace", str(tmp_path / f"{name}-w"))
        assert ran.code == 0, ran.err
        stages.append([*seconds(tmp_path / name)])
        assert all(spent >= 0.0 for spent in seconds(tmp_path / name).values())
    assert stages[0] == stages[1]
    files = sorted((tmp_path / "one").glob("*.exr"))
    assert len(files) == 5
    for file in files:
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes()
    latents = [
        [np.load(file) for file in sorted((tmp_path / f"{name}-w").rglob("latents.npy"))]
        for name in ("one", "other")
    ]
    assert len(latents[0]) == len(latents[1])
    assert sorted(a.tobytes() for a in latents[0]) == sorted(a.tobytes() for a in latents[1])


def test_a_frame_is_written_before_the_last_one_is_decoded(
    edit: Edit,
    demo_plate: Path,
    tmp_path: Path,
    spare_cores: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = threading.Event()

    def write_and_tell(*given: Any, **options: Any) -> Any:
        made = write_frame(*given, **options)
        written.set()
        return made

    decoded = 0
    whole = decode_frame

    def decode_when_written(*given: Any) -> Any:
        nonlocal decoded
        decoded += 1
        # Five of the plate, then five of the edit.
        assert decoded < 10 or written.wait(120.0)
        return whole(*given)

    monkeypatch.setattr(merge, "write_frame", write_and_tell)
    monkeypatch.setattr(decode, "decode_frame", decode_when_written)
    spare_cores(True)
    assert edit(demo_plate, tmp_path / "out", "--workspace", str(tmp_path / "ws")).code == 0
    assert decoded == 10


def test_a_frame_is_encoded_before_the_last_one_is_read(
    edit: Edit,
    demo_plate: Path,
    tmp_path: Path,
    spare_cores: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = threading.Event()
    put = LatentStack.write

    def put_and_tell(self: LatentStack, frames: Any, latents: torch.Tensor) -> None:
        put(self, frames, latents)
        if self.folder.name == "encoded":
            encoded.set()

    whole = read_frame

    def decode_when_encoded(path: Any, number: int) -> Any:
        assert number != 1005 or encoded.wait(120.0)
        return whole(path, number)

    monkeypatch.setattr(LatentStack, "write", put_and_tell)
    monkeypatch.setattr(read, "read_frame", decode_when_encoded)
    spare_cores(True)
    assert edit(demo_plate, tmp_path / "out", "--workspace", str(tmp_path / "ws")).code == 0


@pytest.mark.parametrize("options", [("--deflicker", "light"), ("--frames", "1002-1004")])
def test_what_looks_at_several_frames_waits_for_them_and_parts_do_not(
    edit: Edit,
    demo_plate: Path,
    tmp_path: Path,
    spare_cores: Callable[[bool], None],
    options: tuple[str, ...],
) -> None:
    spare_cores(True)
    own = ("--workspace", str(tmp_path / "ws"), "--progress", "json")
    ran = edit(demo_plate, tmp_path / "out", *own, *options)
    assert ran.code == 0, ran.err
    said = [event["event"] for event in events(ran)]
    merging = next(
        index
        for index, event in enumerate(events(ran))
        if event["event"] == "stage_started" and event["stage"] == "merge"
    )
    during = {event["stage"]: event["during"] for event in events(ran) if "during" in event}
    early = "frame_written" in said[:merging]
    assert [stage for stage in during if during[stage]] == (
        ["encode", "delta", "merge"] if early else ["encode"]
    )
    assert early is ("--deflicker" not in options)


def test_a_full_disk_stops_the_decoding_and_a_second_run_goes_on(
    edit: Edit,
    demo_plate: Path,
    tmp_path: Path,
    spare_cores: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spare_cores(True)
    own = ("--workspace", str(tmp_path / "ws"))

    def full(path: Path, *given: Any, **options: Any) -> Any:
        if "1003" in path.name:
            raise DiskFull("no space to write it", hint="free some", path=path)
        return write_frame(path, *given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(merge, "write_frame", full)
        ran = edit(demo_plate, tmp_path / "out", *own)
    assert ran.code == 73
    assert not [*(tmp_path / "out").glob(".*")]
    again = edit(demo_plate, tmp_path / "out", *own, "--resume")
    assert again.code == 0, again.err
    assert len([*(tmp_path / "out").glob("*.exr")]) == 5


def test_a_model_on_all_cores_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "cores", lambda: 4)
    for threads, some in ((1, True), (3, True), (4, False), (8, False)):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert leaves_cores(torch.device("cpu")) is some
        assert leaves_cores(torch.device("cuda")) is True


def test_memory_is_bounded_and_the_order_is_kept() -> None:
    under_way, most = 0, 0
    lock = threading.Lock()
    with FramesAtOnce[int](ahead=2) as frames:

        def work(frame: int) -> int:
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            return frame * frame

        found = []
        for frame, made in frames.each(range(50), work):
            found.append((frame, made.result()))
            with lock:
                under_way -= 1
            assert len(frames) <= frames.threads + 2
    assert found == [(frame, frame * frame) for frame in range(50)]
    assert most <= frames.threads + 2
