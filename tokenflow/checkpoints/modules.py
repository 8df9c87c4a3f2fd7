"""The modules that configurations describe, without their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from accelerate import init_empty_weights
from diffusers import (
    AutoencoderKL,
    UNet2DConditionModel,
    UNet3DConditionModel,
    UNetMotionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel

from tokenflow.errors import CheckpointRejected

from .layout import Component

T = TypeVar("T")

UNETS: dict[str, Any] = {
    kind.__name__: kind for kind in (UNet2DConditionModel, UNet3DConditionModel, UNetMotionModel)
}
"""Kinds of UNet by the name in their configuration; the first one where it says nothing."""


def empty_module(component: Component, config: dict[str, Any]) -> torch.nn.Module:
    """Build a component whose parameters have a shape and no memory.

    Raises
    ------
    CheckpointRejected
        The configuration contradicts itself.
    """
    return built_empty(
        lambda: _build(component, config),
        lambda said: CheckpointRejected(
            f"{component}/config.json does not describe a model: {said}"
        ),
    )


def built_empty(build: Callable[[], T], refusal: Callable[[Exception], CheckpointRejected]) -> T:
    """Build a network without memory for its weights.

    Parameters
    ----------
    refusal
        Says of what diffusers or transformers raised that the configuration is no good.
    """
    try:
        with init_empty_weights():
            return build()
    except (TypeError, ValueError, KeyError, NotImplementedError) as error:
        raise refusal(error) from error


def _build(component: Component, config: dict[str, Any]) -> torch.nn.Module:
    module: torch.nn.Module
    if component == "text_encoder":
        module = CLIPTextModel(CLIPTextConfig(**config))
    elif component == "unet":
        module = UNETS[config.get("_class_name", next(iter(UNETS)))].from_config(config)
    else:
        module = AutoencoderKL.from_config(config)
    return module
