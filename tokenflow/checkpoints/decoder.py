"""Another decoder for a checkpoint's latents, from a diffusers folder of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import init_empty_weights
from diffusers import AsymmetricAutoencoderKL, AutoencoderKLTemporalDecoder
from safetensors.torch import load_file

from tokenflow.errors import CheckpointMissing, CheckpointRejected

from .source import CheckpointSource
from .verify import open_layout
from .weights import read_json, read_shapes, sha256_of, sha256_of_all, weight_files

DecoderKind = Literal["temporal", "asymmetric"]

CLASSES: dict[str, Any] = {
    "temporal": AutoencoderKLTemporalDecoder,
    "asymmetric": AsymmetricAutoencoderKL,
}
_STEM = "diffusion_pytorch_model"


@dataclass(frozen=True)
class DecoderInfo:
    """What is known of a decoder that passed the door.

    Attributes
    ----------
    kind
        `temporal` decodes several frames together, `asymmetric` sees plate and matte.
    sha256
        Hash of everything it is made of.
    """

    kind: DecoderKind
    path: Path
    sha256: str


def verify_decoder(kind: DecoderKind, folder: Path, checkpoint: CheckpointSource) -> DecoderInfo:
    """Check without loading it that a decoder reads the checkpoint's latents.

    Raises
    ------
    CheckpointMissing
        A file is missing.
    CheckpointRejected
        It is another kind of autoencoder, damaged, or of another latent space.
    """
    if not folder.is_dir():
        raise CheckpointMissing(
            "there is no such folder of a decoder",
            hint="Name a diffusers folder with config.json and safetensors weights.",
            path=folder,
        )
    config = read_json(folder / "config.json")
    wanted = CLASSES[kind].__name__
    if config.get("_class_name") != wanted:
        raise CheckpointRejected(
            f"the decoder is a {config.get('_class_name', 'nameless class')}, and {kind} needs "
            f"{wanted}",
            path=folder,
        )
    files = weight_files(folder, _STEM)
    module = _empty(kind, config, folder)
    _check_latents(module.config, open_layout(checkpoint).configs["vae"], folder)
    shapes = {key: shape for file in files for key, shape in read_shapes(file).items()}
    for key, tensor in module.state_dict().items():
        if shapes.get(key) != tuple(tensor.shape):
            raise CheckpointRejected(
                f"the decoder's weights do not fit its configuration at {key}", path=folder
            )
    hashes = {file.name: sha256_of(file) for file in (folder / "config.json", *files)}
    return DecoderInfo(kind, folder, sha256_of_all(hashes))


def load_decoder(info: DecoderInfo, device: torch.device | str) -> torch.nn.Module:
    """Load a decoder in float32, as the checkpoint's own."""
    module = _empty(info.kind, read_json(info.path / "config.json"), info.path)
    stored = {
        key: tensor
        for file in weight_files(info.path, _STEM)
        for key, tensor in load_file(file).items()
    }
    weights = {
        key: stored.pop(key).to(device, torch.float32, copy=True) for key in module.state_dict()
    }
    module.load_state_dict(weights, assign=True)
    loaded: torch.nn.Module = module.to(device).requires_grad_(False).eval()
    return loaded


def _empty(kind: DecoderKind, config: dict[str, Any], folder: Path) -> Any:
    """Build the module without memory for its weights."""
    try:
        with init_empty_weights():
            return CLASSES[kind].from_config(config)
    except (TypeError, ValueError, KeyError) as error:
        raise CheckpointRejected(
            f"config.json does not describe a decoder: {error}", path=folder
        ) from error


def _check_latents(config: Any, own: dict[str, Any], folder: Path) -> None:
    """Refuse another latent space: as far as numbers tell, which is not wholly."""
    blocks = config.get("down_block_out_channels") or config["block_out_channels"]
    pairs = {
        "channels": (config["latent_channels"], own.get("latent_channels", 4)),
        "pixels a side": (2 ** (len(blocks) - 1), 2 ** (len(own["block_out_channels"]) - 1)),
        "scaling factor": (config["scaling_factor"], own.get("scaling_factor", 0.18215)),
    }
    for name, (theirs, ours) in pairs.items():
        if theirs != ours:
            raise CheckpointRejected(
                f"the decoder's latents are not the checkpoint's: {name} {theirs} against {ours}",
                hint="Use a decoder made for this family of checkpoints.",
                path=folder,
            )
