"""The smallest motion adapter and the smallest checkpoint of video, random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import MotionAdapter, UNet3DConditionModel

from benchmarks.random_model import TINY_CHANNELS, random_model
from tests.tokenflow.tiny_checkpoint import write_tiny_checkpoint

LIMIT = 24  # frames


def tiny_adapter(*, limit: int = LIMIT) -> MotionAdapter:
    """Make a random adapter for the tiny checkpoint, whose last layers are no zeros."""
    torch.manual_seed(5)
    return MotionAdapter(
        block_out_channels=TINY_CHANNELS,
        motion_layers_per_block=2,
        motion_norm_num_groups=8,
        motion_num_attention_heads=2,
        motion_max_seq_length=limit,
    )


def write_tiny_adapter(folder: Path, *, limit: int = LIMIT) -> Path:
    """Write it as diffusers does."""
    tiny_adapter(limit=limit).save_pretrained(folder)
    return folder


def write_tiny_video_checkpoint(folder: Path) -> Path:
    """Write a folder in the layout of ModelScope and ZeroScope."""
    write_tiny_checkpoint(folder)
    model = random_model()
    torch.manual_seed(6)
    unet = UNet3DConditionModel(
        sample_size=16,
        block_out_channels=TINY_CHANNELS,
        layers_per_block=1,
        attention_head_dim=8,
        cross_attention_dim=model.text_encoder.config.hidden_size,
        norm_num_groups=8,
    )
    unet.save_pretrained(folder / "unet")
    index = {
        "_class_name": "TextToVideoSDPipeline",
        "unet": ["diffusers", "UNet3DConditionModel"],
        "license": "cc-by-nc-4.0",
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
