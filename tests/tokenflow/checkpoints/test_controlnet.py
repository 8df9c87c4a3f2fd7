"""A ControlNet is taken only where it goes with the checkpoint, and never from a pickle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tokenflow.random_controlnet import random_controlnet
from tokenflow.checkpoints.controlnet import load_controlnet, verify_controlnet
from tokenflow.checkpoints.source import CheckpointSource, resolve
from tokenflow.checkpoints.weights import sha256_of
from tokenflow.errors import CheckpointDamaged, CheckpointMissing, CheckpointRejected

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def source(pristine_folder: Path) -> CheckpointSource:
    return resolve(str(pristine_folder))


@pytest.fixture
def network(parts: dict[str, tuple[Any, Any, Any]]) -> Any:
    return random_controlnet(parts["sd1"][0], scale=4)


@pytest.fixture
def net(network: Any, tmp_path: Path) -> Path:
    """A ControlNet for the checkpoint, which the test may spoil."""
    network.save_pretrained(tmp_path / "net")
    return tmp_path / "net"


def test_what_is_loaded_is_what_was_saved(
    net: Path, network: Any, source: CheckpointSource
) -> None:
    info = verify_controlnet(str(net), source)
    loaded = load_controlnet(info, "cpu", torch.float32)
    for ours, theirs in zip(loaded.parameters(), network.parameters(), strict=True):
        assert ours.equal(theirs)
        assert not ours.requires_grad
    assert info.parameters == sum(one.numel() for one in network.parameters())


def test_the_hash_follows_the_weights_and_not_the_place(
    net: Path, source: CheckpointSource, parts: Any, tmp_path: Path
) -> None:
    elsewhere = Path(shutil.copytree(net, tmp_path / "elsewhere"))
    random_controlnet(parts["sd1"][0], 7, scale=4).save_pretrained(tmp_path / "other")
    hashes = [
        verify_controlnet(str(folder), source).sha256
        for folder in (net, elsewhere, tmp_path / "other")
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_folder_that_is_not_there_or_holds_something_else_is_named(
    net: Path, source: CheckpointSource, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointMissing, match=r"no such folder of a ControlNet \(.*nowhere"):
        verify_controlnet(str(tmp_path / "nowhere"), source)
    with pytest.raises(CheckpointMissing, match=r"holds no ControlNet: it has no config\.json"):
        verify_controlnet(str(tmp_path), source)
    (net / WEIGHTS).unlink()
    with pytest.raises(CheckpointMissing, match=f"net/{WEIGHTS} is missing"):
        verify_controlnet(str(net), source)


def test_a_pickle_is_refused(net: Path, source: CheckpointSource) -> None:
    (net / WEIGHTS).rename(net / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointRejected, match="pickle"):
        verify_controlnet(str(net), source)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        (
            "_class_name",
            "UNet2DConditionModel",
            "UNet2DConditionModel, and ControlNetModel is needed",
        ),
        ("cross_attention_dim", 768, "another checkpoint: cross_attention_dim 768 against 64"),
        ("in_channels", 9, "another checkpoint: in_channels 9 against 4"),
        ("conditioning_channels", 1, "pictures of 1 channels"),
        ("conditioning_embedding_out_channels", [4, 4], "2 times as large as latents"),
        ("global_pool_conditions", True, "does not know: global_pool_conditions"),
    ],
)
def test_another_layout_is_refused_in_a_sentence(
    net: Path, source: CheckpointSource, key: str, value: object, named: str
) -> None:
    config = json.loads((net / "config.json").read_text())
    (net / "config.json").write_text(json.dumps(config | {key: value}))
    with pytest.raises(CheckpointRejected, match=named):
        verify_controlnet(str(net), source)


def test_weights_that_do_not_fit_the_configuration_are_refused(
    net: Path, source: CheckpointSource
) -> None:
    config = json.loads((net / "config.json").read_text())
    config["conditioning_embedding_out_channels"] = [4, 8, 4]
    (net / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointRejected, match="its configuration: controlnet_cond.*needed"):
        verify_controlnet(str(net), source)


def test_weights_that_the_configuration_does_not_know_are_refused(
    net: Path, source: CheckpointSource
) -> None:
    stored = load_file(net / WEIGHTS)
    save_file({**stored, "gate.weight": torch.zeros(3)}, net / WEIGHTS)
    with pytest.raises(CheckpointRejected, match=r"holds gate\.weight, which its configuration"):
        verify_controlnet(str(net), source)


def test_a_damaged_file_is_told_by_its_checksum(net: Path, source: CheckpointSource) -> None:
    checksums = {WEIGHTS: sha256_of(net / WEIGHTS)}
    (net / "checksums.json").write_text(json.dumps(checksums))
    verify_controlnet(str(net), source)
    with (net / WEIGHTS).open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\1\2\3")
    with pytest.raises(CheckpointDamaged, match="differs from its checksum"):
        verify_controlnet(str(net), source)
