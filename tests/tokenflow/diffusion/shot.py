"""A shot of random latents on disk, and one call to edit or invert it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tokenflow.diffusion.editor import EditReport, edit, edit_levels, edited_frames
from tokenflow.diffusion.inversion import InversionReport, inversion_levels, invert
from tokenflow.diffusion.latents import CLEAN, LatentStack, Trajectory
from tokenflow.diffusion.model import Model, Progress, no_progress
from tokenflow.diffusion.settings import EditSettings, InversionSettings


class Shot:
    """Frames with random latents: neighbours alike, and the same for the same frame number."""

    def __init__(
        self, model: Model, folder: Path, frames: Sequence[int], size: tuple[int, int]
    ) -> None:
        self.model, self.folder = model, folder
        self.frames = tuple(frames)
        self.shape = (model.latent_channels, size[1], size[0])
        self.x0 = LatentStack(folder / "x0", self.frames, self.shape, model.latent_dtype)
        self.x0.write(self.frames, torch.stack([self.clean(frame) for frame in self.frames]))
        self.x0.finish()
        self._edits = 0

    def clean(self, frame: int) -> torch.Tensor:
        """Latent of a frame: a pattern that the frames share, and a little of its own."""
        return self._random(1) + 0.4 * self._random(1000 + frame)

    def source(self, timestep: int) -> torch.Tensor:
        """Stand-in for the inverted latents at a timestep: `(frames, channels, h, w)`."""
        noise = torch.stack([self._random(5000 + 7 * frame + timestep) for frame in self.frames])
        clean = torch.stack([self.clean(frame) for frame in self.frames])
        return 0.5 * clean + 0.7 * self._random(2) + 0.3 * noise

    def trajectory(self, settings: EditSettings, *extra: int) -> Trajectory:
        """Give the inverted shot at the edit's timesteps and at `extra` ones."""
        grid = self.model.schedule.timesteps(settings.steps)
        levels = tuple(sorted({*grid, *extra}))
        made = Trajectory(
            self.folder / f"source {levels}", levels, self.frames, self.shape, self.x0.dtype
        )
        for level in levels:
            if not made.at(level).complete:
                made.at(level).write(self.frames, self.source(level))
                made.at(level).finish()
        return made

    def output(self, settings: EditSettings) -> Trajectory:
        """Give an empty place for an edit."""
        self._edits += 1
        return Trajectory(
            self.folder / f"edit {self._edits}",
            edit_levels(self.model.schedule, settings),
            edited_frames(settings, self.frames),
            self.shape,
            self.x0.dtype,
        )

    def edit(
        self, settings: EditSettings, out: Trajectory | None = None, *extra: int
    ) -> tuple[torch.Tensor, EditReport]:
        """Edit the shot; give all levels `(levels, frames, channels, h, w)` and the report."""
        out = out or self.output(settings)
        report = edit(self.model, self.trajectory(settings, *extra), self.x0, out, settings)
        return levels_of(out), report

    def invert(
        self,
        settings: InversionSettings,
        keep: Sequence[int] | None = None,
        prompt: str = "a ball",
        progress: Progress = no_progress,
        folder: str = "inversion",
    ) -> tuple[Trajectory, InversionReport]:
        """Invert the shot, keeping all timesteps or those in `keep`."""
        if keep is None:
            keep = inversion_levels(
                self.model.schedule, EditSettings(steps=settings.steps), settings
            )
        out = Trajectory(self.folder / folder, keep, self.frames, self.shape, self.x0.dtype)
        return out, invert(self.model, self.x0, out, settings, prompt, progress)

    def _random(self, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(self.shape, generator=generator, dtype=torch.float64).to(self.x0_dtype)

    @property
    def x0_dtype(self) -> torch.dtype:
        """Number type of the latents."""
        return self.model.latent_dtype


def levels_of(out: Trajectory) -> torch.Tensor:
    """Latents of all frames at all levels: `(levels, frames, channels, h, w)`."""
    return torch.stack([out.at(level).read(out.frames) for level in out.timesteps])


def final(out: Trajectory) -> torch.Tensor:
    """Latents of all frames without noise."""
    return out.at(CLEAN).read(out.frames)


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Relative distance over the whole tensor, in float64."""
    theirs = theirs.double()
    return float((ours.double() - theirs).norm() / theirs.norm())
