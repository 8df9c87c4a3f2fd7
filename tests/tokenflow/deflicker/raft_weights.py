"""Random weights in the shapes of torchvision's `raft_small` and `raft_large`."""

from __future__ import annotations

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def raft_weights(large: bool, seed: int = 5) -> dict[str, Tensor]:
    """Draw weights of about the size that keeps activations where they are."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in sorted(_shapes(large).items()):
        drawn = torch.randn(shape, generator=generator)
        fan_in = max(1, drawn[0].numel()) if len(shape) > 1 else 100
        weights[name] = drawn / fan_in**0.5
        if name.endswith(("running_var", ".1.weight")):
            weights[name] = 0.5 + weights[name].abs()
    return weights


def _shapes(large: bool) -> Shapes:
    found: Shapes = {}
    for name, out in (("feature_encoder", 256 if large else 128), ("context_encoder", None)):
        batch_norm = large and name == "context_encoder"
        _encoder(found, name, large, out or (256 if large else 160), batch_norm)
    motion = "update_block.motion_encoder"
    seen, moved = (192, 64) if large else (96, 32)
    _conv(found, f"{motion}.convcorr1.0", 256 if large else 96, 4 * (81 if large else 49), 1)
    if large:
        _conv(found, f"{motion}.convcorr2.0", 192, 256, 3)
    _conv(found, f"{motion}.convflow1.0", 2 * moved, 2, 7)
    _conv(found, f"{motion}.convflow2.0", moved, 2 * moved, 3)
    _conv(found, f"{motion}.conv.0", 126 if large else 80, seen + moved, 3)
    hidden = 128 if large else 96
    for index, sides in enumerate(((1, 5), (5, 1)) if large else ((3, 3),), 1):
        for gate in "zrq":
            name = f"update_block.recurrent_block.convgru{index}.conv{gate}"
            found[f"{name}.weight"] = (hidden, 384 if large else 242, *sides)
            found[f"{name}.bias"] = (hidden,)
    _conv(found, "update_block.flow_head.conv1", 256 if large else 128, hidden, 3)
    _conv(found, "update_block.flow_head.conv2", 2, 256 if large else 128, 3)
    if large:
        _conv(found, "mask_predictor.convrelu.0", 256, 128, 3)
        _conv(found, "mask_predictor.conv", 576, 256, 1)
    return found


def _encoder(found: Shapes, name: str, large: bool, out: int, batch_norm: bool) -> None:
    widths = (64, 64, 96, 128) if large else (32, 32, 64, 96)

    def normed(where: str, to: int, given: int, side: int) -> None:
        _conv(found, f"{where}.0", to, given, side)
        if batch_norm:
            for kind in ("weight", "bias", "running_mean", "running_var"):
                found[f"{where}.1.{kind}"] = (to,)

    normed(f"{name}.convnormrelu", widths[0], 3, 7)
    for layer in (1, 2, 3):
        to = widths[layer]
        for block, given in ((0, widths[layer - 1]), (1, to)):
            where = f"{name}.layer{layer}.{block}"
            if large:
                normed(f"{where}.convnormrelu1", to, given, 3)
                normed(f"{where}.convnormrelu2", to, to, 3)
            else:
                normed(f"{where}.convnormrelu1", to // 4, given, 1)
                normed(f"{where}.convnormrelu2", to // 4, to // 4, 3)
                normed(f"{where}.convnormrelu3", to, to // 4, 1)
            if block == 0 and layer > 1:
                normed(f"{where}.downsample", to, given, 1)
    _conv(found, f"{name}.conv", out, widths[-1], 1)


def _conv(found: Shapes, name: str, to: int, given: int, side: int) -> None:
    found[f"{name}.weight"] = (to, given, side, side)
    found[f"{name}.bias"] = (to,)
