"""ControlNets beside the UNet (Zhang et al., arXiv 2302.05543): pictures that hold an edit.

A ControlNet sees what the UNet sees and a picture of the frame, of its depth or its edges. What it
finds is added to the UNet's skip connections and to its middle. Inversion, source and edit all run
with it: only then do the source's latents lead back to the plate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from .latents import LatentStack


class Residuals(NamedTuple):
    """What ControlNets add: to the skip connections, in the UNet's order, and to its middle."""

    down: tuple[torch.Tensor, ...]
    mid: torch.Tensor

    def __add__(self, other: object) -> Residuals:
        """Sum what two ControlNets add."""
        assert isinstance(other, Residuals)
        down = tuple(a + b for a, b in zip(self.down, other.down, strict=True))
        return Residuals(down, self.mid + other.mid)


@dataclass(frozen=True)
class Control:
    """One ControlNet with its pictures of a shot.

    Attributes
    ----------
    network
        A diffusers ``ControlNetModel`` in the UNet's number type, on its device.
    pictures
        Of every frame, `(1 or 3, H, W)` from 0 to 1 at the size of the model's pictures.
    weight
        Of what it adds.
    """

    network: Any
    pictures: LatentStack
    weight: float = 1.0

    def residuals(
        self, samples: torch.Tensor, timestep: int, text: torch.Tensor, frames: Sequence[int]
    ) -> Residuals:
        """Evaluate the network; parameters as for `Controls.residuals`."""
        picture = self.pictures.read(frames).to(samples)
        parts = len(samples) // len(frames)
        down, mid = self.network(
            samples,
            timestep,
            text,
            picture.expand(-1, 3, -1, -1).repeat(parts, 1, 1, 1),
            conditioning_scale=self.weight,
            return_dict=False,
        )
        return Residuals(tuple(down), mid)


class Controls:
    """All ControlNets of an edit; those of weight 0 are not evaluated."""

    def __init__(self, controls: Sequence[Control]) -> None:
        self.controls = tuple(one for one in controls if one.weight != 0)

    @property
    def networks(self) -> tuple[Any, ...]:
        """The networks that are evaluated."""
        return tuple(one.network for one in self.controls)

    def residuals(
        self, samples: torch.Tensor, timestep: int, text: torch.Tensor, frames: Sequence[int]
    ) -> Residuals | None:
        """Sum what all add to the UNet's pass; None if there are none.

        Parameters
        ----------
        samples
            The UNet's input, `(parts · frames, channels, h, w)`, laid out as `[part][frame]`.
        text
            Text states `(parts · frames, tokens, width)`.
        frames
            Frame numbers of one part.
        """
        total: Residuals | None = None
        for one in self.controls:
            added = one.residuals(samples, timestep, text, frames)
            total = added if total is None else total + added
        return total


NONE = Controls(())
"""No ControlNet."""


def predict(
    unet: Any,
    samples: torch.Tensor,
    timestep: int,
    text: torch.Tensor,
    controls: Controls = NONE,
    frames: Sequence[int] = (),
) -> torch.Tensor:
    """Send samples through the UNet together with the ControlNets; see `Controls.residuals`."""
    added = controls.residuals(samples, timestep, text, frames)
    prediction: torch.Tensor = unet(
        samples,
        timestep,
        text,
        down_block_additional_residuals=added and added.down,
        mid_block_additional_residual=None if added is None else added.mid,
        return_dict=False,
    )[0]
    return prediction
