"""One denoising step as a plan, and the rules that make the plans.

`paper` and `released`, and the methods for comparison, differ in which frames are keyframes, what a
frame is made from, where the denoising starts and how a step is rounded. That is what a `Rules`
object says; `editor` carries it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch

from .batches import Batch
from .latents import LatentStack, Trajectory
from .propagation import Neighbours

#: Finds the keyframes that a frame is made from.
NeighboursOf = Callable[[int], Neighbours]


@dataclass(frozen=True)
class StepPlan:
    """Who goes through the UNet in one step.

    Attributes
    ----------
    keyframes
        Frames of the keyframe pass, ascending; none for methods without one.
    keyframes_done
        Whether the keyframe pass denoises its frames; else they are in `batches` too.
    batches
        Frames of the second pass.
    neighbours
        What they are made from; None if each attends to itself.
    """

    keyframes: tuple[int, ...] = ()
    keyframes_done: bool = True
    batches: tuple[Batch, ...] = ()
    neighbours: NeighboursOf | None = field(default=None, compare=False)


class Rules(Protocol):
    """The rules of one mode or method.

    Attributes
    ----------
    frames
        The frames that are edited.
    timesteps
        The steps that are run, from the noisiest on.
    source_propagated
        Whether the source's attention is replaced in the second pass as well.
    """

    frames: tuple[int, ...]
    timesteps: tuple[int, ...]
    source_propagated: bool

    def start(self, trajectory: Trajectory, x0: LatentStack, frame: int) -> torch.Tensor:
        """Latent `(channels, h, w)` of a frame at the first timestep."""
        ...

    def plan(self, step: int) -> StepPlan:
        """Say who goes through the UNet at step 0, 1, …."""
        ...

    def denoise(self, step: int, latents: torch.Tensor, prediction: torch.Tensor) -> torch.Tensor:
        """Take one step with the guided prediction."""
        ...
