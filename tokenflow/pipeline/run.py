"""The stages of one job in their order; each goes on where an earlier run stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import torch

from ocio.frame_range import FrameRange
from ocio.merge import delta
from tokenflow.checkpoints.load import load_model
from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.vae import Image, decode_frame, encode_frames
from tokenflow.errors import OutOfMemory, WorkspaceUnusable
from tokenflow.events import (
    Emit,
    Finished,
)
from tokenflow.job import EditJob, RunOptions
from tokenflow.pipeline.carry import deliver_stretch
from tokenflow.pipeline.control_pictures import draw_controls
from tokenflow.pipeline.decode import Decode, decoder_key, kept_likeness, other_decoder
from tokenflow.pipeline.deflicker import Steadied, Steadying, read_notes, steady
from tokenflow.pipeline.denoise import edit_shot, edit_stretch, invert_shot
from tokenflow.pipeline.device import is_out_of_memory
from tokenflow.pipeline.dreammotion import bend_shot
from tokenflow.pipeline.merge import Delivery, deliver
from tokenflow.pipeline.pieces import begin_pieces, check_piece
from tokenflow.pipeline.plan import Plan, make_plan
from tokenflow.pipeline.ranks import Team
from tokenflow.pipeline.read import (
    Pictures,
    already_read,
    check_mattes,
    read_key,
    read_pictures,
)
from tokenflow.pipeline.record import Record, write_records
from tokenflow.pipeline.running import Load, Running
from tokenflow.pipeline.warnings import instead
from tokenflow.workspace import content_key

Until = Literal["invert", "delta", "deflicker"]
"""Stages after which a run may end: what follows is done by other tasks."""


def run_job(
    job: EditJob,
    options: RunOptions,
    emit: Emit,
    load: Load | None = None,
    team: Team | None = None,
) -> Record:
    """Run a job from plate to edited frames.

    Parameters
    ----------
    job
        What to do.
    options
        How this run goes about it.
    emit
        Told what happens. What it raises stops the job; frames already written are whole.
    load
        Where the checkpoint comes from when a stage needs it; default is the disk.
    team
        Other processes that share the stages that denoise; default is to work alone.

    Returns
    -------
    Record
        What was done, as it stands in the report beside the frames.

    Raises
    ------
    OcioError, TokenFlowError
        What went wrong, with frame or file and the remedy.
    """
    started = time.perf_counter()
    plan = make_plan(job, options)
    record = _carried_out(plan, emit, load or load_model, None, team)
    assert record is not None  # a run that goes to the end has one
    seconds = time.perf_counter() - started
    path = write_records(record.plan, record)
    emit(Finished(len(record.delivery.written), str(path), seconds))
    return record


def run_stages(
    job: EditJob, options: RunOptions, emit: Emit, until: Until, team: Team | None = None
) -> None:
    """Run a job as far as a stage, and leave the result in the workspace for other tasks.

    Raises
    ------
    OcioError, TokenFlowError
        As `run_job`.
    """
    started = time.perf_counter()
    # The output is for others to write, so what is there is none of our business.
    plan = make_plan(job, replace(options, resume=True, overwrite=False))
    _carried_out(plan, emit, load_model, until, team)
    emit(Finished(0, "", time.perf_counter() - started))


def _carried_out(
    plan: Plan, emit: Emit, load: Load, until: Until | None, team: Team | None
) -> Record | None:
    run = _Run(plan, emit, load, team or Team())
    if until != "invert" and (until or plan.options.frames):
        check_piece(plan, run.workspace, run.device.type)
    if until:
        begin_pieces(plan, run.workspace, run.device.type)
    try:
        return run.all_stages(until)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        width, height = run.plan.size
        raise OutOfMemory(
            f"{run.device} has too little memory for one frame at {width}x{height}",
            hint="Choose a smaller --size, or close other programs that use it.",
        ) from error
    except WorkspaceUnusable as error:
        # The engine does not know who chose the folder.
        hint = error.hint or "Free some space or name another folder with --workspace."
        raise WorkspaceUnusable(error.message, hint=hint, path=error.path) from error
    finally:
        run.held.close()


class _Run(Running):
    """One run under way, stage by stage."""

    steadied: Steadied | None = None
    likeness: float | None = None

    def all_stages(self, until: Until | None = None) -> Record | None:
        """Take all stages, or those up to one; then there is no record."""
        pictures = self._read()
        clean_key = content_key(pictures.key, self.plan.checkpoint.sha256, self.device.type)
        clean = self._encode(pictures, clean_key)
        if until == "invert":
            if self.plan.edits:
                invert_shot(self, clean, clean_key)
            return None
        if self.plan.earlier:
            edited, clean, key, clean_key = edit_stretch(self, clean, clean_key)
        elif self.plan.bends:
            edited, key = bend_shot(self, clean, clean_key, pictures)
        else:
            edited, key = edit_shot(self, clean, clean_key)
        key, clean_key = (decoder_key(self.plan, pictures, one) for one in (key, clean_key))
        result, reference = self._decode(edited, clean, key, clean_key, pictures)
        if self.plan.job.edit.method == "ldm-recon":
            # What the autoencoder alone changes: its picture against the one it was given.
            reference = pictures.stack
        if self.plan.job.deflicker.uncompensated:
            reference = pictures.stack
        deltas, key = self._delta(result, reference, key)
        if reference is not pictures.stack:
            shot = [one.frame for one in self.plan.frames if one.on_disk]
            self.likeness = kept_likeness(deltas.folder, shot, result, reference, pictures)
        if until == "delta":
            return None
        if self.plan.job.deflicker.strength != "off":
            deltas, result, key = self._deflicker(deltas, result, pictures, key)
        if until == "deflicker":
            return None
        delivery = self._deliver(deltas, result, pictures, key)
        return Record(
            plan=self.plan,
            device=", ".join(self.team.devices) or str(self.device),
            dtype=str(self.dtype).removeprefix("torch."),
            seconds=dict(self.seconds),
            warnings=tuple(self.warnings),
            facts=pictures.facts,
            inversion=self.inversion,
            edit=self.edited,
            bent=self.bent,
            steadied=self.steadied,
            likeness=self.likeness,
            delivery=delivery,
        )

    def _read(self) -> Pictures:
        folder, before = self.folder("read", read_key(self.plan)), self.plan
        reused = already_read(folder)
        with self.stage("read", len(self.plan.frames), reused=reused) as progress:
            self.plan, pictures = read_pictures(self.plan, folder, progress)
            check_mattes(self.plan)
            draw_controls(self, pictures, progress)
        if broken := set(before.written) - set(self.plan.written):
            self.warn(
                f"broken frames: {FrameRange.of(broken)}; {instead(self.plan.job.range.missing)}",
                "read",
            )
        for kind in ("nan", "infinite"):
            frames = [f for f, facts in pictures.facts.items() if getattr(facts, kind)]
            if frames:
                name = {"nan": "NaN", "infinite": "infinite"}[kind]
                self.warn(
                    f"the plate has {name} samples, which pass through untouched, in the frames "
                    f"{FrameRange.of(frames)}",
                    "read",
                )
        return pictures

    def _encode(self, pictures: Pictures, key: str) -> LatentStack:
        folder = self.folder("encode", key)
        stack = LatentStack(folder, self.plan.numbers, self.plan.latent_shape)
        with self.stage("encode", len(stack.frames), reused=stack.complete) as progress:
            if not stack.complete:
                read = pictures.stack.read
                self.room.fitting(
                    self.model,
                    "vae",
                    1,
                    lambda _: encode_frames(
                        self.model,
                        ((frame, read([frame])[0].numpy()) for frame in stack.frames),
                        stack,
                        progress,
                    ),
                )
        return stack

    def _decode(
        self,
        edited: LatentStack,
        clean: LatentStack,
        key: str,
        clean_key: str,
        pictures: Pictures,
    ) -> tuple[LatentStack, LatentStack]:
        """Decode the edit and what it is compared with; the same where nothing was edited."""
        shots, keys = {"reference": clean}, {"reference": clean_key}
        if edited is not clean:
            shots["edited"], keys["edited"] = edited, key
        width, height = self.plan.size
        stacks = {
            name: LatentStack(self.folder("decode", keys[name]), shot.frames, (height, width, 3))
            for name, shot in shots.items()
        }
        total = sum(len(stack.frames) for stack in stacks.values())
        reused = all(stack.complete for stack in stacks.values())
        with self.stage("decode", total, reused=reused) as progress:
            done = 0
            decode: Decode = self._each_frame
            if self.plan.decoder and not reused:
                decode = other_decoder(self.plan, pictures, self.device)
            for name, stack in stacks.items():
                if not stack.complete:
                    for number, (frame, picture) in enumerate(decode(shots[name]), 1):
                        stack.write([frame], torch.from_numpy(picture)[None])
                        progress(done + number, total)
                    stack.finish()
                done += len(stack.frames)
        return stacks.get("edited", stacks["reference"]), stacks["reference"]

    def _delta(
        self, edited: LatentStack, reference: LatentStack, key: str
    ) -> tuple[LatentStack, str]:
        encoding = self.plan.encoding
        key = content_key(
            key,
            # Only where it is so, so that what earlier versions left is found.
            *(["uncompensated"] if self.plan.job.deflicker.uncompensated else []),
            # The pictures tell what the model saw, and not by which curves it goes back.
            [self.plan.config.cache_id, self.plan.config.sha256, self.plan.plate_space],
            [encoding.kind, encoding.view, encoding.gamut_compression, encoding.log.name],
            asdict(encoding.guard) if encoding.guard else None,
        )
        stack = LatentStack(self.folder("delta", key), edited.frames, edited.shape)
        with self.stage("delta", len(stack.frames), reused=stack.complete) as progress:
            if not stack.complete:
                for done, frame in enumerate(stack.frames, 1):
                    sides = [side.read([frame])[0].numpy() for side in (edited, reference)]
                    stack.write([frame], torch.from_numpy(delta(encoding, *sides))[None])
                    progress(done, len(stack.frames))
                stack.finish()
        return stack, key

    def _deflicker(
        self, deltas: LatentStack, edited: LatentStack, pictures: Pictures, key: str
    ) -> tuple[LatentStack, LatentStack, str]:
        """Steady what is merged: the difference, or the model's picture that replaces the plate."""
        # A re-edit sees the frames round its stretch, and not the whole shot.
        seen = tuple(one for one in self.plan.frames if one.frame in set(edited.frames))
        plan = replace(self.plan, frames=seen)
        asked = Steadying.of(plan)
        motion_key = asked.motion_key(pictures.key, pictures.facts)
        key = asked.key(key, motion_key)
        replaces = self.plan.job.output.merge == "replace"
        edit = edited if replaces else deltas
        stack = LatentStack(self.folder("deflicker", key), asked.shot, edit.shape)
        with self.stage("deflicker", len(asked.shot), reused=stack.complete) as progress:
            if not stack.complete:
                motion = self.folder("motion", motion_key)
                steady(plan, asked, edit, stack, motion, progress)
        self.steadied = read_notes(stack.folder)
        return (deltas, stack, key) if replaces else (stack, edited, key)

    def _deliver(
        self, deltas: LatentStack, edited: LatentStack, pictures: Pictures, key: str
    ) -> Delivery:
        alone = self.folder("alone", key) if self.plan.earlier else Path()
        with self.stage("merge", len(self.plan.written) + len(self.plan.carried)) as progress:
            given = (deltas, edited, pictures, key, self.edited, self.emit, progress)
            if self.plan.earlier:
                delivery = deliver_stretch(self.plan, alone, *given, self.warn)
            else:
                delivery = deliver(self.plan, *given)
        self.seconds["merge"] -= delivery.writing_seconds
        self.seconds["write"] = delivery.writing_seconds
        return delivery

    def _each_frame(self, latents: LatentStack) -> Iterator[tuple[int, Image]]:
        """Decode a shot frame by frame with the checkpoint's own decoder."""
        for frame in latents.frames:
            latent = latents.read([frame])[0]
            yield frame, self._picture(latent)

    def _picture(self, latent: torch.Tensor) -> Image:
        return self.room.fitting(self.model, "vae", 1, lambda _: decode_frame(self.model, latent))
