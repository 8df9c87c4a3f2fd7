"""LPIPS: the perceptual distance of Zhang et al. (CVPR 2018), AlexNet version 0.1.

Features of five AlexNet layers, unit length over channels, are subtracted, squared, weighted by the
learned linear layers, averaged over the picture and summed. Weights are the user's: one safetensors
file with AlexNet's `features.N.weight|bias` and `linK.model.1.weight`, as torchvision and the
authors' package name them. 0 is equal.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from tokenflow.checkpoints.weights import read_shapes, refuse_pickle, require_file
from tokenflow.errors import CheckpointRejected

Float32 = npt.NDArray[np.float32]

# AlexNet: index of the convolution, stride, padding, whether a pooling comes before it.
_LAYERS = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))
_SHIFT = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
_SCALE = torch.tensor([0.458, 0.448, 0.450])[:, None, None]


class Lpips:
    """The distance with weights loaded.

    Raises
    ------
    CheckpointMissing, CheckpointRejected
        Where the file is absent, a pickle, or lacks a tensor.
    """

    def __init__(self, weights: Path) -> None:
        refuse_pickle(weights)
        shapes = read_shapes(require_file(weights))
        wanted = [f"features.{layer[0]}.{kind}" for layer in _LAYERS for kind in ("weight", "bias")]
        wanted += [f"lin{index}.model.1.weight" for index in range(len(_LAYERS))]
        if missing := [name for name in wanted if name not in shapes]:
            raise CheckpointRejected(
                f"the LPIPS weights lack {', '.join(missing[:3])}",
                hint="Save AlexNet's features and the linear layers under their own names.",
                path=weights,
            )
        self._weights = {name: one.float() for name, one in load_file(weights).items()}

    @torch.inference_mode()
    def __call__(self, first: Float32, second: Float32) -> float:
        """Return the distance of two display-referred pictures (h, w, 3) in 0..1."""
        sides = [self._features(picture) for picture in (first, second)]
        total = 0.0
        for index, layers in enumerate(zip(*sides, strict=True)):
            gap = (layers[0] - layers[1]) ** 2
            weight = self._weights[f"lin{index}.model.1.weight"]
            total += float(functional.conv2d(gap, weight).mean())
        return total

    def _features(self, picture: Float32) -> list[Tensor]:
        x = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1) * 2 - 1
        x = ((x - _SHIFT) / _SCALE)[None]
        found = []
        for index, stride, padding, pooled in _LAYERS:
            if pooled:
                x = functional.max_pool2d(x, 3, 2)
            weight, bias = (
                self._weights[f"features.{index}.{kind}"] for kind in ("weight", "bias")
            )
            x = functional.relu(functional.conv2d(x, weight, bias, stride, padding))
            found.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        return found
