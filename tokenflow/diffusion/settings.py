"""What an inversion and an edit depend on, beside model and latents.

The engine is used without a job too (benchmarks, other programs), so these check what would break
it. A job refuses more, and earlier: limits that make sense to a person, named as its fields are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tokenflow.errors import InvalidJob

#: Relative residual below which a fixed-point inversion step counts as solved.
RESIDUAL_TOLERANCE = 2e-3

#: Most evaluations of one step of the option ``exact``.
EXACT_EVALUATIONS = 5


@dataclass(frozen=True)
class InversionSettings:
    """How a shot is inverted.

    Attributes
    ----------
    steps
        Length of the time grid.
    scheme
        ``fixed-point`` solves every step for the latent whose own noise leads back; ``plain`` is
        DDIM inversion as published: the noise of the old latent at the new timestep.
    evaluations
        UNet evaluations per step and frame at most, ``fixed-point`` only. `EXACT_EVALUATIONS` is
        the option ``exact``.
    frames_per_batch
        Frames that go through the UNet together; fixed, the last batch is padded.
    """

    steps: int = 50
    scheme: Literal["fixed-point", "plain"] = "fixed-point"
    evaluations: int = 2
    frames_per_batch: int = 8

    def __post_init__(self) -> None:
        if self.steps < 1 or self.evaluations < 1 or self.frames_per_batch < 1:
            raise InvalidJob("inversion steps, evaluations and frames per batch are at least 1")


@dataclass(frozen=True)
class EditSettings:
    """How a shot is edited.

    Attributes
    ----------
    prompt, negative_prompt, source_prompt
        What to make of the shot, what to avoid, and what it shows (the prompt of the inversion).
    method
        ``tokenflow``, or one of the comparisons ``per-frame``, ``first-frame`` and
        ``joint-attention``.
    technique
        ``pnp`` injects the plate's attention and features; ``sdedit`` starts later and injects
        nothing; ``controlnet`` injects nothing either and leaves the structure to the model's
        `controls`, from the inversion on.
    mode
        ``paper``, or ``released``: the authors' code, number by number; for ``tokenflow`` only.
    guidance
        Weight of the prompt against the negative prompt; at 1 the negative prompt is not evaluated.
    steps
        Length of the time grid.
    keyframe_interval
        Frames per block, one keyframe in each.
    keyframes
        ``random``: drawn anew at each step; ``fixed``: once.
    seed
        Key of the keyframe draws.
    qk_threshold, conv_threshold
        Share of the steps, from the noisiest on, in which queries and keys, and the convolution,
        are injected (``pnp``).
    start
        Share of the steps that are run (``sdedit``).
    weights
        Blend of the two neighbouring keyframes: ``sigmoid`` of the distances as in the paper, or
        ``linear``.
    frames_per_batch, keyframes_per_batch
        Frames that go through the UNet together at most, in the propagation and in the keyframe
        pass. They bound the memory and leave the result unchanged up to rounding.
    """

    prompt: str = ""
    negative_prompt: str = ""
    source_prompt: str = ""
    method: Literal["tokenflow", "per-frame", "first-frame", "joint-attention"] = "tokenflow"
    technique: Literal["pnp", "sdedit", "controlnet"] = "pnp"
    mode: Literal["paper", "released"] = "paper"
    guidance: float = 7.5
    steps: int = 50
    keyframe_interval: int = 8
    keyframes: Literal["random", "fixed"] = "random"
    seed: int = 1
    qk_threshold: float = 0.5
    conv_threshold: float = 0.8
    start: float = 0.9
    weights: Literal["sigmoid", "linear"] = "sigmoid"
    frames_per_batch: int = 8
    keyframes_per_batch: int = 4

    def __post_init__(self) -> None:
        if min(self.steps, self.keyframe_interval) < 1:
            raise InvalidJob("steps and keyframe interval are at least 1")
        if min(self.frames_per_batch, self.keyframes_per_batch) < 1:
            raise InvalidJob("a batch has at least one frame")
        if not all(0 <= x <= 1 for x in (self.qk_threshold, self.conv_threshold, self.start)):
            raise InvalidJob("injection thresholds and start lie between 0 and 1")
        if self.mode == "released" and self.method != "tokenflow":
            raise InvalidJob(
                f"mode released exists for the method tokenflow only, not for {self.method}",
                hint="Use mode paper.",
            )
        if self.mode == "released" and self.keyframes == "fixed":
            raise InvalidJob("mode released draws its keyframes anew at each step")
        if self.mode == "released" and self.technique == "controlnet":
            raise InvalidJob("mode released has no technique controlnet", hint="Use mode paper.")

    @property
    def guided(self) -> bool:
        """Whether the negative prompt is evaluated."""
        return self.guidance != 1

    @property
    def without_batches(self) -> EditSettings:
        """What the edit depends on: the same settings, whatever the batches."""
        return replace(self, frames_per_batch=1, keyframes_per_batch=1)

    @property
    def qk_steps(self) -> int:
        """Number of steps, from the noisiest on, with injected queries and keys."""
        return int(self.steps * self.qk_threshold) if self.technique == "pnp" else 0

    @property
    def conv_steps(self) -> int:
        """Number of steps, from the noisiest on, with an injected convolution."""
        return int(self.steps * self.conv_threshold) if self.technique == "pnp" else 0
