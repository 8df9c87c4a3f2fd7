"""Video models from checkpoints of still pictures with a motion adapter, and of video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tokenflow.tiny_motion import write_tiny_adapter, write_tiny_video_checkpoint
from tokenflow.checkpoints.load import load_model, model_dtype
from tokenflow.checkpoints.motion import find_motion, verify_motion, video_unet
from tokenflow.checkpoints.source import resolve
from tokenflow.checkpoints.verify import verify
from tokenflow.dreammotion.keys import key_layers
from tokenflow.dreammotion.video_unet import VideoUNet
from tokenflow.errors import CheckpointDamaged, CheckpointMissing, CheckpointRejected, InvalidJob


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_adapter(tmp_path_factory.mktemp("adapter") / "motion")


@pytest.fixture(scope="module")
def video_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_video_checkpoint(tmp_path_factory.mktemp("video") / "tiny")


def joined(checkpoint: Path, adapter: Path) -> tuple[Any, Any]:
    source = resolve(str(checkpoint))
    model = load_model(source, "cpu", torch.float32)
    return model, video_unet(model.unet, verify_motion(adapter, source))


def ask(unet: Any, frames: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    clip = torch.randn(1, 4, frames, 16, 16, generator=generator)
    text = torch.randn(1, 7, 32, generator=generator)
    still = type(unet).__name__ == "UNet2DConditionModel"
    given = clip[0].movedim(1, 0) if still else clip
    with torch.no_grad():
        found: torch.Tensor = unet(given, 5, text.expand(frames, -1, -1)).sample
    return found if still else found[0].movedim(1, 0)


def test_frames_that_do_not_look_at_each_other_are_the_checkpoints_own(
    tiny_checkpoint: Path, adapter: Path
) -> None:
    model, unet = joined(tiny_checkpoint, adapter)
    assert not torch.allclose(ask(unet), ask(model.unet), atol=1e-3)
    for name, parameter in unet.named_parameters():
        if ".motion_modules." in name and ".proj_out." in name:
            parameter.data.zero_()
    torch.testing.assert_close(ask(unet), ask(model.unet), rtol=1e-4, atol=1e-4)


def test_the_joined_model_shares_the_checkpoints_weights(
    tiny_checkpoint: Path, adapter: Path
) -> None:
    model, unet = joined(tiny_checkpoint, adapter)
    ours, theirs = dict(unet.named_parameters()), dict(model.unet.named_parameters())
    assert all(ours[name] is theirs[name] for name in theirs)
    assert not any(parameter.requires_grad for parameter in ours.values())
    model.unet.to(torch.float64)
    assert ours["conv_in.weight"].dtype == torch.float64


def test_the_adapter_comes_in_the_checkpoints_number_type(
    tiny_checkpoint: Path, adapter: Path
) -> None:
    source = resolve(str(tiny_checkpoint))
    model = load_model(source, "cpu", torch.bfloat16)
    unet = video_unet(model.unet, verify_motion(adapter, source))
    assert {parameter.dtype for parameter in unet.parameters()} == {torch.bfloat16}


def test_gradients_are_taken_in_bfloat16_on_a_gpu() -> None:
    assert model_dtype("auto", "cuda", gradients=True) == torch.bfloat16
    assert model_dtype("auto", "cuda") == torch.float16
    assert model_dtype("auto", "cpu", gradients=True) == torch.float32
    assert model_dtype("float16", "cuda", gradients=True) == torch.float16


def test_a_checkpoint_of_video_is_loaded_and_asked(video_checkpoint: Path) -> None:
    source = resolve(str(video_checkpoint))
    info = verify(source)
    model = load_model(source, "cpu", torch.float32, info)
    video = VideoUNet(model.unet, model.schedule)
    assert info.sees_time and video.most_frames is None
    assert len(key_layers(video.unet, "up")) == 6
    found = video.noise(torch.randn(3, 4, 16, 16), 5, torch.randn(7, 32))
    assert found.shape == (3, 4, 16, 16) and bool(found.isfinite().all())


def test_a_checkpoint_of_video_needs_no_adapter_and_takes_none(
    video_checkpoint: Path, adapter: Path
) -> None:
    source = resolve(str(video_checkpoint))
    assert find_motion(None, source, verify(source)) is None
    with pytest.raises(InvalidJob, match="one of video and takes no motion adapter"):
        find_motion(str(adapter), source, verify(source))


def test_a_checkpoint_of_still_pictures_needs_one(tiny_checkpoint: Path, adapter: Path) -> None:
    source = resolve(str(tiny_checkpoint))
    with pytest.raises(InvalidJob, match=r"knows still pictures.*--motion-adapter"):
        find_motion(None, source, verify(source))
    found = find_motion(str(adapter), source, verify(source))
    assert found is not None and found.path == adapter


def test_an_adapter_of_another_family_is_refused(adapter: Path) -> None:
    with pytest.raises(CheckpointRejected, match="does not fit the checkpoint"):
        verify_motion(adapter, resolve("demo"))


def copied(adapter: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in adapter.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_an_adapter_that_is_a_pickle_is_refused(
    adapter: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = copied(adapter, tmp_path / "motion")
    weights = folder / "diffusion_pytorch_model.safetensors"
    weights.rename(folder / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointRejected, match="a pickle, which can run any program"):
        verify_motion(folder, resolve(str(tiny_checkpoint)))


def test_an_adapter_that_is_not_there_is_missing(tiny_checkpoint: Path, tmp_path: Path) -> None:
    source = resolve(str(tiny_checkpoint))
    with pytest.raises(CheckpointMissing, match="no such folder of a motion adapter"):
        verify_motion(tmp_path / "none", source)
    with pytest.raises(CheckpointMissing, match=r"holds no motion adapter: it has no config\.json"):
        verify_motion(tiny_checkpoint, source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv_in_channels": 9}, "an input of its own"),
        (
            {"_class_name": "ControlNetModel"},
            "the class ControlNetModel, and MotionAdapter is",
        ),
        ({"motion_layers_per_block": 1}, "different number of layers per block"),
    ],
)
def test_an_adapter_that_is_something_else_is_refused(
    adapter: Path, tiny_checkpoint: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    folder = copied(adapter, tmp_path / "motion")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(CheckpointRejected, match=message):
        verify_motion(folder, resolve(str(tiny_checkpoint)))


def test_an_adapter_that_differs_from_its_checksum_is_damaged(
    adapter: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = copied(adapter, tmp_path / "motion")
    name = "diffusion_pytorch_model.safetensors"
    (folder / "checksums.json").write_text(json.dumps({name: "0" * 64}))
    with pytest.raises(CheckpointDamaged, match=name):
        verify_motion(folder, resolve(str(tiny_checkpoint)))


def test_the_hash_of_an_adapter_tells_it_from_another(
    adapter: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    source = resolve(str(tiny_checkpoint))
    same = verify_motion(copied(adapter, tmp_path / "same"), source)
    other = verify_motion(write_tiny_adapter(tmp_path / "other", limit=16), source)
    assert verify_motion(adapter, source).sha256 == same.sha256 != other.sha256


def test_an_adapter_says_how_much_its_losses_weigh(
    adapter: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    source = resolve(str(tiny_checkpoint))
    assert verify_motion(adapter, source).weights == (1.0, 1.0)
    folder = copied(adapter, tmp_path / "motion")
    notes = folder / "tokenflow.json"
    notes.write_text(json.dumps({"dreammotion": {"structure": 80, "motion": 8000.0}}))
    found = verify_motion(folder, source)
    assert found.weights == (80.0, 8000.0)
    assert found.sha256 != verify_motion(adapter, source).sha256
    wrongs: tuple[Any, ...] = ({"structure": 0}, {"motion": "much"}, [])
    for wrong in wrongs:
        notes.write_text(json.dumps({"dreammotion": wrong}))
        with pytest.raises(CheckpointRejected, match="must hold numbers above 0"):
            verify_motion(folder, source)
