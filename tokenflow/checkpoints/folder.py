"""Checkpoints in the diffusers layout: a folder with one sub-folder per component."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import load_file

from .layout import Component, Layout
from .notes import FILE, Notes, read_notes
from .weights import Shapes, read_json, read_shapes, require_file, weight_files

_STEMS: dict[Component, str] = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}

# Names that attention layers had in autoencoders written before diffusers 0.18.
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


class DiffusersFolder(Layout):
    """A diffusers folder; reads configurations at once and weights when asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        index = path / "model_index.json"
        self.index = read_json(index) if index.is_file() else {}
        self.configs = {name: read_json(path / name / "config.json") for name in _STEMS}
        self.scheduler = read_json(path / "scheduler" / "scheduler_config.json")
        self.tokenizer = path / "tokenizer"
        if not (self.tokenizer / "tokenizer.json").is_file():
            require_file(self.tokenizer / "vocab.json")
            require_file(self.tokenizer / "merges.txt")
        self.weights = {name: weight_files(path / name, stem) for name, stem in _STEMS.items()}

    @property
    def files(self) -> dict[str, Path]:
        """Every file that the model is made of, by its name in the folder."""
        small = [
            self.path / "scheduler" / "scheduler_config.json",
            *(self.path / name / "config.json" for name in _STEMS),
            *(path for path in sorted(self.tokenizer.iterdir()) if path.is_file()),
        ]
        weights = [path for paths in self.weights.values() for path in paths]
        return {path.relative_to(self.path).as_posix(): path for path in [*small, *weights]}

    @cached_property
    def notes(self) -> Notes:
        """What the checkpoint says about itself."""
        return read_notes(self.path / FILE)

    def shapes(self, component: Component) -> Shapes:
        """Return the shapes in the component's weight files under today's names."""
        return {
            _today(key): shape
            for path in self.weights[component]
            for key, shape in read_shapes(path).items()
        }

    def tensors(self, component: Component) -> dict[str, torch.Tensor]:
        """Return the component's weights as stored, under today's names."""
        return {
            _today(key): tensor
            for path in self.weights[component]
            for key, tensor in load_file(path).items()
        }


def _today(key: str) -> str:
    *parents, layer, kind = ["", *key.split(".")]
    if "attentions" in parents and layer in _OLD_ATTENTION:
        return ".".join([*parents[1:], _OLD_ATTENTION[layer], kind])
    # transformers 5 dropped the prefix that earlier versions wrote.
    return key.removeprefix("text_model.")
