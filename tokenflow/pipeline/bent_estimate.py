"""What bending a shot would cost."""

from __future__ import annotations

from typing import Any

import torch

from tokenflow.checkpoints.load import model_dtype
from tokenflow.checkpoints.modules import empty_module
from tokenflow.checkpoints.motion import empty_video_unet
from tokenflow.checkpoints.verify import open_layout
from tokenflow.dreammotion.keys import KeyCapture, key_layers
from tokenflow.pipeline.device import device_kind
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.settings import bend_settings
from tokenflow.pipeline.video import windows_of


def bent_samples(plan: Plan) -> int:
    """Count the frames that go through the UNet; one pass of each step goes back as well."""
    settings = bend_settings(plan.job, plan.motion)
    frames = sum(len(window.frames) for window in windows_of(plan.job, plan.numbers))
    return settings.how.steps * settings.evaluations * frames


def remembered_bytes(plan: Plan) -> int:
    """Estimate what is remembered of one window for the gradient.

    A UNet without weights goes through the pass: its tensors have shapes and no numbers. Its
    attention keeps whole maps, which real kernels do not; they are left out.
    """
    config = open_layout(plan.source).configs["unet"]
    unet: Any = empty_module("unet", config)
    if plan.motion:
        unet = empty_video_unet(config, plan.motion.path)
    unet = unet.to("meta").requires_grad_(False)
    channels, rows, columns = plan.latent_shape
    frames = max(len(window.frames) for window in windows_of(plan.job, plan.numbers))
    kept: dict[int, int] = {}
    alive = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        width, height = (*tensor.shape[-2:], 0, 0)[:2]
        if not isinstance(tensor, torch.nn.Parameter) and not width == height > max(rows, columns):
            alive.append(tensor)
            kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    clip = torch.empty(1, channels, frames, rows, columns, device="meta").requires_grad_()
    states = frames if plan.motion else 1
    text = torch.empty(states, 1, unet.config.cross_attention_dim, device="meta")
    capture = KeyCapture(key_layers(unet, plan.job.dreammotion.layers))
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with torch.enable_grad(), hooks, capture.captured(stop=True):
        unet(clip, 1, encoder_hidden_states=text)
    kind = device_kind(plan.options.device)
    number = model_dtype(plan.job.model.dtype, kind, gradients=True)
    return sum(kept.values()) * number.itemsize // torch.float32.itemsize
