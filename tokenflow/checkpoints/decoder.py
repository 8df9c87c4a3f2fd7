"""Another decoder for a checkpoint's latents, from a diffusers folder of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import AsymmetricAutoencoderKL, AutoencoderKLTemporalDecoder

from tokenflow.errors import CheckpointRejected

from .network import NetworkFolder, shapes_of
from .source import CheckpointSource
from .verify import open_layout

DecoderKind = Literal["temporal", "asymmetric"]

CLASSES: dict[str, Any] = {
    "temporal": AutoencoderKLTemporalDecoder,
    "asymmetric": AsymmetricAutoencoderKL,
}
_WHAT = "decoder"


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
    CheckpointDamaged
        A file differs from the checksum that is recorded for it.
    """
    stored = NetworkFolder(folder, _WHAT)
    stored.check_class(CLASSES[kind].__name__)
    module = stored.empty(CLASSES[kind].from_config)
    _check_latents(module.config, open_layout(checkpoint).configs["vae"], folder)
    stored.check_shapes(shapes_of(module))
    return DecoderInfo(kind, folder, stored.sha256())


def load_decoder(info: DecoderInfo, device: torch.device | str) -> torch.nn.Module:
    """Load a decoder in float32, as the checkpoint's own."""
    stored = NetworkFolder(info.path, _WHAT)
    return stored.load(stored.empty(CLASSES[info.kind].from_config), device, torch.float32)


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
