"""Tiny ControlNets with random weights, which the zeros of a fresh one would hide."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ControlNetModel


def random_controlnet(unet: Any, seed: int = 0, *, scale: int = 8, strength: float = 0.3) -> Any:
    """Make a ControlNet for a UNet.

    Parameters
    ----------
    scale
        Pixels per latent along each side; a power of two.
    strength
        Deviation of the last layers' weights; 0 leaves them as those of a fresh ControlNet.
    """
    torch.manual_seed(1000 + seed)
    widths = (4,) * scale.bit_length()
    network: Any = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=widths)
    last = (network.controlnet_cond_embedding.conv_out, network.controlnet_mid_block)
    for layer in (*network.controlnet_down_blocks, *last):
        torch.nn.init.normal_(layer.weight, 0.0, strength)
        torch.nn.init.normal_(layer.bias, 0.0, strength)
    return network.to(unet.dtype).eval().requires_grad_(False)
