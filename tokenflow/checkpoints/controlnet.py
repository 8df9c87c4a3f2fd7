"""ControlNets: networks beside a checkpoint's UNet, from a diffusers folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel

from tokenflow.errors import CheckpointRejected

from .network import NetworkFolder, shapes_of
from .source import CheckpointSource
from .verify import open_layout

DEMO_DEPTH = "demo-depth"
DEMO_DEPTH_FOLDER = Path(__file__).parent / "demo_controlnet"

_WHAT = "ControlNet"

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


def verify_controlnet(name: str, checkpoint: CheckpointSource) -> ControlNetInfo:
    """Check without loading it that a ControlNet goes with a checkpoint's UNet.

    Parameters
    ----------
    name
        A diffusers folder, or ``demo-depth``.

    Raises
    ------
    CheckpointMissing
        The folder or a file is missing.
    CheckpointRejected
        It is a pickle, another kind of network, or made for another layout of UNet.
    CheckpointDamaged
        A file differs from the checksum that is recorded for it.
    """
    folder = DEMO_DEPTH_FOLDER if name == DEMO_DEPTH else Path(name).expanduser()
    stored = NetworkFolder(folder, _WHAT)
    stored.check_class(ControlNetModel.__name__)
    module = stored.empty(ControlNetModel.from_config)
    layout = open_layout(checkpoint)
    _check_fit(module.config, layout.configs["unet"], layout.configs["vae"], stored.path)
    stored.check_shapes(shapes_of(module))
    count = sum(tensor.numel() for tensor in module.state_dict().values())
    return ControlNetInfo(stored.path, stored.sha256(), count)


def load_controlnet(
    info: ControlNetInfo, device: torch.device | str, dtype: torch.dtype
) -> torch.nn.Module:
    """Load a ControlNet in the UNet's number type."""
    stored = NetworkFolder(info.path, _WHAT)
    return stored.load(stored.empty(ControlNetModel.from_config), device, dtype)


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
