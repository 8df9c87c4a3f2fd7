"""Single ``.safetensors`` files in the layout that Stable Diffusion was first published in.

Such a file holds tensors only; `original_config` reads the configuration off their shapes. The
prediction type of SD 2.x, which no shape tells, must be said by the file or by a neighbour of it,
and the tokenizer must lie beside it or in the hub's cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from huggingface_hub import try_to_load_from_cache
from safetensors import safe_open

from tokenflow.errors import CheckpointMissing, CheckpointRejected

from .layout import Component, Layout
from .notes import FILE, Notes, read_notes
from .original_config import (
    CLIP,
    OPEN_CLIP,
    UNET,
    VAE,
    is_sd2,
    scheduler_config,
    text_config,
    unet_config,
    vae_config,
)
from .weights import Shapes, read_shapes

CLIP_TOKENIZER = "openai/clip-vit-large-patch14"
"""Hub id of the tokenizer that all models of this layout share."""

Tensors = dict[str, torch.Tensor]

_PREFIXES: dict[Component, tuple[str, ...]] = {
    "unet": (UNET,),
    "vae": (VAE,),
    "text_encoder": (CLIP, OPEN_CLIP),
}


class OriginalFile(Layout):
    """A single file; reads its header at once and weights when asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.index = {}
        self._header = read_shapes(path)
        try:
            self.configs = {
                "unet": unet_config(self._header),
                "vae": vae_config(self._header),
                "text_encoder": text_config(self._header),
            }
        except CheckpointRejected as error:
            raise CheckpointRejected(error.message, hint=error.hint, path=path) from error
        self.scheduler = scheduler_config(self._prediction_type())
        if is_sd2(self._header) and self.scheduler["prediction_type"] == "v_prediction":
            self.configs["unet"]["sample_size"] = 96  # the 768 models
        self.tokenizer = find_tokenizer(path)
        self.pad_token = "!" if is_sd2(self._header) else None

    @property
    def files(self) -> dict[str, Path]:
        """The file itself; its hash is the one that model sites publish."""
        return {self.path.name: self.path}

    @cached_property
    def notes(self) -> Notes:
        """What the file ``NAME.tokenflow.json`` beside it says."""
        return read_notes(self.path.with_suffix(f".{FILE}"))

    def shapes(self, component: Component) -> Shapes:
        """Return the shapes of a component under diffusers' names."""
        # Converted without data: a meta tensor has a shape only.
        hollow = {
            key: torch.empty(shape, device="meta")
            for key, shape in self._header.items()
            if key.startswith(_PREFIXES[component])
        }
        converted = self._convert(component, hollow)
        return {key: tuple(tensor.shape) for key, tensor in converted.items()}

    def tensors(self, component: Component) -> Tensors:
        """Return the weights of a component under diffusers' names."""
        with safe_open(self.path, framework="pt") as stored:
            found = {
                key: stored.get_tensor(key)
                for key in self._header
                if key.startswith(_PREFIXES[component])
            }
        return self._convert(component, found)

    def _convert(self, component: Component, tensors: Tensors) -> Tensors:
        converters: dict[Component, Callable[[Tensors, dict[str, Any]], Tensors]] = {
            "unet": convert_ldm_unet_checkpoint,
            "vae": convert_ldm_vae_checkpoint,
            "text_encoder": convert_text_encoder,
        }
        try:
            return converters[component](tensors, self.configs[component])
        except (KeyError, IndexError) as error:
            raise CheckpointRejected(
                f"the {component} in the file is incomplete: {error}", path=self.path
            ) from error

    def _prediction_type(self) -> str:
        """Return what the model predicts, from whoever says it."""
        if self.notes.prediction_type:
            return self.notes.prediction_type
        with safe_open(self.path, framework="pt") as stored:
            said = (stored.metadata() or {}).get("modelspec.prediction_type", "")
        if said in ("v", "v_prediction") or "v_pred" in self._header:
            return "v_prediction"
        if said in ("epsilon", "eps"):
            return "epsilon"
        recipe = self.path.with_suffix(".yaml")
        if recipe.is_file():
            text = recipe.read_text(encoding="utf-8", errors="replace")
            return (
                "v_prediction"
                if re.search(r'parameterization:\s*"?v"?\s*$', text, re.M)
                else "epsilon"
            )
        if not is_sd2(self._header):
            return "epsilon"
        raise CheckpointRejected(
            "an SD 2.x file does not say whether it predicts noise or velocity",
            hint=f'Write {{"prediction_type": "epsilon"}} (512 models) or "v_prediction" (768 '
            f"models) into {self.path.stem}.{FILE} beside it.",
            path=self.path,
        )


def convert_text_encoder(tensors: Tensors, config: dict[str, Any]) -> Tensors:
    """Return text encoder weights under the names of transformers.

    CLIP's (SD 1.x) only lose a prefix. OpenCLIP (SD 2.x) keeps query, key and value in one matrix,
    and its last block, which SD does not use, is left out.
    """
    root = "embeddings.token_embedding.weight"
    if not any(key.startswith(OPEN_CLIP) for key in tensors):
        start = len(next(key for key in tensors if key.endswith(root))) - len(root)
        return {key[start:]: tensor for key, tensor in tensors.items()}
    found: Tensors = {}
    for key, tensor in tensors.items():
        name = key.removeprefix(OPEN_CLIP)
        block = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+)", name)
        if block is None:
            if name in _OPEN_CLIP_ENDS:
                found[_OPEN_CLIP_ENDS[name]] = tensor
        elif int(block[1]) < config["num_hidden_layers"]:
            layer = f"encoder.layers.{block[1]}."
            if block[2].startswith("attn.in_proj_"):
                kind = block[2].removeprefix("attn.in_proj_")
                for part, third in zip("qkv", tensor.chunk(3), strict=True):
                    found[f"{layer}self_attn.{part}_proj.{kind}"] = third
            else:
                found[layer + _open_clip_layer(block[2])] = tensor
    return found


_OPEN_CLIP_ENDS = {
    "positional_embedding": "embeddings.position_embedding.weight",
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}


def _open_clip_layer(name: str) -> str:
    layer, kind = name.rsplit(".", 1)
    names = {
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "attn.out_proj": "self_attn.out_proj",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
    }
    return f"{names.get(layer, layer)}.{kind}"


def find_tokenizer(path: Path) -> Path:
    """Return the folder of the tokenizer of a single-file checkpoint.

    Raises
    ------
    CheckpointMissing
        It lies neither in ``tokenizer/`` beside the file nor in the hub's cache.
    """
    beside = path.parent / "tokenizer"
    if (beside / "vocab.json").is_file() and (beside / "merges.txt").is_file():
        return beside
    cached = [try_to_load_from_cache(CLIP_TOKENIZER, name) for name in ("vocab.json", "merges.txt")]
    if all(isinstance(name, str) for name in cached):
        return Path(str(cached[0])).parent
    raise CheckpointMissing(
        f"the single file {path.name} has no tokenizer",
        hint=f"Put vocab.json and merges.txt of {CLIP_TOKENIZER} into {beside}.",
        path=path,
    )
