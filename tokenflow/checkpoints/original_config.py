"""Configuration of a single-file checkpoint, read off the shapes of its tensors.

What no shape tells is the same in all models of this layout: 8 heads where the projections of the
transformers are convolutions (SD 1.x), heads 64 wide where they are linear (SD 2.x), 32 groups in
the norms, the noise schedule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tokenflow.errors import CheckpointRejected

from .weights import Shapes

UNET = "model.diffusion_model."
VAE = "first_stage_model."
CLIP = "cond_stage_model.transformer."
OPEN_CLIP = "cond_stage_model.model."

_SD1_HEADS = 8
_HEAD_WIDTH = 64


def is_sd2(shapes: Shapes) -> bool:
    """Whether the text encoder is SD 2.x's OpenCLIP and not SD 1.x's CLIP."""
    return any(key.startswith(OPEN_CLIP) for key in shapes)


def unet_config(shapes: Shapes) -> dict[str, Any]:
    """Return the configuration of the UNet for diffusers."""
    if any(key.startswith(UNET + "label_emb.") for key in shapes):
        raise CheckpointRejected(
            "the checkpoint is of another family (SDXL or an upscaler): only SD 1.x and 2.x work"
        )
    into = _shape(shapes, UNET + "input_blocks.0.0.weight")[1]
    resnets, attentions, channels = _levels(shapes)
    transformer = _first(shapes, UNET + "input_blocks.", ".1.proj_in.weight")
    block = transformer.removesuffix("proj_in.weight") + "transformer_blocks."
    linear = len(shapes[transformer]) == 2
    return {
        "in_channels": into,
        "out_channels": _shape(shapes, UNET + "out.2.weight")[0],
        "block_out_channels": channels,
        "layers_per_block": resnets,
        "down_block_types": [
            "CrossAttnDownBlock2D" if attention else "DownBlock2D" for attention in attentions
        ],
        "up_block_types": [
            "CrossAttnUpBlock2D" if attention else "UpBlock2D" for attention in attentions[::-1]
        ],
        "transformer_layers_per_block": _count(shapes, block),
        "sample_size": 64,
        "cross_attention_dim": _shape(shapes, block + "0.attn2.to_k.weight")[1],
        "use_linear_projection": linear,
        "attention_head_dim": (
            [max(1, width // _HEAD_WIDTH) for width in channels] if linear else _SD1_HEADS
        ),
    }


def vae_config(shapes: Shapes) -> dict[str, Any]:
    """Return the configuration of the autoencoder for diffusers."""
    encoder = VAE + "encoder.down."
    levels = _count(shapes, encoder)
    channels = [_shape(shapes, f"{encoder}{i}.block.0.conv2.weight")[0] for i in range(levels)]
    return {
        "block_out_channels": channels,
        "layers_per_block": _count(shapes, encoder + "0.block."),
        "latent_channels": _shape(shapes, VAE + "decoder.conv_in.weight")[1],
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "scaling_factor": 0.18215,
    }


def text_config(shapes: Shapes) -> dict[str, Any]:
    """Return the configuration of the text encoder for transformers."""
    if is_sd2(shapes):
        tokens = _shape(shapes, OPEN_CLIP + "token_embedding.weight")
        positions = _shape(shapes, OPEN_CLIP + "positional_embedding")
        blocks = OPEN_CLIP + "transformer.resblocks."
        inner = _shape(shapes, blocks + "0.mlp.c_fc.weight")[0]
        # SD 2.x was trained on the states before the last block.
        layers, activation = _count(shapes, blocks) - 1, "gelu"
    else:
        root = _first(shapes, CLIP, "embeddings.token_embedding.weight")
        tokens, root = shapes[root], root.removesuffix("embeddings.token_embedding.weight")
        positions = _shape(shapes, root + "embeddings.position_embedding.weight")
        blocks = root + "encoder.layers."
        inner = _shape(shapes, blocks + "0.mlp.fc1.weight")[0]
        layers, activation = _count(shapes, blocks), "quick_gelu"
    return {
        "model_type": "clip_text_model",
        "vocab_size": tokens[0],
        "hidden_size": tokens[1],
        "max_position_embeddings": positions[0],
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, tokens[1] // _HEAD_WIDTH),
        "hidden_act": activation,
    }


def scheduler_config(prediction_type: str) -> dict[str, Any]:
    """Return the noise schedule that SD 1.x and 2.x were trained with."""
    return {
        "num_train_timesteps": 1000,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "prediction_type": prediction_type,
        "timestep_spacing": "leading",
        "steps_offset": 1,
        "set_alpha_to_one": False,
        "clip_sample": False,
    }


def _levels(shapes: Shapes) -> tuple[int, list[bool], list[int]]:
    """Return the resnets per level, and of each level whether it attends and its channels."""
    levels: list[list[int]] = [[]]
    root = UNET + "input_blocks."
    for i in range(1, _count(shapes, root)):
        if f"{root}{i}.0.op.weight" in shapes:
            levels.append([])
        else:
            levels[-1].append(i)
    if len({len(level) for level in levels}) != 1 or not levels[0]:
        raise CheckpointRejected("the UNet is not SD's: its levels differ in length")
    attentions = [f"{root}{level[0]}.1.proj_in.weight" in shapes for level in levels]
    channels = [_shape(shapes, f"{root}{level[0]}.0.out_layers.3.weight")[0] for level in levels]
    return len(levels[0]), attentions, channels


def _shape(shapes: Shapes, key: str) -> tuple[int, ...]:
    if key not in shapes:
        raise CheckpointRejected(
            f"the file lacks the key {key}",
            hint="It must hold UNet, autoencoder and text encoder of Stable Diffusion 1.x or 2.x.",
        )
    return shapes[key]


def _first(shapes: Iterable[str], start: str, end: str) -> str:
    """Return the first key, in the order of its numbers, that starts and ends so."""
    found = [key for key in shapes if key.startswith(start) and key.endswith(end)]
    if not found:
        raise CheckpointRejected(
            f"the file has no key {start}...{end}",
            hint="It must hold UNet, autoencoder and text encoder of Stable Diffusion 1.x or 2.x.",
        )
    return min(found, key=lambda key: [int(n) for n in re.findall(r"\d+", key)])


def _count(shapes: Iterable[str], prefix: str) -> int:
    """Return how many numbers follow `prefix` in the keys."""
    start = len(prefix)
    numbers = {key[start:].split(".")[0] for key in shapes if key.startswith(prefix)}
    return sum(number.isdigit() for number in numbers)
