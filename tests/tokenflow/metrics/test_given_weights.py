"""Measures with weights of the user's: LPIPS and the self-similarity of a vision transformer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file
from transformers import ViTConfig, ViTModel

from tokenflow.errors import CheckpointMissing, CheckpointRejected
from tokenflow.metrics.lpips import Lpips
from tokenflow.metrics.self_similarity import SelfSimilarity

Float32 = npt.NDArray[np.float32]
Distance = Callable[[Float32, Float32], float]

_SHAPES = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}


@pytest.fixture(scope="module")
def lpips_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in AlexNet's shapes."""
    torch.manual_seed(1)
    weights = {}
    for index, (number, (out, given, side)) in enumerate(_SHAPES.items()):
        weights[f"features.{number}.weight"] = torch.randn(out, given, side, side) * 0.05
        weights[f"features.{number}.bias"] = torch.zeros(out)
        weights[f"lin{index}.model.1.weight"] = torch.rand(1, out, 1, 1)
    path = tmp_path_factory.mktemp("lpips") / "alex.safetensors"
    save_file(weights, path)
    return path


@pytest.fixture(scope="module")
def vit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny vision transformer with random weights."""
    torch.manual_seed(2)
    config = ViTConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=64,
        patch_size=16,
    )
    folder = tmp_path_factory.mktemp("vit")
    ViTModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(params=["lpips", "vit"])
def distance(request: pytest.FixtureRequest, lpips_file: Path, vit_folder: Path) -> Distance:
    return Lpips(lpips_file) if request.param == "lpips" else SelfSimilarity(vit_folder).distance


@pytest.fixture
def picture() -> Float32:
    return np.random.default_rng(3).random((72, 96, 3), np.float32)


def test_a_picture_is_at_no_distance_from_itself(distance: Distance, picture: Float32) -> None:
    assert distance(picture, picture) == 0.0


def test_the_distance_grows_with_noise(distance: Distance, picture: Float32) -> None:
    noise = np.random.default_rng(4).normal(0, 1, picture.shape).astype(np.float32)
    found = [distance(np.clip(picture + s * noise, 0, 1), picture) for s in (0.02, 0.1, 0.4)]
    assert 0 < found[0] < found[1] < found[2]


def test_the_distance_goes_both_ways_alike(distance: Distance, picture: Float32) -> None:
    other = picture[::-1].copy()
    assert distance(picture, other) == pytest.approx(distance(other, picture), rel=1e-5)


def test_self_similarity_compares_all_places_of_the_last_layer(vit_folder: Path) -> None:
    judge = SelfSimilarity(vit_folder)
    found = judge.of(np.random.default_rng(5).random((64, 64, 3), np.float32))
    assert found.shape == (16, 16)  # without the class token
    torch.testing.assert_close(found.diagonal(), torch.ones(16))


def test_lpips_weights_that_lack_a_layer_are_refused(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "half.safetensors")
    with pytest.raises(CheckpointRejected, match=r"features\.0\.bias"):
        Lpips(tmp_path / "half.safetensors")


def test_pickles_are_refused(tmp_path: Path, vit_folder: Path) -> None:
    with pytest.raises(CheckpointRejected, match="pickle"):
        Lpips(tmp_path / "alex.pth")
    (tmp_path / "config.json").write_text((vit_folder / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(CheckpointRejected, match="pickle"):
        SelfSimilarity(tmp_path)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing, match=r"alex\.safetensors"):
        Lpips(tmp_path / "alex.safetensors")
    with pytest.raises(CheckpointMissing, match="nowhere"):
        SelfSimilarity(tmp_path / "nowhere")
