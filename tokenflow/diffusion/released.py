"""Mode ``released``: the authors' code (``omerbt/TokenFlow``), number by number.

Where the published method and the code differ, this is the code: blocks count positions in the
shot, the tail that fills no block is dropped, keyframes are denoised with all other frames, a frame
is made from the keyframes of its own and the previous block, weighted by the distances to the
blocks' centres, and the source is overwritten too. Coefficients are float32 numbers, and a step
goes through x0, as there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tokenflow.errors import InvalidJob

from .batches import Batch
from .denoising import StepPlan
from .latents import LatentStack, Trajectory
from .propagation import Neighbours
from .schedule import NoiseSchedule, next_levels
from .settings import EditSettings


class Released:
    """The rules of the released code."""

    source_propagated = True

    def __init__(
        self,
        settings: EditSettings,
        schedule: NoiseSchedule,
        frames: Sequence[int],
        noisiest: int,
    ) -> None:
        interval = settings.keyframe_interval
        self.frames = whole_blocks(frames, interval)
        count = len(self.frames) // interval
        self.timesteps = released_timesteps(settings, schedule)
        self._settings = settings
        self._schedule = schedule
        self._next = next_levels(self.timesteps)
        self._noisiest = noisiest
        generator = torch.Generator().manual_seed(settings.seed)
        self._draws = [
            torch.randint(interval, (count,), generator=generator).tolist() for _ in self.timesteps
        ]

    def start(self, trajectory: Trajectory, x0: LatentStack, frame: int) -> torch.Tensor:
        """Recover the noise of the noisiest kept latent and add it to x0 at the first timestep."""
        clean = x0.read([frame])[0]
        noisy = trajectory.at(self._noisiest).read([frame])[0]
        alpha = self._schedule.alphas_cumprod[self._noisiest]
        noise = (noisy - alpha.sqrt() * clean) / (1 - alpha).sqrt()
        # Here, and only here, the code widens ᾱ before it takes the roots.
        alpha = self._schedule.alphas_cumprod.to(clean.dtype)[self.timesteps[0]]
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise

    def plan(self, step: int) -> StepPlan:
        """Take one keyframe at random in every block of positions."""
        interval = self._settings.keyframe_interval
        draws = self._draws[step]
        keyframes = tuple(self.frames[block * interval + draw] for block, draw in enumerate(draws))
        position = {frame: i for i, frame in enumerate(self.frames)}
        limit = self._settings.frames_per_batch
        batches = [
            Batch(self.frames[start : min(start + limit, end)], min(limit, interval))
            for end in range(interval, len(self.frames) + 1, interval)
            for start in range(end - interval, end, limit)
        ]

        def made_from(frame: int) -> Neighbours:
            return block_neighbours(position[frame], interval)

        return StepPlan(keyframes, False, tuple(batches), made_from)

    def denoise(self, step: int, latents: torch.Tensor, prediction: torch.Tensor) -> torch.Tensor:
        """Take the DDIM step through x0, in the order of diffusers' scheduler."""
        timestep = self.timesteps[step]
        noise = self._schedule.noise(prediction, latents, timestep)
        return step_through_x0(self._schedule, latents, noise, timestep, self._next[timestep])


def whole_blocks(frames: Sequence[int], interval: int) -> tuple[int, ...]:
    """Drop the tail of a shot that does not fill a block.

    Raises
    ------
    InvalidJob
        If the shot is shorter than one block.
    """
    if len(frames) < interval:
        raise InvalidJob(
            f"mode released needs at least {interval} frames, one keyframe interval",
            hint="Use mode paper.",
        )
    return tuple(sorted(frames))[: len(frames) // interval * interval]


def block_neighbours(position: int, interval: int) -> Neighbours:
    """Give the keyframes of a frame's own and the previous block, and the weight of its own.

    The distances are those to the centres of the blocks, whatever frames were drawn; float32 as in
    the code.
    """
    block = position // interval
    if block == 0:
        return Neighbours(0, 0, 1.0)
    own = abs(position - (block * interval + interval // 2))
    previous = abs(position - ((block - 1) * interval + interval // 2))
    share = torch.tensor(previous, dtype=torch.float32) / (own + previous)
    return Neighbours(block - 1, block, float(torch.sigmoid(share)))


def step_through_x0(
    schedule: NoiseSchedule, latents: torch.Tensor, noise: torch.Tensor, timestep: int, target: int
) -> torch.Tensor:
    """DDIM step between two levels, either way, with float32 coefficients and rounded at x0."""
    alpha, alpha_target = schedule.alpha(timestep), schedule.alpha(target)
    x0 = (latents - (1 - alpha).sqrt().item() * noise) / alpha.sqrt().item()
    return alpha_target.sqrt().item() * x0 + (1 - alpha_target).sqrt().item() * noise


def released_timesteps(settings: EditSettings, schedule: NoiseSchedule) -> tuple[int, ...]:
    """Timesteps that the released code runs.

    For SDEdit it cuts the grid at the *index* int(1 − start · n), which is negative: one step fewer
    than meant, and all steps where the index rounds to zero.
    """
    grid = schedule.timesteps(settings.steps)
    if settings.technique == "pnp":
        return grid
    return grid[int(1 - settings.start * settings.steps) :]
