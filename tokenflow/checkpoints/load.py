"""From a checkpoint on disk to the `Model` that the engine runs."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDIMScheduler
from transformers import CLIPTokenizer

from tokenflow.diffusion.model import Model
from tokenflow.errors import CheckpointRejected, OutOfMemory

from .layout import Component, Layout
from .modules import empty_module
from .source import CheckpointSource
from .verify import CheckpointInfo, open_layout, verify


def load_model(
    source: CheckpointSource,
    device: torch.device | str,
    dtype: torch.dtype,
    info: CheckpointInfo | None = None,
) -> Model:
    """Load a checkpoint.

    Parameters
    ----------
    source
        Where it lies.
    device
        Where it shall run.
    dtype
        Number type of UNet and text encoder. The autoencoder is always float32: in half precision
        the decoders of SD overflow.
    info
        What `verify` returned for it; None verifies it here.

    Raises
    ------
    CheckpointMissing, CheckpointRejected, CheckpointDamaged
        As `verify`.
    OutOfMemory
        The device has no room for it.
    """
    info = info or verify(source)
    layout = open_layout(source)
    try:
        return Model(
            unet=_load(layout, "unet", device, dtype),
            vae=_load(layout, "vae", device, torch.float32),
            text_encoder=_load(layout, "text_encoder", device, dtype),
            tokenizer=load_tokenizer(layout),
            scheduler=load_scheduler(layout),
            name=info.name,
            sha256=info.sha256,
        )
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"the checkpoint {info.name} does not fit into the memory of {device}",
            hint="Close other programs that use the device, or use --dtype float16.",
        ) from error


def load_scheduler(layout: Layout) -> DDIMScheduler:
    """Make the scheduler; the engine reads its configuration alone."""
    # Newer configurations leave out what older schedulers had as their defaults.
    defaults = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
    ddim: Any = DDIMScheduler
    scheduler: DDIMScheduler = ddim.from_config(defaults | layout.scheduler)
    return scheduler


def load_tokenizer(layout: Layout) -> CLIPTokenizer:
    """Load the tokenizer; its prompts are as long as the text encoder takes them."""
    positions = layout.configs["text_encoder"].get("max_position_embeddings", 77)
    # Said outright, because transformers warns of older configurations that leave it open.
    said: dict[str, Any] = {"clean_up_tokenization_spaces": False}
    if layout.pad_token:
        said["pad_token"] = layout.pad_token
    try:
        tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(
            layout.tokenizer, local_files_only=True, **said
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointRejected("the tokenizer cannot be read", path=layout.tokenizer) from error
    # A tokenizer without a configuration of its own knows no limit.
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    return tokenizer


def model_dtype(name: str, device: torch.device | str, *, gradients: bool = False) -> torch.dtype:
    """Return the number type that a job's ``model.dtype`` means on a device.

    ``auto`` is float16 on CUDA, where it halves memory and time, and float32 elsewhere. With
    `gradients` it is bfloat16 there: those of float16 run out of range.
    """
    if name == "auto":
        half = "bfloat16" if gradients else "float16"
        name = half if torch.device(device).type == "cuda" else "float32"
    return {
        "float32": torch.float32,
        "float16": torch.float16,
        "bfloat16": torch.bfloat16,
    }[name]


def _load(
    layout: Layout, component: Component, device: torch.device | str, dtype: torch.dtype
) -> torch.nn.Module:
    """Fill a component with its weights, one tensor at a time in its final type and place.

    Always copied: in the memory-mapped file tensors lie at odd addresses, where CPU kernels round
    otherwise, so the same weights in another file would give other bits.
    """
    module = empty_module(component, layout.configs[component])
    stored = layout.tensors(component)
    weights = {
        key: stored.pop(key.removeprefix("text_model.")).to(device, dtype, copy=True)
        for key in module.state_dict()
    }
    module.load_state_dict(weights, assign=True)
    return module.to(device).requires_grad_(False).eval()
