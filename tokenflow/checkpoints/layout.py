"""What every checkpoint layout offers, however it is stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch

from .notes import Notes
from .weights import Shapes

Component: TypeAlias = Literal["unet", "vae", "text_encoder"]


class Layout(ABC):
    """A checkpoint that is open for reading.

    Attributes
    ----------
    path
        Its folder or file.
    configs
        Configuration of each component, as diffusers and transformers write it.
    scheduler
        Configuration of the scheduler.
    tokenizer
        Folder of the tokenizer.
    index
        The pipeline's own description, empty where there is none.
    """

    path: Path
    configs: dict[Component, dict[str, Any]]
    scheduler: dict[str, Any]
    tokenizer: Path
    index: dict[str, Any]

    #: Padding token where the tokenizer's own files do not say it.
    pad_token: str | None = None

    @property
    @abstractmethod
    def files(self) -> dict[str, Path]:
        """Every file that the model is made of, by name."""

    @property
    @abstractmethod
    def notes(self) -> Notes:
        """What the checkpoint says about itself."""

    @abstractmethod
    def shapes(self, component: Component) -> Shapes:
        """Return the shapes of a component's weights from the headers alone."""

    @abstractmethod
    def tensors(self, component: Component) -> dict[str, torch.Tensor]:
        """Return a component's weights in the number type they are stored in."""
