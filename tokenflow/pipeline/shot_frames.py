"""Which frames of a shot the model sees, and which of them a job delivers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from ocio.frame_range import FrameRange
from ocio.sequence import PlannedFrame, Sequence, plan_frames
from tokenflow.diffusion.paper import JOINT_FRAMES
from tokenflow.errors import InvalidJob
from tokenflow.job import EditJob


def seen_frames(job: EditJob, sequence: Sequence) -> tuple[PlannedFrame, ...]:
    """Choose what the model sees: the range, and what lies on disk in its short gaps.

    Motion is followed from frame to frame, so a frame step must not thin out what the model sees;
    a gap as long as a block of frames is none of a step.
    """
    wanted = job.range.frames
    if wanted is not None:
        there = set(sequence.frames)
        between = [
            frame
            for before, after in pairwise(wanted)
            if after - before <= job.edit.keyframe_interval
            for frame in range(before + 1, after)
            if frame in there
        ]
        wanted = FrameRange.of([*wanted, *between])
    frames = plan_frames(sequence, wanted, job.range.missing)
    check_count(job, frames)
    return frames


def check_count(job: EditJob, frames: tuple[PlannedFrame, ...]) -> None:
    """Refuse what a method cannot take: too many frames, or blocks that are not whole.

    Raises
    ------
    InvalidJob
    """
    if job.edit.method == "joint-attention" and len(frames) > JOINT_FRAMES:
        raise InvalidJob(
            f"joint-attention holds at most {JOINT_FRAMES} frames, and the range has {len(frames)}",
            hint="Choose fewer --frames, or the method tokenflow, which takes any number.",
        )
    interval = job.edit.keyframe_interval
    if job.edit.mode == "released" and job.edit.method == "tokenflow" and len(frames) % interval:
        raise InvalidJob(
            f"mode released edits whole blocks of {interval} frames, and the range has "
            f"{len(frames)}",
            hint=f"Choose a multiple of {interval} --frames, or the mode paper.",
        )


def absent_frames(job: EditJob, sequence: Sequence) -> FrameRange:
    """Name the frames of the range that are not on disk."""
    return FrameRange.of(sequence.select(job.range.frames).missing)


def delivered_frames(job: EditJob, frames: tuple[PlannedFrame, ...]) -> FrameRange:
    """Choose what the job delivers: its range, as far as it is on disk."""
    wanted = job.range.frames
    return FrameRange.of(
        planned.frame
        for planned in frames
        if planned.written and (wanted is None or planned.frame in wanted)
    )


def asked_for(whole: Iterable[int], part: FrameRange | None) -> tuple[int, ...]:
    """Choose what this run delivers of it."""
    return tuple(frame for frame in whole if part is None or frame in part)
