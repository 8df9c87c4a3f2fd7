"""DDIM inversion: from clean latents to the noise that leads back to them.

`plain` is inversion as published: the noise of the old latent stands for that of the new one.
`fixed-point` solves x_t = a·x_{t⁻} + b·ε(x_t, t) by iteration (ReNoise, Garibi et al., arXiv
2403.14602; AIDI, Pan et al., arXiv 2309.04907), begun at the latent that the previous step's noise
leads to, which costs no evaluation.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

import torch

from tokenflow.errors import InvalidJob, NonFiniteResult

from .batches import in_order
from .control import predict
from .latents import CLEAN, LatentStack, Trajectory, level_name
from .model import Model, Progress, no_progress
from .ranks import ALONE, Ranks
from .released import step_through_x0
from .schedule import NoiseSchedule
from .settings import RESIDUAL_TOLERANCE, EditSettings, InversionSettings
from .text import encode_prompt


class Residual(NamedTuple):
    """Distance ‖guess − x_t‖/‖x_t‖ between where the noise was evaluated last and where it belongs.

    Mean over the frames, and the worst frame.
    """

    mean: float
    worst: float


@dataclass(frozen=True)
class InversionReport:
    """What an inversion did.

    Attributes
    ----------
    residuals
        Of every timestep; those that an earlier run had finished are absent.
    samples
        UNet samples evaluated, padding included.
    """

    residuals: dict[int, Residual] = field(default_factory=dict)
    samples: int = 0


def inversion_levels(
    schedule: NoiseSchedule, settings: EditSettings, inversion: InversionSettings
) -> tuple[int, ...]:
    """Give the noise levels that an inversion has to keep for an edit, ascending.

    Those of the edit's grid; in mode ``released`` also the noisiest, from which the edit takes its
    noise.
    """
    levels = set(schedule.timesteps(settings.steps))
    if settings.mode == "released":
        levels.add(max(schedule.timesteps(inversion.steps)))
    return tuple(sorted(levels))


@torch.inference_mode()
def invert(
    model: Model,
    x0: LatentStack,
    out: Trajectory,
    settings: InversionSettings,
    prompt: str = "",
    progress: Progress = no_progress,
    ranks: Ranks = ALONE,
) -> InversionReport:
    """Invert a shot.

    Called again after a crash it goes on at the first timestep that was not finished, with the same
    result.

    Parameters
    ----------
    x0
        Clean latents.
    out
        Takes the latents at its timesteps, all of which must lie on the grid of `settings`.
    prompt
        What the shot shows; may be empty, but a describing sentence inverts better.
    progress
        Told after every UNet batch; what it raises ends the inversion.
    ranks
        Those that do it together: all call this with the same arguments, each with its own model.

    Raises
    ------
    InvalidJob
        If the grid lacks a timestep of `out`.
    NonFiniteResult
        Naming frame and timestep where the model makes NaN or infinite values.
    """
    if out.complete:
        return InversionReport()
    schedule = model.schedule
    grid = schedule.timesteps(settings.steps)[::-1]
    missing = sorted(set(out.timesteps).difference(grid))
    if missing:
        raise InvalidJob(
            f"an inversion of {settings.steps} steps does not pass the edit's timesteps {missing}",
            hint="Use as many inversion steps as edit steps, or a multiple.",
        )
    run = _Inversion(model, schedule, x0, out, settings, encode_prompt(model, prompt), ranks)
    run.steps([t for t in grid if t <= max(out.timesteps)], progress)
    samples = sum(ranks.gathered(run.samples))
    if ranks.leads:
        shutil.rmtree(run.scratch, ignore_errors=True)
    return InversionReport(run.residuals, samples)


class _Inversion:
    """One inversion under way."""

    def __init__(
        self,
        model: Model,
        schedule: NoiseSchedule,
        x0: LatentStack,
        out: Trajectory,
        settings: InversionSettings,
        text: torch.Tensor,
        ranks: Ranks,
    ) -> None:
        self.ranks = ranks
        if not ranks.alone:
            out.share()
        self.model, self.schedule, self.settings = model, schedule, settings
        self.x0, self.out = x0, out
        self.text = text.expand(settings.frames_per_batch, -1, -1)
        self.plain = settings.scheme == "plain"
        self.rounds = 1 if self.plain else settings.evaluations
        self.scratch = out.folder / "scratch"
        self.residuals: dict[int, Residual] = {}
        self.samples = 0

    def steps(self, grid: Sequence[int], progress: Progress) -> None:
        """Climb the grid from the highest level that is known together with the one below it."""
        stacks = [self.x0, *(self._stack(t) for t in grid)]
        levels = (CLEAN, *grid)
        known = max(
            n for n in range(len(levels)) if all(s.complete for s in stacks[max(0, n - 1) : n + 1])
        )
        batches = [*in_order(self.x0.frames, self.settings.frames_per_batch)]
        per_level = self.rounds * len(self.ranks.dealt(batches))
        for number in range(known + 1, len(levels)):
            done = (number - 1) * per_level
            first = max(0, number - 2)
            for _ in self._climb(levels[first : number + 1], stacks[first : number + 1]):
                done += 1
                progress(done, per_level * len(grid))
            if self.ranks.leads:
                stacks[number].finish()
            self.ranks.wait()
            if number >= 2:
                self._leave(levels[number - 2], stacks[number - 2])

    def _climb(self, levels: Sequence[int], stacks: Sequence[LatentStack]) -> Iterator[None]:
        """Solve one step for all frames: the last level, of which one or two below are known."""
        timestep, target = levels[-1], stacks[-1]
        pending: Sequence[int] = self.x0.frames
        last: dict[int, float] = {}
        # Next to the plate the noise is small, and one evaluation is always enough.
        rounds = 1 if len(levels) == 2 else self.rounds
        for round_number in range(rounds):
            own: dict[int, float] = {}
            batches = [*in_order(pending, self.settings.frames_per_batch)]
            for batch in self.ranks.dealt(batches):
                frames = batch.padded
                below = stacks[-2].read(frames).to(self.model.device)
                if round_number == 0:
                    guess = self._first_guess(levels, stacks, frames, below)
                else:
                    guess = target.read(frames).to(self.model.device)
                latents = self._evaluate(frames, levels[-2], timestep, below, guess)
                _check_finite(frames, latents, timestep)
                own.update(zip(frames, _distances(guess, latents), strict=True))
                target.write(batch.frames, latents[: len(batch.frames)])
                yield
            for found in self.ranks.gathered(own):
                last.update(found)
            pending = [frame for frame in pending if not _solved(last[frame])]
        self.residuals[timestep] = Residual(fmean(last.values()), max(last.values()))

    def _first_guess(
        self,
        levels: Sequence[int],
        stacks: Sequence[LatentStack],
        frames: Sequence[int],
        below: torch.Tensor,
    ) -> torch.Tensor:
        """Go on along the noise of the step before, which the two latents below still tell."""
        if self.plain or len(levels) == 2:
            return below
        a, b = self.schedule.step(levels[0], levels[1])
        if b == 0:
            return below
        noise = (below - a * stacks[0].read(frames).to(below)) / b
        a, b = self.schedule.step(levels[1], levels[2])
        return a * below + b * noise

    def _evaluate(
        self,
        frames: Sequence[int],
        level: int,
        timestep: int,
        below: torch.Tensor,
        guess: torch.Tensor,
    ) -> torch.Tensor:
        """Latents at `timestep` if the noise there is the one at `guess`."""
        model, given = self.model, guess.to(self.model.dtype)
        prediction = predict(model.unet, given, timestep, self.text, model.controls, frames)
        self.samples += len(guess)
        noise = self.schedule.noise(prediction, guess, timestep)
        if self.plain:
            return step_through_x0(self.schedule, below, noise, level, timestep)
        a, b = self.schedule.step(level, timestep)
        return a * below + b * noise

    def _stack(self, timestep: int) -> LatentStack:
        if timestep in self.out.timesteps:
            return self.out.at(timestep)
        folder = self.scratch / level_name(timestep)
        stack = LatentStack(folder, self.out.frames, self.out.shape, self.out.dtype)
        stack.shared = not self.ranks.alone
        return stack

    def _leave(self, timestep: int, stack: LatentStack) -> None:
        """Close a level that no later step needs, and delete it if nobody asked for it."""
        stack.close()
        if self.ranks.leads and timestep != CLEAN and timestep not in self.out.timesteps:
            stack.discard()


def _solved(residual: float) -> bool:
    return residual < RESIDUAL_TOLERANCE


def _distances(guess: torch.Tensor, latents: torch.Tensor) -> list[float]:
    """Distance of the guess of every frame, relative to the frame's latents."""
    distance = (guess - latents).flatten(1).norm(dim=1) / latents.flatten(1).norm(dim=1)
    return [float(one) for one in distance]


def _check_finite(frames: Sequence[int], latents: torch.Tensor, timestep: int) -> None:
    finite = latents.flatten(1).isfinite().all(dim=1).tolist()
    for frame, good in zip(frames, finite, strict=True):
        if not good:
            raise NonFiniteResult(
                f"the inversion made NaN or infinite latents: frame {frame}, timestep {timestep}",
                hint="Try float32 or bfloat16.",
                frame=frame,
            )
