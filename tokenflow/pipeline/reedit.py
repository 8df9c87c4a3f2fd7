"""The latents of a re-edit: a stretch made anew upon the latents of the earlier edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from tokenflow.diffusion.editor import EditReport, edit_levels, edited_frames
from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.paper import Paper
from tokenflow.diffusion.reedit import reedit_samples
from tokenflow.diffusion.schedule import NoiseSchedule
from tokenflow.diffusion.settings import EditSettings
from tokenflow.diffusion.versions import Drawing, Stretch, Version
from tokenflow.job import EditJob
from tokenflow.pipeline.base import Earlier, stretch
from tokenflow.pipeline.deflicker import Steadying
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.settings import edit_settings
from tokenflow.workspace import Workspace, content_key

Read = Callable[[Sequence[int]], torch.Tensor]
"""Gives latents of frames, `(frames, channels, h, w)`."""


@dataclass(frozen=True)
class Stored:
    """A version, and the key under which the workspace has it, or is to have it."""

    version: Version
    key: str
    base: Stored | None = None

    @property
    def chain(self) -> tuple[Stored, ...]:
        """It and those below it, the lowest first."""
        return (*self.base.chain, self) if self.base else (self,)

    def report(self, schedule: NoiseSchedule) -> EditReport:
        """Report the edit by its rules, which alone decide about the keyframes."""
        version = self.version
        if version.base is None:
            return EditReport.of(Paper(version.settings, schedule, version.shot))
        return EditReport.of(Stretch(Drawing(version, schedule)))


def edit_key(before: str, settings: EditSettings) -> str:
    """Key of the edit of a whole shot."""
    return content_key(before, asdict(settings.without_batches))


def stored_version(plan: Plan, workspace: Workspace, inverted: str) -> Stored:
    """Name the versions of a re-edit, itself on top.

    Parameters
    ----------
    inverted
        Key of the inversion, which all of them share.
    """
    assert plan.earlier is not None
    base = _earlier_version(plan, plan.earlier, workspace, inverted)
    return _upon(plan, base, plan.job, plan.again, workspace)


def _earlier_version(plan: Plan, earlier: Earlier, workspace: Workspace, inverted: str) -> Stored:
    job = earlier.job
    if earlier.base is None:
        settings = edit_settings(job)
        key = edit_key(inverted, settings)
        frames = edited_frames(settings, plan.numbers)
        return Stored(Version(settings, _place(plan, settings, workspace, key, frames)), key)
    base = _earlier_version(plan, earlier.base, workspace, inverted)
    assert job.base is not None and job.range.frames is not None
    interval = job.edit.keyframe_interval
    again, _ = stretch(plan.numbers, job.range.frames, interval, job.base.blend)
    return _upon(plan, base, job, again, workspace)


def _upon(
    plan: Plan, base: Stored, job: EditJob, again: Sequence[int], workspace: Workspace
) -> Stored:
    settings = edit_settings(job)
    key = content_key(base.key, "stretch", list(again), asdict(settings.without_batches))
    out = _place(plan, settings, workspace, key, again)
    return Stored(Version(settings, out, base.version), key, base)


def _place(
    plan: Plan, settings: EditSettings, workspace: Workspace, key: str, frames: Sequence[int]
) -> Trajectory:
    levels = edit_levels(plan.schedule, settings)
    return Trajectory(workspace.place("edit", key), levels, frames, plan.latent_shape)


def samples_of(plan: Plan, version: Version) -> int:
    """Count the UNet samples of a re-edit."""
    return reedit_samples(version, Drawing(version, plan.schedule))


def with_handles(plan: Plan) -> tuple[int, ...]:
    """Give the frames that a re-edit decodes: those made anew, and what steadying sees round them.

    Raises no question of chunks: a filter's frame depends on the frames within its window alone.
    """
    if plan.job.model.decoder == "temporal":
        return plan.numbers  # it looks along the shot by itself
    if plan.job.deflicker.strength == "off":
        return plan.again
    asked = Steadying.of(plan)
    place = {frame: index for index, frame in enumerate(asked.shot)}
    radius, found = asked.settings.strength.radius, set(plan.again)
    for frame in plan.again:
        if frame in place:
            index = place[frame]
            found.update(asked.shot[max(0, index - radius) : index + radius + 1])
    return tuple(sorted(found))


def kept(folder: Path, frames: Sequence[int], read: Read, shape: Sequence[int]) -> LatentStack:
    """Keep the latents of some frames as a stack of their own."""
    stack = LatentStack(folder, frames, shape)
    if not stack.complete:
        for frame in frames:
            stack.write([frame], read([frame]))
        stack.finish()
    return stack
