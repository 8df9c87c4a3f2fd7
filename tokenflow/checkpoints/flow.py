"""RAFT's weights, from one safetensors file under torchvision's names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from tokenflow.deflicker.raft_network import SMALLEST, Raft
from tokenflow.errors import CheckpointRejected

from .weights import read_shapes, refuse_pickle, require_file, sha256_of


@dataclass(frozen=True)
class RaftInfo:
    """What is known of RAFT's weights that passed the door.

    Attributes
    ----------
    kind
        `raft-small` or `raft-large`.
    sha256
        Hash of the file.
    """

    kind: str
    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """Kind and weights, for the manifest."""
        return f"{self.kind} {self.sha256[:16]}"


def verify_raft(path: Path) -> RaftInfo:
    """Check without loading them that weights are those of RAFT.

    Raises
    ------
    CheckpointMissing
        There is no such file.
    CheckpointRejected
        It is a pickle, damaged, or lacks a tensor.
    """
    refuse_pickle(path)
    shapes = read_shapes(require_file(path))
    network = Raft({name: torch.empty(shape, device="meta") for name, shape in shapes.items()})
    picture = torch.empty(1, 3, SMALLEST, SMALLEST, device="meta")
    try:
        network(picture, picture)
    except (KeyError, RuntimeError) as error:
        what = f"lack {error}" if isinstance(error, KeyError) else "do not fit together"
        raise CheckpointRejected(
            f"the weights of {network.kind} {what}",
            hint="Save raft_small or raft_large of torchvision under their own names.",
            path=path,
        ) from error
    return RaftInfo(network.kind, path, sha256_of(path))


def load_raft(info: RaftInfo, device: torch.device | str) -> Raft:
    """Load the network in float32."""
    stored: dict[str, Tensor] = load_file(info.path)
    return Raft({name: one.to(device, torch.float32, copy=True) for name, one in stored.items()})
