"""From the ControlNets of a job to those that run beside its UNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tokenflow.checkpoints.controlnet import ControlNetInfo, load_controlnet
from tokenflow.diffusion.control import Control, Controls
from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.model import Model
from tokenflow.errors import OutOfMemory


@dataclass(frozen=True)
class Hold:
    """A ControlNet with what it holds an edit to; goes to other processes as places on disk."""

    info: ControlNetInfo
    pictures: LatentStack
    weight: float


def load_controls(holds: Sequence[Hold], model: Model) -> Controls:
    """Load the ControlNets of some weight beside a model.

    Raises
    ------
    OutOfMemory
        The device has no room for them.
    """
    try:
        return Controls(
            [
                Control(load_controlnet(one.info, model.device, model.dtype), one.pictures, weight)
                for one in holds
                if (weight := one.weight)
            ]
        )
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"the ControlNets do not fit into the memory of {model.device}",
            hint="Close other programs that use the device, or use --dtype float16.",
        ) from error
