"""RAFT: recurrent all-pairs field transforms (Teed and Deng, ECCV 2020), to be read beside it.

Written out over a dictionary of tensors with torchvision's names, for both of its sizes, so that
its published weights serve without the package: torchvision's build for CUDA keeps diffusers from
being imported beside a torch without CUDA (decision 22).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

STEP = 8
"""Pixels of the picture per cell of the features; sides must be multiples of it."""

SMALLEST = 128
"""Shortest side in pixels: the coarsest correlations still have two cells."""

UPDATES = 12
"""Times that the motion is refined, as in the paper's evaluation."""

_LEVELS = 4


class Raft:
    """The network with weights.

    Parameters
    ----------
    weights
        By torchvision's names, of `raft_small` or `raft_large`.

    Notes
    -----
    A tensor that is not there raises `KeyError`, one that does not fit `RuntimeError`. Tensors on
    the device `meta` are enough to find out.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._weights = weights
        self.large = "mask_predictor.conv.weight" in weights
        self._radius = 4 if self.large else 3
        self._hidden = 128 if self.large else 96

    @property
    def kind(self) -> str:
        """Which of the two sizes it is."""
        return "raft-large" if self.large else "raft-small"

    @torch.inference_mode()
    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the motion from pictures (n, 3, h, w) in -1..1 to others, (n, 2, h, w): x, y."""
        start, end = (self._encoded("feature_encoder", one, True) for one in (first, second))
        pyramid = _correlations(start, end)
        context = self._encoded("context_encoder", first, False)
        hidden = context[:, : self._hidden].tanh()
        context = context[:, self._hidden :].relu()
        origin = _places(start)
        places = origin
        for _ in range(UPDATES):
            looked_up = self._looked_up(pyramid, places)
            motion = self._motion("update_block.motion_encoder", looked_up, places - origin)
            hidden = self._recurrent(hidden, torch.cat([context, motion], dim=1))
            change = self._conv("update_block.flow_head.conv1", hidden).relu()
            places = places + self._conv("update_block.flow_head.conv2", change)
        return self._enlarged(places - origin, hidden)

    def _conv(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        height, width = weight.shape[2:]
        return functional.conv2d(x, weight, bias, stride, (height // 2, width // 2))

    def _normed(self, name: str, x: Tensor, instance: bool, stride: int = 1) -> Tensor:
        """Convolve and normalise: the features by instance, the context of `large` by batch."""
        x = self._conv(f"{name}.0", x, stride)
        if instance:
            return functional.instance_norm(x)
        if not self.large:
            return x
        kinds = ("running_mean", "running_var", "weight", "bias")
        mean, variance, weight, bias = (self._weights[f"{name}.1.{kind}"] for kind in kinds)
        return functional.batch_norm(x, mean, variance, weight, bias)

    def _encoded(self, name: str, x: Tensor, instance: bool) -> Tensor:
        x = self._normed(f"{name}.convnormrelu", x, instance, 2).relu()
        for layer, stride in ((1, 1), (2, 2), (3, 2)):
            x = self._block(f"{name}.layer{layer}.0", x, instance, stride)
            x = self._block(f"{name}.layer{layer}.1", x, instance, 1)
        return self._conv(f"{name}.conv", x)

    def _block(self, name: str, x: Tensor, instance: bool, stride: int) -> Tensor:
        """Two convolutions in `large`, a bottleneck of three in `small`; and a shortcut."""
        strides = (stride, 1) if self.large else (1, stride, 1)
        y = x
        for index, each in enumerate(strides, 1):
            y = self._normed(f"{name}.convnormrelu{index}", y, instance, each).relu()
        if stride != 1:
            x = self._normed(f"{name}.downsample", x, instance, stride)
        return (x + y).relu()

    def _looked_up(self, pyramid: list[Tensor], places: Tensor) -> Tensor:
        """Fetch the correlations round each place, (n, levels x window, h, w) (paper, 3.2)."""
        count, _, height, width = places.shape
        side = 2 * self._radius + 1
        steps = torch.arange(-self._radius, self._radius + 1, device=places.device)
        # The window's first axis is x; the weights were trained so.
        window = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)
        centres = places.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
        found = []
        for level, correlation in enumerate(pyramid):
            x, y = (centres / 2**level + window).unbind(-1)
            rows, columns = correlation.shape[-2:]
            at = torch.stack([2 * x / (columns - 1) - 1, 2 * y / (rows - 1) - 1], dim=-1)
            fetched = functional.grid_sample(correlation, at, align_corners=True)
            found.append(fetched.view(count, height, width, side * side))
        return torch.cat(found, dim=-1).permute(0, 3, 1, 2)

    def _motion(self, name: str, correlation: Tensor, flow: Tensor) -> Tensor:
        seen = self._conv(f"{name}.convcorr1.0", correlation).relu()
        if self.large:
            seen = self._conv(f"{name}.convcorr2.0", seen).relu()
        moved = self._conv(f"{name}.convflow1.0", flow).relu()
        moved = self._conv(f"{name}.convflow2.0", moved).relu()
        both = self._conv(f"{name}.conv.0", torch.cat([seen, moved], dim=1)).relu()
        return torch.cat([both, flow], dim=1)

    def _recurrent(self, hidden: Tensor, x: Tensor) -> Tensor:
        """Step the gated unit (paper, eq. 3 to 6), in `large` along rows and then columns."""
        for index in (1, 2) if self.large else (1,):
            name = f"update_block.recurrent_block.convgru{index}"
            both = torch.cat([hidden, x], dim=1)
            z = self._conv(f"{name}.convz", both).sigmoid()
            r = self._conv(f"{name}.convr", both).sigmoid()
            q = self._conv(f"{name}.convq", torch.cat([r * hidden, x], dim=1)).tanh()
            hidden = (1 - z) * hidden + z * q
        return hidden

    def _enlarged(self, flow: Tensor, hidden: Tensor) -> Tensor:
        """Bring motion to the picture: bilinear, in `large` a learned mean of 3 x 3 cells."""
        count, _, height, width = flow.shape
        size = (STEP * height, STEP * width)
        if not self.large:
            return STEP * functional.interpolate(flow, size, mode="bilinear", align_corners=True)
        shares = self._conv("mask_predictor.convrelu.0", hidden).relu()
        # A quarter: how the published weights were trained.
        shares = 0.25 * self._conv("mask_predictor.conv", shares)
        shares = shares.view(count, 1, 9, STEP, STEP, height, width).softmax(dim=2)
        cells = functional.unfold(STEP * flow, 3, padding=1)
        mean = (shares * cells.view(count, 2, 9, 1, 1, height, width)).sum(dim=2)
        return mean.permute(0, 1, 4, 2, 5, 3).reshape(count, 2, *size)


def _correlations(start: Tensor, end: Tensor) -> list[Tensor]:
    """Return how alike each cell of one is to all of the other, halved level by level (3.2)."""
    count, channels, height, width = start.shape
    product = start.flatten(2).transpose(1, 2) @ end.flatten(2) / math.sqrt(channels)
    pyramid = [product.view(count * height * width, 1, height, width)]
    while len(pyramid) < _LEVELS:
        pyramid.append(functional.avg_pool2d(pyramid[-1], 2))
    return pyramid


def _places(features: Tensor) -> Tensor:
    """Return where each cell lies, (n, 2, h, w): x, y."""
    count, _, height, width = features.shape
    y, x = torch.meshgrid(
        torch.arange(height, device=features.device),
        torch.arange(width, device=features.device),
        indexing="ij",
    )
    return torch.stack([x, y]).float().expand(count, 2, height, width)
