"""The stages of one job in their order; each goes on where an earlier run stopped."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ocio.frame_range import FrameRange
from tokenflow.checkpoints.load import load_model
from tokenflow.diffusion.latents import LatentStack
from tokenflow.errors import OutOfMemory, WorkspaceUnusable
from tokenflow.events import Emit, Finished, Stage
from tokenflow.job import EditJob, RunOptions
from tokenflow.pipeline.at_once import leaves_cores
from tokenflow.pipeline.carry import deliver_stretch
from tokenflow.pipeline.control_pictures import draw_controls
from tokenflow.pipeline.decode import Decoding
from tokenflow.pipeline.decoders import decoder_key, kept_likeness
from tokenflow.pipeline.deflicker import Steadied, Steadying, read_notes, steady
from tokenflow.pipeline.delta import delta_key, delta_shot
from tokenflow.pipeline.denoise import edit_shot, edit_stretch, invert_shot
from tokenflow.pipeline.device import is_out_of_memory
from tokenflow.pipeline.dreammotion import bend_shot
from tokenflow.pipeline.early import EarlyFrames, EarlyLatents
from tokenflow.pipeline.encode import encode_shot
from tokenflow.pipeline.merge import Delivery, Merger, deliver
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
    early_latents: EarlyLatents | None = None
    likeness: float | None = None

    def all_stages(self, until: Until | None = None) -> Record | None:
        """Take all stages, or those up to one; then there is no record."""
        pictures = self._read()
        clean_key = content_key(pictures.key, self.plan.checkpoint.sha256, self.device.type)
        clean = encode_shot(self, pictures, clean_key, self.early_latents)
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
        decoding = Decoding(self, edited, clean, key, clean_key, pictures)
        key = delta_key(self.plan, key)
        early = None if until else decoding.begin_frames(key)
        result, reference = decoding.carry_out(early)
        deltas = delta_shot(self, result, reference, key, early)
        if reference is not pictures.stack:
            shot = [one.frame for one in self.plan.frames if one.on_disk]
            self.likeness = kept_likeness(deltas.folder, shot, result, reference, pictures)
        if until == "delta":
            return None
        if self.plan.job.deflicker.strength != "off":
            deltas, result, key = self._deflicker(deltas, result, pictures, key)
        if until == "deflicker":
            return None
        delivery = self._deliver(deltas, result, pictures, key, early)
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
            # What ControlNets hold an edit to is drawn of all frames, and loaded with the model.
            if not reused and not before.controls and leaves_cores(self.device):
                self.early_latents = EarlyLatents(self, folder)
            seen = self.early_latents or (lambda frame, picture: None)
            self.plan, pictures = read_pictures(self.plan, folder, progress, seen)
            check_mattes(self.plan)
            draw_controls(self, pictures, progress)
        if self.plan is not before and self.early_latents:
            self.early_latents.discard()  # of a shot that has other frames
            self.early_latents = None
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
        self,
        deltas: LatentStack,
        edited: LatentStack,
        pictures: Pictures,
        key: str,
        early: EarlyFrames | None,
    ) -> Delivery:
        plan = self.plan
        alone = self.folder("alone", key) if plan.earlier else Path()
        total = len(plan.written) + len(plan.carried)
        during: Stage | None = "decode" if early else None
        with self.stage("merge", total, during=during) as progress:
            if plan.earlier:
                given = (deltas, edited, pictures, key, self.edited, self.emit, progress)
                delivery = deliver_stretch(plan, alone, *given, self.warn)
            elif early:
                delivery = Delivery(early.results)
                progress(len(early.results), len(plan.written))
            else:
                merger = Merger(plan, pictures, key, self.edited)
                delivery = deliver(plan, deltas, edited, merger, self.emit, progress)
        if early:
            self.count("merge", early.seconds, while_="decode")
        writing = delivery.writing_share * self.seconds["merge"]
        self.count("write", writing, while_="merge")
        return delivery
