"""Bending: the stage between the shot's latents and the edit's, for the method dreammotion."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch.nn.functional import max_pool2d

from tokenflow.checkpoints.motion import video_unet
from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.text import encode_prompt
from tokenflow.dreammotion.bend import Bending, BendReport, Mask
from tokenflow.dreammotion.gradient import Losses, Words
from tokenflow.dreammotion.video_unet import VideoUNet
from tokenflow.errors import OutOfMemory, WorkspaceUnusable
from tokenflow.pipeline.decoders import matte_parts, small_matte
from tokenflow.pipeline.device import is_out_of_memory
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.preview import BentPreviews
from tokenflow.pipeline.progress import Tell
from tokenflow.pipeline.read import Pictures
from tokenflow.pipeline.running import Running
from tokenflow.pipeline.settings import bend_settings
from tokenflow.pipeline.video import windows_of
from tokenflow.workspace import content_key

TOLD_EVERY = 0.25
"""Seconds between two signs of life within a step: a cancellation is answered by one."""

_REPORT = "bent.json"


def bend_shot(
    run: Running, clean: LatentStack, key: str, pictures: Pictures
) -> tuple[LatentStack, str]:
    """Bend the shot's latents towards the prompt; give them with their key.

    Raises
    ------
    NonFiniteResult
        A gradient is NaN or infinite.
    OutOfMemory
        One window does not fit, whatever is computed twice instead of remembered.
    """
    plan, settings = run.plan, bend_settings(run.plan.job, run.plan.motion)
    key = content_key(
        key,
        asdict(settings),
        plan.motion.sha256 if plan.motion else None,
        str(run.dtype),
        matte_parts(plan, pictures),
    )
    out = LatentStack(run.folder("edit", key), clean.frames, clean.shape)
    total = settings.how.steps * len(clean.frames)
    with run.stage("edit", total, reused=out.complete) as tell:
        if not out.complete:
            run.bent = _bent(run, clean, out, key, _Told(tell, settings.how.steps, total))
            _write_report(out.folder, run.bent)
        else:
            run.bent = _read_report(out.folder)
    return out, key


def _bent(run: Running, clean: LatentStack, out: LatentStack, key: str, told: _Told) -> BendReport:
    plan, model, settings = run.plan, run.model, bend_settings(run.plan.job, run.plan.motion)
    # The UNet may be waiting in the host's memory, where the adapter must not join it.
    run.room.settle(model)
    unet = video_unet(model.unet, plan.motion) if plan.motion else model.unet
    course = settings.how.schedule
    schedule = model.schedule if course == "checkpoint" else model.schedule.with_betas(course)
    video = VideoUNet(unet, schedule)
    target, source, empty = (
        encode_prompt(model, text)
        for text in (settings.prompt, settings.source_prompt, settings.negative_prompt)
    )

    def work() -> BendReport:
        mask = latent_mask(plan) if plan.matte else None
        bending = Bending(video, Words(target, source, empty), settings, clean, key, mask, told)
        if plan.options.previews:
            told.look = BentPreviews(model, bending, settings.how.steps, run.emit).look
        return bending.run(out)

    return _with_room(run, video, work)


def _with_room(run: Running, video: VideoUNet, work: Callable[[], BendReport]) -> BendReport:
    """Find room for the gradient: least harm first, and never a smaller window unasked.

    What was done so far is kept, and gone on with.
    """
    while True:
        try:
            return run.room.fitting(run.model, "unet", 1, lambda _: work())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if video.checkpointed:
                width, height = run.plan.size
                raise OutOfMemory(
                    f"{run.device} has too little memory for a window of "
                    f"{_longest_window(run.plan)} frames at {width}x{height}",
                    hint="Choose a smaller --size, or a shorter --window, which changes the edit.",
                ) from error
        run.warn(
            f"too little memory on {run.device}: what the gradient needs is computed twice "
            "instead of remembered, which takes longer"
        )
        video.checkpointed = True
        if run.device.type == "cuda":
            torch.cuda.empty_cache()


def _longest_window(plan: Plan) -> int:
    return max(len(window.frames) for window in windows_of(plan.job, plan.numbers))


def latent_mask(plan: Plan) -> Mask:
    """Give where latents may change: where any pixel that a latent stands for is in the matte.

    A frame that stands in for a missing one has no matte, and may change everywhere.
    """
    scale, (_, rows, columns) = plan.checkpoint.vae_scale, plan.latent_shape

    def open_(frames: Sequence[int]) -> torch.Tensor:
        found = []
        for frame in frames:
            matte = small_matte(plan, frame)
            if matte is None:
                found.append(torch.ones(1, rows, columns, dtype=torch.bool))
                continue
            most = max_pool2d(torch.from_numpy(matte)[None], scale)
            found.append(most > 0)
        return torch.stack(found)

    kept: dict[int, torch.Tensor] = {}

    def remembered(frames: Sequence[int]) -> torch.Tensor:
        for frame in frames:
            if frame not in kept:
                kept[frame] = open_([frame])
        return torch.cat([kept[frame] for frame in frames])

    return remembered


class _Told:
    """Turns the optimisation's progress into the stage's, with its losses in words.

    Parameters
    ----------
    tell
        Takes the stage's progress, in frames times steps.
    """

    def __init__(self, tell: Tell, steps: int, total: int) -> None:
        self.tell, self.steps, self.total = tell, steps, total
        self.look: Callable[[], None] = lambda: None
        self._told: tuple[int, float] = (-1, 0.0)

    def __call__(self, done: int, of: int, losses: Losses | None) -> None:
        """Tell of a new step, and now and then that there is still life."""
        before, at = self._told
        if done == before and time.monotonic() - at < TOLD_EVERY:
            return
        self._told = (done, time.monotonic())
        step = min(self.steps, done * self.steps // of + 1)
        self.tell(
            done * self.total // of, self.total, f"step {step} of {self.steps}{_said(losses)}"
        )
        if done != before:
            self.look()


def _said(losses: Losses | None) -> str:
    if losses is None:
        return ""
    return f", edit {losses.edit:.3g}, shapes {losses.structure:.3g}, motion {losses.motion:.3g}"


def _write_report(folder: Path, report: BendReport) -> None:
    try:
        (folder / _REPORT).write_text(json.dumps(asdict(report)), encoding="utf-8")
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot keep what the edit did: {error.strerror or error}", path=folder
        ) from error


def _read_report(folder: Path) -> BendReport | None:
    """Read what a finished optimisation said; None where a crash came between."""
    try:
        found = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return BendReport(
        losses=tuple(Losses(**each) for each in found["losses"]),
        windows=tuple((first, last) for first, last in found["windows"]),
        samples=found["samples"],
    )
