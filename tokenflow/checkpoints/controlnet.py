"""ControlNets: networks beside a checkpoint's UNet, from a diffusers folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import ControlNetModel
from safetensors.torch import load_file

from tokenflow.errors import CheckpointDamaged, CheckpointMissing, CheckpointRejected

from .source import CheckpointSource
from .verify import CHECKSUMS, open_layout
from .weights import read_json, read_shapes, sha256_of, sha256_of_all, weight_files

DEMO_DEPTH = "demo-depth"
DEMO_DEPTH_FOLDER = Path(__file__).parent / "demo_controlnet"

_STEM = "diffusion_pytorch_model"

#: Settings that ControlNet and UNet have to share, or the one's results do not fit into the other.
_SHARED = ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim")

#: Parts of a ControlNet that the engine does not feed.
_UNKNOWN = ("addition_embed_type", "class_embed_type", "encoder_hid_dim_type")


@dataclass(frozen=True)
class ControlNetInfo:
    """What is known of a ControlNet that passed the door.

    Attributes
    ----------
    sha256
        Hash of everything it is made of.
    parameters
        Numbers in the weights.
    """

    path: Path
    sha256: str
    parameters: int


def controlnet_folder(name: str) -> Path:
    """Return the folder that a job's name of a ControlNet means.

    Raises
    ------
    CheckpointMissing
        There is no such folder.
    """
    folder = DEMO_DEPTH_FOLDER if name == DEMO_DEPTH else Path(name).expanduser()
    if not folder.is_dir():
        raise CheckpointMissing(
            f"there is no ControlNet {name!r}",
            hint="Name a diffusers folder with config.json and safetensors weights.",
            path=folder,
        )
    return folder


def verify_controlnet(folder: Path, checkpoint: CheckpointSource) -> ControlNetInfo:
    """Check without loading it that a ControlNet goes with a checkpoint's UNet.

    Raises
    ------
    CheckpointMissing
        A file is missing.
    CheckpointRejected
        It is a pickle, another kind of network, or made for another layout of UNet.
    CheckpointDamaged
        A file differs from the checksum that is recorded for it.
    """
    config = read_json(folder / "config.json")
    if config.get("_class_name") != "ControlNetModel":
        raise CheckpointRejected(
            f"config.json describes a {config.get('_class_name', 'nameless class')} and no "
            "ControlNetModel",
            path=folder,
        )
    files = weight_files(folder, _STEM)
    module = _empty(config, folder)
    layout = open_layout(checkpoint)
    _check_fit(module.config, layout.configs["unet"], layout.configs["vae"], folder)
    stored = {key: shape for file in files for key, shape in read_shapes(file).items()}
    for key, tensor in module.state_dict().items():
        if stored.get(key) != tuple(tensor.shape):
            raise CheckpointRejected(
                f"the ControlNet's weights do not fit its configuration at {key}", path=folder
            )
    hashes = {file.name: sha256_of(file) for file in (folder / "config.json", *files)}
    _check_checksums(folder, hashes)
    count = sum(tensor.numel() for tensor in module.state_dict().values())
    return ControlNetInfo(folder, sha256_of_all(hashes), count)


def load_controlnet(
    info: ControlNetInfo, device: torch.device | str, dtype: torch.dtype
) -> torch.nn.Module:
    """Load a ControlNet in the UNet's number type."""
    module = _empty(read_json(info.path / "config.json"), info.path)
    stored = {
        key: tensor
        for file in weight_files(info.path, _STEM)
        for key, tensor in load_file(file).items()
    }
    # Copied, as the checkpoint's own weights are: tensors of a mapped file lie at odd addresses.
    weights = {key: stored.pop(key).to(device, dtype, copy=True) for key in module.state_dict()}
    module.load_state_dict(weights, assign=True)
    loaded: torch.nn.Module = module.to(device).requires_grad_(False).eval()
    return loaded


def _empty(config: Mapping[str, Any], folder: Path) -> Any:
    """Build the module without memory for its weights."""
    try:
        with init_empty_weights():
            return ControlNetModel.from_config(config)
    except (TypeError, ValueError, KeyError, NotImplementedError) as error:
        raise CheckpointRejected(
            f"config.json does not describe a ControlNet: {error}", path=folder
        ) from error


def _check_fit(
    config: Mapping[str, Any], unet: Mapping[str, Any], vae: Mapping[str, Any], folder: Path
) -> None:
    """Refuse a ControlNet for another family of checkpoints, or for other pictures."""
    for name in _SHARED:
        theirs, ours = (_plain(one.get(name)) for one in (config, unet))
        if ours is not None and theirs != ours:
            raise CheckpointRejected(
                f"the ControlNet is made for another checkpoint: {name} {theirs} against {ours}",
                hint="Use one that was trained for this family of checkpoints.",
                path=folder,
            )
    if (channels := config["conditioning_channels"]) != 3:
        raise CheckpointRejected(
            f"the ControlNet takes pictures of {channels} channels, and ours have 3", path=folder
        )
    shrunk = 2 ** (len(config["conditioning_embedding_out_channels"]) - 1)
    scale = 2 ** (len(vae["block_out_channels"]) - 1)
    if shrunk != scale:
        raise CheckpointRejected(
            f"the ControlNet takes pictures {shrunk} times as large as latents, and the "
            f"checkpoint's are {scale} times as large",
            path=folder,
        )
    unknown = [name for name in _UNKNOWN if config.get(name) is not None]
    if config.get("global_pool_conditions"):
        unknown.append("global_pool_conditions")
    if unknown:
        raise CheckpointRejected(
            f"the ControlNet has parts that the engine does not know: {', '.join(unknown)}",
            hint="Those for depth and edges of Stable Diffusion 1.x and 2.x work.",
            path=folder,
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def _check_checksums(folder: Path, hashes: Mapping[str, str]) -> None:
    path = folder / CHECKSUMS
    recorded = read_json(path) if path.is_file() else {}
    for name, wanted in recorded.items():
        if hashes.get(name) != wanted:
            raise CheckpointDamaged(
                f"{name} differs from its checksum in {CHECKSUMS}",
                hint="Copy or download the ControlNet again.",
                path=folder / name,
            )
