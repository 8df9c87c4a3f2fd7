"""Mode ``paper``: TokenFlow as published (arXiv 2307.10373), and the methods for comparison."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tokenflow.errors import InvalidJob

from .batches import around_keyframes, in_order
from .denoising import StepPlan
from .keyframes import draw_keyframes
from .latents import LatentStack, Trajectory
from .propagation import Neighbours, neighbours
from .schedule import NoiseSchedule, next_levels
from .settings import EditSettings

#: Beyond this, joint attention of all frames would need a window, which would be another method.
JOINT_FRAMES = 48


class PerFrame:
    """Plug-and-play (arXiv 2211.12572) or SDEdit on every frame by itself."""

    source_propagated = False

    def __init__(
        self, settings: EditSettings, schedule: NoiseSchedule, frames: Sequence[int]
    ) -> None:
        self.settings = settings
        self.schedule = schedule
        self.frames = tuple(sorted(frames))
        self.timesteps = kept_timesteps(settings, schedule)
        self._next = next_levels(self.timesteps)

    def start(self, trajectory: Trajectory, x0: LatentStack, frame: int) -> torch.Tensor:
        """Begin with the inverted latent itself."""
        return trajectory.at(self.timesteps[0]).read([frame])[0]

    def plan(self, step: int) -> StepPlan:
        """Send all frames through by themselves."""
        return StepPlan(batches=tuple(in_order(self.frames, self.settings.frames_per_batch)))

    def denoise(self, step: int, latents: torch.Tensor, prediction: torch.Tensor) -> torch.Tensor:
        """Take the DDIM step x' = a·x + b·ε."""
        timestep = self.timesteps[step]
        a, b = self.schedule.step(timestep, self._next[timestep])
        return a * latents + b * self.schedule.noise(prediction, latents, timestep)


class JointAttention(PerFrame):
    """All frames are keyframes: extended attention alone."""

    def __init__(
        self, settings: EditSettings, schedule: NoiseSchedule, frames: Sequence[int]
    ) -> None:
        if len(frames) > JOINT_FRAMES:
            raise InvalidJob(
                f"joint attention takes {JOINT_FRAMES} frames at most, and there are {len(frames)}",
                hint="Use the method tokenflow, or fewer frames.",
            )
        super().__init__(settings, schedule, frames)

    def plan(self, step: int) -> StepPlan:
        """Send all frames through together."""
        return StepPlan(keyframes=self.frames)


class FirstFrame(PerFrame):
    """Every frame attends to the first one: cross-frame attention (Text2Video-Zero).

    Khachatryan et al., ICCV 2023, arXiv 2303.13439, eq. 8; for comparison, without its warped
    latents and its background smoothing, which make up a motion that a shot has.
    """

    def plan(self, step: int) -> StepPlan:
        """Send all frames through together; `attention.PassState` says what they attend to."""
        return StepPlan(keyframes=self.frames)


class Paper(PerFrame):
    """One keyframe per block, edited jointly; all other frames come from the two around them."""

    def plan(self, step: int) -> StepPlan:
        """Draw the step's keyframes."""
        settings = self.settings
        interval = settings.keyframe_interval
        drawn = step if settings.keyframes == "random" else 0
        keyframes = draw_keyframes(self.frames, interval, settings.seed, drawn)
        batches = around_keyframes(self.frames, keyframes, interval, settings.frames_per_batch)

        def made_from(frame: int) -> Neighbours:
            return neighbours(frame, keyframes, settings.weights)

        return StepPlan(keyframes, True, tuple(batches), made_from)


def kept_timesteps(settings: EditSettings, schedule: NoiseSchedule) -> tuple[int, ...]:
    """Give the timesteps that are run: all; for SDEdit the last round(start · n), at least one."""
    grid = schedule.timesteps(settings.steps)
    if settings.technique != "sdedit":
        return grid
    return grid[-max(1, round(settings.start * settings.steps)) :]
