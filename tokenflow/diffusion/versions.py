"""Versions of a shot's edit: the whole, and stretches made anew upon an earlier one.

A stretch grows out of what lies around it. At every step the keyframes outside are pinned: they are
those that the earlier version drew, with its latents, and the pass that edited them is repeated to
the bit. Inside, keyframes are drawn anew, attend to the pinned ones, and are never seen by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import torch

from .batches import around_keyframes
from .denoising import StepPlan
from .keyframe_pass import micro_batches
from .keyframes import STRETCH_DRAW, draw_keyframes, uniform
from .latents import LatentStack, Trajectory
from .paper import Paper, kept_timesteps
from .propagation import Neighbours, neighbours
from .schedule import NoiseSchedule
from .settings import EditSettings


@dataclass(frozen=True)
class Version:
    """One version of an edit.

    Attributes
    ----------
    settings
        How its own frames were edited, or are to be.
    out
        Latents of its own frames: all of the shot, or those of the stretch.
    base
        The version that a stretch continues; None for an edit of the whole shot.
    """

    settings: EditSettings
    out: Trajectory
    base: Version | None = None

    @cached_property
    def own(self) -> frozenset[int]:
        """The frames that this version made."""
        return frozenset(self.out.frames)

    @property
    def shot(self) -> tuple[int, ...]:
        """All frames of the shot."""
        return self.out.frames if self.base is None else self.base.shot

    @property
    def continues_unchanged(self) -> bool:
        """Whether it asks for just what its base did."""
        if self.base is None:
            return False
        return self.settings.without_batches == self.base.settings.without_batches

    def stack(self, frame: int, timestep: int) -> LatentStack | None:
        """Give the latents of the version that made a frame last.

        None at levels noisier than it began with: there it is the source.
        """
        if frame not in self.own:
            assert self.base is not None
            return self.base.stack(frame, timestep)
        return self.out.at(timestep) if timestep in self.out.timesteps else None


@dataclass(frozen=True)
class StepKeyframes:
    """The keyframes of one version in one step.

    Attributes
    ----------
    frames
        All of them, ascending.
    own
        Those that the version edits itself; the others are its base's, pinned.
    """

    frames: tuple[int, ...]
    own: tuple[int, ...]

    def batches(self, limit: int) -> list[range]:
        """Give the micro-batches that hold own ones, by numbers; what else they hold is surplus."""
        return micro_batches(len(self.frames), limit, self.places(self.own))

    def places(self, frames: Sequence[int]) -> list[int]:
        """Places of some of them among all."""
        place = {frame: number for number, frame in enumerate(self.frames)}
        return [place[frame] for frame in frames]


@dataclass
class Drawing:
    """Draws the keyframes of a version and of those below it.

    Parameters
    ----------
    version
        Whose keyframes.
    schedule
        Of the model.
    """

    version: Version
    schedule: NoiseSchedule
    base: Drawing | None = field(init=False)

    def __post_init__(self) -> None:
        base = self.version.base
        self.base = Drawing(base, self.schedule) if base else None

    @property
    def with_bases(self) -> tuple[Drawing, ...]:
        """It and those below it, down to the edit of the whole shot."""
        return (self, *self.base.with_bases) if self.base else (self,)

    def step(self, timestep: int) -> int:
        """Number of a version's own step; negative where it had not begun."""
        settings = self.version.settings
        grid = self.schedule.timesteps(settings.steps)
        skipped = len(grid) - len(kept_timesteps(settings, self.schedule))
        return grid.index(timestep) - skipped

    def keyframes(self, timestep: int) -> StepKeyframes:
        """Draw the keyframes of one step."""
        step, own = self.step(timestep), self.version.own
        drawn = self._drawn(step)
        if self.base is None:
            return StepKeyframes(drawn, drawn)
        pinned = [f for f in self.base.keyframes(timestep).frames if f not in own]
        inside = {frame for frame in drawn if frame in own}
        if not self.version.continues_unchanged:
            inside |= {self._one_of(run, step) for run in self._runs() if inside.isdisjoint(run)}
        return StepKeyframes(tuple(sorted({*pinned, *inside})), tuple(sorted(inside)))

    def _drawn(self, step: int) -> tuple[int, ...]:
        settings = self.version.settings
        number = step if settings.keyframes == "random" else 0
        interval = settings.keyframe_interval
        return draw_keyframes(self.version.shot, interval, settings.seed, number)

    def _runs(self) -> list[tuple[int, ...]]:
        """Stretches of the version's own frames that follow each other in the shot."""
        grouped = groupby(self.version.shot, key=lambda frame: frame in self.version.own)
        return [tuple(frames) for inside, frames in grouped if inside]

    def _one_of(self, run: Sequence[int], step: int) -> int:
        """Draw a keyframe for a stretch that would have none: new words need one to enter by."""
        settings = self.version.settings
        number = step if settings.keyframes == "random" else 0
        return run[int(uniform(settings.seed, STRETCH_DRAW, number, run[0]) * len(run))]


class Stretch(Paper):
    """Rules of a version that continues another: mode ``paper`` among pinned keyframes."""

    def __init__(self, drawing: Drawing) -> None:
        version = drawing.version
        super().__init__(version.settings, drawing.schedule, version.out.frames)
        self.drawing = drawing

    def plan(self, step: int) -> StepPlan:
        """Pin keyframes outside, draw those inside, and leave out batches that need no work."""
        settings, version = self.settings, self.drawing.version
        keyframes = self.drawing.keyframes(self.timesteps[step]).frames
        # The batches of the whole shot: what shares one does not depend on what is made anew.
        batches = around_keyframes(
            version.shot, keyframes, settings.keyframe_interval, settings.frames_per_batch
        )

        def made_from(frame: int) -> Neighbours:
            return neighbours(frame, keyframes, settings.weights)

        touched = tuple(one for one in batches if not version.own.isdisjoint(one.frames))
        return StepPlan(keyframes, True, touched, made_from)


class Layers:
    """The latents of a version with those of its base around them, as a trajectory is read.

    Parameters
    ----------
    version
        The one on top.
    source
        The inverted shot.
    """

    def __init__(self, version: Version, source: Trajectory) -> None:
        self.version, self.source = version, source

    def read(self, timestep: int, frames: Sequence[int]) -> torch.Tensor:
        """Copy latents at a level into memory: `(len(frames), *shape)`."""
        latents = []
        for frame in frames:
            stack = self.version.stack(frame, timestep) or self.source.at(timestep)
            latents.append(stack.read([frame]))
        return torch.cat(latents)
