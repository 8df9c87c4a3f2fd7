"""Editing a shot: the denoising loop that all methods share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from tokenflow.errors import NonFiniteResult

from .attention import PassState, Site
from .denoising import Rules, StepPlan
from .host_memory import HostMemory
from .injection import installed
from .keyframe_pass import keyframe_pass, micro_batches
from .keyframe_tokens import KeyframeTokens, by_part
from .latents import CLEAN, LatentStack, Trajectory
from .model import Model, Progress, no_progress
from .paper import FirstFrame, JointAttention, Paper, PerFrame, kept_timesteps
from .ranks import ALONE, Ranks
from .released import Released, released_timesteps, whole_blocks
from .schedule import NoiseSchedule
from .second_pass import SecondPass
from .settings import EditSettings
from .source_features import SourceFeatures
from .text import encode_prompt
from .unet_walk import check_layout


@dataclass(frozen=True)
class EditReport:
    """What an edit did.

    Attributes
    ----------
    frames
        The frames that were edited; mode ``released`` drops the tail of a shot.
    keyframes
        Keyframes of every step.
    samples
        UNet samples evaluated, padding included.
    """

    frames: tuple[int, ...]
    keyframes: tuple[tuple[int, ...], ...]
    samples: int = 0

    @classmethod
    def of(cls, rules: Rules, samples: int = 0) -> EditReport:
        """Report an edit by its rules, which alone decide about the keyframes."""
        keyframes = tuple(rules.plan(step).keyframes for step in range(len(rules.timesteps)))
        return cls(rules.frames, keyframes, samples)


def rules_for(
    settings: EditSettings, schedule: NoiseSchedule, frames: Sequence[int], noisiest: int
) -> Rules:
    """Choose the rules of a method and a mode.

    Parameters
    ----------
    schedule
        Of the model.
    frames
        All frames of the job.
    noisiest
        The noisiest timestep of the inversion (mode ``released``).
    """
    if settings.mode == "released":
        return Released(settings, schedule, frames, noisiest)
    methods: dict[str, type[PerFrame]] = {
        "tokenflow": Paper,
        "per-frame": PerFrame,
        "first-frame": FirstFrame,
        "joint-attention": JointAttention,
    }
    return methods[settings.method](settings, schedule, frames)


def edited_frames(settings: EditSettings, frames: Sequence[int]) -> tuple[int, ...]:
    """Give the frames that an edit will have: all, or whole blocks only in mode ``released``."""
    if settings.mode == "paper":
        return tuple(sorted(frames))
    return whole_blocks(frames, settings.keyframe_interval)


def edit_levels(schedule: NoiseSchedule, settings: EditSettings) -> tuple[int, ...]:
    """Give the noise levels of an edit's trajectory, from the noisiest down to `CLEAN`."""
    timesteps = released_timesteps if settings.mode == "released" else kept_timesteps
    return (*timesteps(settings, schedule), CLEAN)


@torch.inference_mode()
def edit(
    model: Model,
    trajectory: Trajectory,
    x0: LatentStack,
    out: Trajectory,
    settings: EditSettings,
    progress: Progress = no_progress,
    scratch: Path | None = None,
    features: SourceFeatures | None = None,
    ranks: Ranks = ALONE,
) -> EditReport:
    """Edit a shot.

    Every finished step stays in `out`: called again after a crash, the edit goes on at the next
    step, with the same result.

    Parameters
    ----------
    trajectory
        The inverted shot: the levels of the edit's time grid, in mode ``released`` also the
        noisiest.
    x0
        The shot's clean latents.
    out
        Takes the edit; its frames are `edited_frames` and its levels `edit_levels`. The edited shot
        is the level `CLEAN`.
    progress
        Told after every UNet batch; what it raises ends the edit.
    scratch
        Folder for what waits during a step; default is one inside `out`, removed at the end.

    features
        What the source contributes to the second pass, for the method ``tokenflow`` in mode
        ``paper``: steps that it holds run in two thirds of the time, the others are added to it.
    ranks
        Those that do it together: all call this with the same arguments, each with its own model.

    Raises
    ------
    CheckpointRejected
        If the UNet has another layout than the engine knows.
    InvalidJob
        If the method does not fit the number of frames.
    NonFiniteResult
        Naming frame and step where the model makes NaN or infinite values.
    """
    check_layout(model.unet)
    rules = rules_for(settings, model.schedule, trajectory.frames, max(trajectory.timesteps))
    if out.frames != rules.frames or out.timesteps != (*rules.timesteps, CLEAN):
        raise ValueError("the output's frames or levels are not those of the edit")
    state = PassState(first_only=settings.method == "first-frame")
    folder = scratch or out.folder / "scratch"
    with HostMemory(folder, model.device) as memory, installed(model.unet, state) as sites:
        run = EditRun(model, settings, rules, trajectory, out, state, sites, memory)
        run.ranks = ranks
        if not ranks.alone:
            out.share()
        if settings.method == "tokenflow" and settings.mode == "paper":
            run.features = features
            if features is not None:
                features.shared = not ranks.alone
        run.begin(x0)
        run.steps(progress)
    samples = sum(ranks.gathered(run.samples))
    if scratch is None and ranks.leads:
        shutil.rmtree(folder, ignore_errors=True)
    return EditReport.of(rules, samples)


def text_states(model: Model, settings: EditSettings) -> torch.Tensor:
    """Text states of source, negative prompt if there is guidance, and prompt.

    Returns
    -------
    torch.Tensor
        `(parts, tokens, width)`.
    """
    prompts = [settings.source_prompt, settings.prompt]
    if settings.guided:
        prompts.insert(1, settings.negative_prompt)
    return torch.stack([encode_prompt(model, prompt) for prompt in prompts])


class EditRun:
    """One edit under way."""

    def __init__(
        self,
        model: Model,
        settings: EditSettings,
        rules: Rules,
        trajectory: Trajectory,
        out: Trajectory,
        state: PassState,
        sites: Sequence[Site],
        memory: HostMemory,
    ) -> None:
        self.model, self.settings, self.rules = model, settings, rules
        self.trajectory, self.out = trajectory, out
        self.state, self.sites, self.memory = state, sites, memory
        self.features: SourceFeatures | None = None
        self.ranks = ALONE
        self.samples = 0
        self.text = text_states(model, settings)
        state.parts = len(self.text)
        state.source_propagated = rules.source_propagated

    def begin(self, x0: LatentStack) -> None:
        """Write the latents at the first timestep."""
        first = self.out.at(self.out.timesteps[0])
        if self.ranks.leads and not first.complete:
            for frame in self.rules.frames:
                first.write([frame], self.rules.start(self.trajectory, x0, frame)[None])
            first.finish()
        self.ranks.wait()

    def steps(self, progress: Progress) -> None:
        """Take all steps that `out` does not hold yet."""
        plans = [self.rules.plan(step) for step in range(len(self.rules.timesteps))]
        work = [self._batches(step, plan) for step, plan in enumerate(plans)]
        done = 0
        for step, plan in enumerate(plans):
            target = self.out.at(self.out.timesteps[step + 1])
            if target.complete:
                done += work[step]
                continue
            for frames, prediction in self._predictions(step, plan):
                if prediction is not None:
                    self._denoise(step, frames, prediction, target)
                done += 1
                progress(done, sum(work))
            self.ranks.wait()
            if self.ranks.leads:
                target.finish()
            self.ranks.wait()
            self.out.at(self.rules.timesteps[step]).close()
            self.trajectory.at(self.rules.timesteps[step]).close()

    def _batches(self, step: int, plan: StepPlan) -> int:
        together = micro_batches(len(plan.keyframes), self.settings.keyframes_per_batch)
        return len(self.ranks.dealt(together)) + len(self.ranks.dealt(plan.batches))

    def _predictions(
        self, step: int, plan: StepPlan
    ) -> Iterator[tuple[Sequence[int], torch.Tensor | None]]:
        """Run the passes of one step and yield predictions `(parts, frames, channels, h, w)`.

        Frames that are denoised later come without one.
        """
        yield from self._first_pass(step, plan)
        if plan.batches:
            assert self.state.tokens is not None
            second = self._second_pass(step, plan, self.state.tokens)
            for batch in self.ranks.dealt(plan.batches):
                yield batch.frames, second.predict(batch)
            self.ranks.wait()
            second.finish(self.ranks.leads)
            self.samples += second.samples

    def _first_pass(
        self, step: int, plan: StepPlan
    ) -> Iterator[tuple[Sequence[int], torch.Tensor | None]]:
        """Edit the keyframes together, and leave their tokens in the state."""
        state, settings = self.state, self.settings
        state.inject_qk = step < settings.qk_steps
        state.inject_conv = step < settings.conv_steps
        parts = len(self.text)
        state.tokens = KeyframeTokens(
            self.memory, len(plan.keyframes), parts, state.source_propagated
        )
        if plan.keyframes:
            for numbers, prediction in self._keyframe_pass(step, plan):
                frames = [plan.keyframes[i] for i in numbers]
                self.samples += parts * len(frames)
                yield frames, by_part(prediction, parts) if plan.keyframes_done else None
            together = micro_batches(len(plan.keyframes), settings.keyframes_per_batch)
            state.tokens.share(len(self.sites), together, self.ranks)

    def _keyframe_pass(self, step: int, plan: StepPlan) -> Iterator[tuple[range, torch.Tensor]]:
        def samples(numbers: range) -> torch.Tensor:
            frames = [plan.keyframes[i] for i in numbers]
            edited = [self._latents(self.out, step, frames)] * (len(self.text) - 1)
            return torch.cat([self._latents(self.trajectory, step, frames), *edited])

        return keyframe_pass(
            self.model.unet,
            self.sites,
            self.state,
            samples,
            len(plan.keyframes),
            self.rules.timesteps[step],
            self.text,
            self.memory,
            self.settings.keyframes_per_batch,
            ranks=self.ranks,
            controls=self.model.controls,
            frames=plan.keyframes,
        )

    def _second_pass(self, step: int, plan: StepPlan, tokens: KeyframeTokens) -> SecondPass:
        timestep = self.rules.timesteps[step]
        return SecondPass(
            self.model.unet,
            self.state,
            partial(self._latents, self.trajectory, step),
            partial(self._latents, self.out, step),
            timestep,
            self.text,
            tokens,
            plan.neighbours,
            self.features.at(step, timestep) if self.features else None,
            self.model.controls,
        )

    def _latents(self, place: Trajectory, step: int, frames: Sequence[int]) -> torch.Tensor:
        latents = place.at(self.rules.timesteps[step]).read(frames)
        return latents.to(self.model.device, self.model.dtype)

    def _denoise(
        self, step: int, frames: Sequence[int], prediction: torch.Tensor, target: LatentStack
    ) -> None:
        latents = self.out.at(self.rules.timesteps[step]).read(frames).to(self.model.device)
        parts = prediction.to(latents.dtype)
        guided = parts[-1]
        if self.settings.guided:
            guided = parts[-2] + self.settings.guidance * (parts[-1] - parts[-2])
        result = self.rules.denoise(step, latents, guided)
        for frame, latent in zip(frames, result, strict=True):
            if not bool(latent.isfinite().all()):
                raise NonFiniteResult(
                    f"step {step + 1} of the edit made NaN or infinite latents of frame {frame}",
                    hint="Try float32 or bfloat16, or less guidance.",
                    frame=frame,
                )
        target.write(frames, result)
