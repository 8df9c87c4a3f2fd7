"""Editing a stretch of a shot anew, so that it grows out of the earlier edit around it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from .attention import PassState, Site
from .denoising import StepPlan
from .editor import EditReport, EditRun, text_states
from .host_memory import HostMemory
from .injection import installed
from .joint_keys import KeptKeys
from .keyframe_pass import keyframe_pass
from .keyframe_tokens import KeyframeTokens, by_part
from .latents import CLEAN, LatentStack, Trajectory
from .model import Model, Progress, no_progress
from .unet_walk import check_layout
from .versions import Drawing, Layers, StepKeyframes, Stretch, Version

#: What a pass yields: frames, and their prediction `(parts, frames, channels, h, w)` if they are
#: denoised by it.
Predicted = tuple[Sequence[int], torch.Tensor | None]


@torch.inference_mode()
def reedit(
    model: Model,
    trajectory: Trajectory,
    x0: LatentStack,
    version: Version,
    progress: Progress = no_progress,
    scratch: Path | None = None,
) -> EditReport:
    """Edit the frames of a version that has a base; nothing else is written.

    Goes on after a crash as `edit` does. With the settings of the base it gives the base's latents.

    Parameters
    ----------
    trajectory, x0
        The whole shot, inverted and clean, as for the base.
    version
        Its `out` takes the edit; its base is complete.
    progress, scratch
        As for `edit`.

    Raises
    ------
    NonFiniteResult
        Naming frame and step where the model makes NaN or infinite values.
    """
    check_layout(model.unet)
    out = version.out
    rules = Stretch(Drawing(version, model.schedule))
    if version.base is None or out.timesteps != (*rules.timesteps, CLEAN):
        raise ValueError("the output's levels are not those of the edit, or it has no base")
    state = PassState()
    folder = scratch or out.folder / "scratch"
    with HostMemory(folder, model.device) as memory, installed(model.unet, state) as sites:
        run = _Reedit(model, version, rules, trajectory, state, sites, memory)
        run.begin(x0)
        run.steps(progress)
    if scratch is None:
        shutil.rmtree(folder, ignore_errors=True)
    return EditReport.of(rules, run.samples)


def reedit_samples(version: Version, drawing: Drawing) -> int:
    """Count the UNet samples of a re-edit; padding of batches is left out of the first pass."""
    parts = 3 if version.settings.guided else 2
    rules = Stretch(drawing)
    total = 0
    for step, timestep in enumerate(rules.timesteps):
        for each in drawing.with_bases:
            edited = each.keyframes(timestep).batches(version.settings.keyframes_per_batch)
            total += sum(map(len, edited))
        total += sum(batch.size for batch in rules.plan(step).batches)
    return parts * total


class _Kept(NamedTuple):
    """What the first pass of a version leaves for those that continue it."""

    keyframes: StepKeyframes
    tokens: KeyframeTokens
    keys: KeptKeys


class _Reedit(EditRun):
    """One re-edit under way."""

    def __init__(
        self,
        model: Model,
        version: Version,
        rules: Stretch,
        trajectory: Trajectory,
        state: PassState,
        sites: Sequence[Site],
        memory: HostMemory,
    ) -> None:
        super().__init__(
            model, version.settings, rules, trajectory, version.out, state, sites, memory
        )
        self.version = version
        self.drawing = rules.drawing
        self.layers = Layers(version, trajectory)
        self.texts: dict[int, torch.Tensor] = {}

    def _batches(self, step: int, plan: StepPlan) -> int:
        batches, drawing = len(plan.batches), self.drawing.with_bases
        for each in drawing:
            keyframes = each.keyframes(self.rules.timesteps[step])
            batches += len(keyframes.batches(self.settings.keyframes_per_batch))
        return batches

    def _first_pass(self, step: int, plan: StepPlan) -> Iterator[Predicted]:
        below: _Kept | None = None
        for depth, drawing in enumerate(reversed(self.drawing.with_bases)):
            timestep = self.rules.timesteps[step]
            below = self._kept(drawing.keyframes(timestep), below, f"version {depth} ")
            yield from self._edit_keyframes(drawing, timestep, below)

    def _kept(self, keyframes: StepKeyframes, below: _Kept | None, name: str) -> _Kept:
        """Make room for a version's keyframes, those of its base taken over as they are."""
        count, own = len(keyframes.frames), keyframes.places(keyframes.own)
        tokens = KeyframeTokens(self.memory, count, len(self.text), own=own, name=name)
        keys = KeptKeys(self.memory, count, own, name)
        if below is not None:
            pinned = [frame for frame in keyframes.frames if frame not in keyframes.own]
            here, there = keyframes.places(pinned), below.keyframes.places(pinned)
            tokens.take(below.tokens, list(zip(here, there, strict=True)))
            keys.take(below.keys, list(zip(here, there, strict=True)))
        return _Kept(keyframes, tokens, keys)

    def _edit_keyframes(self, drawing: Drawing, timestep: int, kept: _Kept) -> Iterator[Predicted]:
        """Edit a version's own keyframes, which attend to the pinned ones as well."""
        state, version, parts = self.state, drawing.version, len(self.text)
        step, keyframes = drawing.step(timestep), kept.keyframes.frames
        # A version that begins at less noise injects nothing before it has begun.
        state.inject_qk = 0 <= step < version.settings.qk_steps
        state.inject_conv = 0 <= step < version.settings.conv_steps
        state.tokens = kept.tokens
        latents = Layers(version, self.trajectory)

        def samples(numbers: range) -> torch.Tensor:
            frames = [keyframes[i] for i in numbers]
            edited = self._to_unet(latents.read(timestep, frames))
            source = self._to_unet(self.trajectory.at(timestep).read(frames))
            return torch.cat([source, *[edited] * (parts - 1)])

        passed = keyframe_pass(
            self.model.unet,
            self.sites,
            state,
            samples,
            len(keyframes),
            timestep,
            self._text_of(version),
            self.memory,
            self.settings.keyframes_per_batch,
            kept.keys,
            controls=self.model.controls,
            frames=keyframes,
        )
        for numbers, prediction in passed:
            frames = [keyframes[i] for i in numbers]
            self.samples += parts * len(frames)
            yield frames, by_part(prediction, parts) if version is self.version else None

    def _text_of(self, version: Version) -> torch.Tensor:
        if id(version) not in self.texts:
            self.texts[id(version)] = text_states(self.model, version.settings)
        return self.texts[id(version)]

    def _latents(self, place: Trajectory, step: int, frames: Sequence[int]) -> torch.Tensor:
        if place is not self.out:
            return super()._latents(place, step, frames)
        # Some batches hold frames of the base beside those that are made anew.
        return self._to_unet(self.layers.read(self.rules.timesteps[step], frames))

    def _to_unet(self, latents: torch.Tensor) -> torch.Tensor:
        return latents.to(self.model.device, self.model.dtype)

    def _denoise(
        self, step: int, frames: Sequence[int], prediction: torch.Tensor, target: LatentStack
    ) -> None:
        inside = [number for number, frame in enumerate(frames) if frame in self.version.own]
        frames = [frames[number] for number in inside]
        super()._denoise(step, frames, prediction[:, inside], target)
