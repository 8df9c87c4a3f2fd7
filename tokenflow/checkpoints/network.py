"""A network that works beside a checkpoint, from a diffusers folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from tokenflow.errors import CheckpointMissing, CheckpointRejected

from .modules import built_empty
from .verify import check_checksums
from .weights import Shapes, read_json, read_shapes, sha256_of, sha256_of_all, weight_files

_CONFIG = "config.json"
_STEM = "diffusion_pytorch_model"


@dataclass(frozen=True)
class NetworkFolder:
    """A folder with ``config.json`` and safetensors weights; nothing is loaded to look at it.

    Attributes
    ----------
    path
        The folder.
    what
        What it holds, in words, as ``ControlNet``.
    """

    path: Path
    what: str

    def __post_init__(self) -> None:
        """Raise `CheckpointMissing` if it is no such folder."""
        if not (self.path / _CONFIG).is_file():
            there = self.path.is_dir()
            raise CheckpointMissing(
                f"the folder holds no {self.what}: it has no {_CONFIG}"
                if there
                else f"there is no such folder of a {self.what}",
                hint="Name a diffusers folder with config.json and safetensors weights.",
                path=self.path,
            )

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration."""
        return read_json(self.path / _CONFIG)

    @cached_property
    def files(self) -> list[Path]:
        """The weight files.

        Raises
        ------
        CheckpointMissing, CheckpointRejected
            There are none, or pickles.
        """
        return weight_files(self.path, _STEM)

    @cached_property
    def shapes(self) -> Shapes:
        """Shape of every stored tensor."""
        return {key: shape for file in self.files for key, shape in read_shapes(file).items()}

    def check_class(self, wanted: str) -> None:
        """Raise `CheckpointRejected` if the configuration is that of another class."""
        found = self.config.get("_class_name", "nameless class")
        if found != wanted:
            raise self.rejected(f"the {self.what} is of the class {found}, and {wanted} is needed")

    def empty(self, build: Callable[[dict[str, Any]], Any]) -> Any:
        """Build the network of the configuration, without memory for its weights.

        Raises
        ------
        CheckpointRejected
            The configuration contradicts itself.
        """
        return built_empty(
            lambda: build(self.config),
            lambda said: self.rejected(f"{_CONFIG} does not describe a {self.what}: {said}"),
        )

    def check_shapes(
        self, wanted: Shapes, whose: str = "its configuration", hint: str = ""
    ) -> None:
        """Raise `CheckpointRejected` if the stored tensors are not of the shapes that are `wanted`.

        Parameters
        ----------
        wanted, whose
            The shapes by key, and what asks for them, in words.
        """
        for key, shape in wanted.items():
            if self.shapes.get(key) != shape:
                found = (
                    f"has the shape {self.shapes[key]}" if key in self.shapes else "is not there"
                )
                raise self.rejected(
                    f"the {self.what} does not fit {whose}: {key} {found}, and {shape} is needed",
                    hint,
                )
        if surplus := sorted(self.shapes.keys() - wanted.keys()):
            raise self.rejected(
                f"the {self.what} holds {surplus[0]}, which its configuration does not know"
            )

    def sha256(self, *others: Path) -> str:
        """Hash everything that the network is made of; reads every file once.

        Parameters
        ----------
        *others
            Files that belong to it beside configuration and weights.

        Raises
        ------
        CheckpointDamaged, CheckpointMissing
            A file is not what the folder's checksums say.
        """
        digests = {one.name: sha256_of(one) for one in (self.path / _CONFIG, *self.files, *others)}
        check_checksums(self.path, digests)
        return sha256_of_all(digests)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Read the weights, as they are stored."""
        return {key: tensor for file in self.files for key, tensor in load_file(file).items()}

    def load(self, empty: Any, device: torch.device | str, dtype: torch.dtype) -> torch.nn.Module:
        """Fill what `empty` gave with its weights, frozen, on a device and in a number type."""
        stored = self.tensors()
        # Copied, as a checkpoint's own weights are: tensors of a mapped file lie at odd addresses.
        weights = {key: stored.pop(key).to(device, dtype, copy=True) for key in empty.state_dict()}
        empty.load_state_dict(weights, assign=True)
        loaded: torch.nn.Module = empty.to(device).requires_grad_(False).eval()
        return loaded

    def rejected(self, message: str, hint: str = "") -> CheckpointRejected:
        """Make the error that names the folder."""
        return CheckpointRejected(message, hint=hint, path=self.path)


def shapes_of(module: Any) -> Shapes:
    """Shape of every tensor that a module stores."""
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
