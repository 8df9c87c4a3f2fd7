"""Tiny checkpoints with random weights, written once and copied where a test spoils them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from tests.tokenflow.checkpoints.original_names import (
    original_text,
    original_text_open_clip,
    original_unet,
    original_vae,
)
from tokenflow.checkpoints.original_config import scheduler_config

TEXT_WIDTH = 64


def write_tokenizer(folder: Path) -> int:
    """Write a byte-level vocabulary with two merges; return its size."""
    folder.mkdir(parents=True)
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    merges = ["r e", "re d</w>"]
    words = [*letters, *(letter + "</w>" for letter in letters), "re", "red</w>"]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return len(words)


def make_parts(*, linear: bool, vocabulary: int) -> tuple[Any, Any, Any]:
    """Make UNet, autoencoder and text encoder: SD 1.x's kind, or SD 2.x's where `linear`."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(64, 128) if linear else (32, 64),
        layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=[1, 2] if linear else 8,
        use_linear_projection=linear,
    )
    vae = AutoencoderKL(
        block_out_channels=(32, 32, 64),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        sample_size=64,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=TEXT_WIDTH,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=1,
            hidden_act="gelu" if linear else "quick_gelu",
        )
    )
    return unet, vae, text


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any, Any]]:
    """UNet, autoencoder and text encoder of an ``sd1`` and an ``sd2`` model."""
    vocabulary = write_tokenizer(tmp_path_factory.mktemp("vocabulary") / "tokenizer")
    return {
        name: make_parts(linear=name == "sd2", vocabulary=vocabulary) for name in ("sd1", "sd2")
    }


@pytest.fixture(scope="session")
def pristine_folder(
    tmp_path_factory: pytest.TempPathFactory, parts: dict[str, tuple[Any, Any, Any]]
) -> Path:
    """An SD 1.x checkpoint in the diffusers layout; not to be changed."""
    folder = tmp_path_factory.mktemp("pristine") / "tiny"
    for name, part in zip(("unet", "vae", "text_encoder"), parts["sd1"], strict=True):
        part.save_pretrained(folder / name)
    write_tokenizer(folder / "tokenizer")
    scheduler: Any = DDIMScheduler(**scheduler_config("epsilon"))
    scheduler.save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def folder(pristine_folder: Path, tmp_path: Path) -> Path:
    """A copy of the diffusers folder that the test may spoil."""
    return Path(shutil.copytree(pristine_folder, tmp_path / "tiny"))


@pytest.fixture
def edit_config(folder: Path) -> Callable[..., None]:
    """Return a function that sets keys in a component's configuration."""

    def edit(file: str, **keys: object) -> None:
        path = folder / file
        path.write_text(json.dumps(json.loads(path.read_text()) | keys))

    return edit


@pytest.fixture
def single_file(tmp_path: Path, parts: dict[str, tuple[Any, Any, Any]]) -> Callable[..., Path]:
    """Return a function that writes a single-file checkpoint with its tokenizer beside it."""

    def write(
        kind: str,
        *,
        metadata: dict[str, str] | None = None,
        without: str = "-",
        tokenizer: bool = True,
        extra: dict[str, torch.Tensor] | None = None,
    ) -> Path:
        unet, vae, text = parts[kind]
        text_names = original_text_open_clip if kind == "sd2" else original_text
        tensors = {
            **original_unet(unet),
            **original_vae(vae),
            **text_names(text),
            **(extra or {}),
        }
        kept = {key: tensor.contiguous() for key, tensor in tensors.items() if without not in key}
        path = tmp_path / f"{kind}.safetensors"
        save_file(kept, path, metadata)
        if tokenizer:
            write_tokenizer(tmp_path / "tokenizer")
        return path

    return write
