"""Structure distance by self-similarity (Tumanyan et al., CVPR 2022, Splicing ViT Features).

The keys of the last attention layer of a vision transformer (DINO), without the class token, give
the matrix of their cosines with each other; the distance is the root mean square between the
matrices of edit and plate, mean over frames. 0 is the plate's structure. The weights are the
user's: a folder in transformers' layout (ViT, DINOv2), safetensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel

from tokenflow.errors import CheckpointRejected
from tokenflow.metrics.transformers_folder import load_folder

Float32 = npt.NDArray[np.float32]

_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
_DEVIATION = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
_KEYS = ("key", "k_proj")


class SelfSimilarity:
    """A vision transformer whose keys say where things are.

    Raises
    ------
    CheckpointMissing, CheckpointRejected
        Where the folder is no such model, or a pickle.
    """

    def __init__(self, folder: Path) -> None:
        self._model: Any = load_folder(AutoModel, folder)
        layers = [m for n, m in self._model.named_modules() if n.rpartition(".")[2] in _KEYS]
        if not layers:
            raise CheckpointRejected("the model has no attention keys to compare", path=folder)
        self._keys: nn.Module = layers[-1]
        self._side = int(getattr(self._model.config, "image_size", 224))
        self.name = folder.name

    @torch.inference_mode()
    def of(self, display: Float32) -> Tensor:
        """Return the cosines of all keys of a picture (h, w, 3) in 0..1: (tokens, tokens)."""
        pixels = torch.from_numpy(np.ascontiguousarray(display)).permute(2, 0, 1)[None]
        pixels = functional.interpolate(
            pixels, (self._side, self._side), mode="bicubic", antialias=True
        )
        found: list[Tensor] = []
        hook = self._keys.register_forward_hook(lambda module, given, keys: found.append(keys))
        try:
            self._model(pixel_values=(pixels - _MEAN) / _DEVIATION)
        finally:
            hook.remove()
        keys = functional.normalize(found[0][0, 1:], dim=-1)
        return keys @ keys.T

    def distance(self, first: Float32, second: Float32) -> float:
        """Return the root mean square difference of two pictures' self-similarities."""
        return float((self.of(first) - self.of(second)).square().mean().sqrt())
