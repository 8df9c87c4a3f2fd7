"""What comes over from an earlier edit: whole frames as they are, and a fade at the ends."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ocio.attributes import PROVENANCE_PREFIX
from ocio.errors import OcioError, OutputExists
from ocio.exr import inspect, read_frame
from ocio.exr_write import header_job_hash, write_frame
from ocio.frame import Frame
from ocio.frame_range import FrameRange
from ocio.sequence import SequencePattern
from ocio.storage import failure_of
from ocio.temporary import temporary_path
from tokenflow.diffusion.editor import EditReport
from tokenflow.diffusion.latents import LatentStack
from tokenflow.events import Emit, FrameWritten
from tokenflow.pipeline.merge import Delivery, FrameResult, Merger, deliver
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.provenance import (
    FrameCounts,
    counts_attributes,
    counts_if_done,
    frame_attributes,
    job_attributes,
)
from tokenflow.pipeline.read import Pictures

NO_COUNTS = FrameCounts(0, 0, 0, 0, 0, 0, 0)


def deliver_stretch(
    plan: Plan,
    alone: Path,
    deltas: LatentStack,
    edited: LatentStack,
    pictures: Pictures,
    inputs: str,
    drawn: EditReport | None,
    emit: Emit,
    progress: Callable[[int, int], None],
    warn: Callable[[str], None],
) -> Delivery:
    """Merge and write the frames of a stretch, fade its ends, and bring over all others.

    Parameters
    ----------
    alone
        Folder for the frames of the ends before they are mixed; emptied afterwards.
    deltas, edited, pictures, inputs, drawn, emit, progress
        As for `deliver` and `Merger` in `tokenflow.pipeline.merge`.
    warn
        Told what is odd about the earlier edit's frames.
    """
    total, done = len(plan.written) + len(plan.carried), 0
    inner = replace(plan, written=tuple(f for f in plan.written if f not in plan.shares))

    def made(part: Plan, emit: Emit, progress: Callable[[int, int], None]) -> Delivery:
        merger = Merger(part, pictures, inputs, drawn)
        return deliver(part, deltas, edited, merger, emit, progress)

    results = dict(made(inner, emit, lambda now, _: progress(now, total)).results)
    done = len(results)

    def told(frame: int, result: FrameResult) -> None:
        nonlocal done
        done += 1
        emit(FrameWritten(frame, str(result.path), skipped=result.kept))
        progress(done, total)

    if fading := tuple(frame for frame in plan.written if frame in plan.shares):
        # Frames of an interrupted run that are whole stay; half ones are made anew.
        options = replace(plan.options, resume=True, overwrite=False)
        new = replace(plan.output, folder=alone)
        ends = replace(plan, written=fading, output=new, options=options)
        made(ends, lambda event: None, lambda now, of: progress(done, total))
        attributes = job_attributes(plan, inputs, drawn)
        for frame in fading:
            results[frame] = fade(plan, frame, new, pictures, attributes)
            told(frame, results[frame])
            new.path(frame).unlink(missing_ok=True)
    results |= carry(plan, told)
    if changed := [f for f in plan.carried if not _same_plate(results[f].path, pictures, f)]:
        warn(
            "the plate is another one than the earlier edit was made of in the frames "
            f"{FrameRange.of(changed)}, which stay as they are"
        )
    return Delivery(results)


def _same_plate(path: Path, pictures: Pictures, frame: int) -> bool:
    said = inspect(path).parts[0].attributes.get(PROVENANCE_PREFIX + "source_sha256")
    facts = pictures.facts.get(frame)
    return said is None or facts is None or said.value == facts.sha256


def carry(plan: Plan, told: Callable[[int, FrameResult], None]) -> dict[int, FrameResult]:
    """Bring the earlier edit's frames into the new version, bit for bit.

    A file is linked where the disk can, so that it takes no space, else copied. This program never
    writes into a file that exists: a frame of one version that is rendered again leaves the others.

    Parameters
    ----------
    told
        Told of every frame.

    Raises
    ------
    OutputExists
        If a file is there that no edit of this program made.
    DiskFull, NoPermission, WriteFailed
    """
    assert plan.earlier is not None
    results = {}
    for frame in plan.carried:
        source, target = plan.earlier.frames.path(frame), plan.output.path(frame)
        if not is_carried(plan, frame):
            _refuse_foreign(plan, target)
            _link(source, target)
        counts = FrameCounts.in_header(inspect(target).parts[0].attributes) or NO_COUNTS
        results[frame] = FrameResult(target, counts, kept=True)
        told(frame, results[frame])
    return results


def is_carried(plan: Plan, frame: int) -> bool:
    """Whether the new version has a frame of the earlier edit, bit for bit."""
    assert plan.earlier is not None
    return _is_there(plan.earlier.frames.path(frame), plan.output.path(frame))


def _is_there(source: Path, target: Path) -> bool:
    if not target.exists():
        return False
    return target.samefile(source) or filecmp.cmp(source, target, shallow=False)


def _refuse_foreign(plan: Plan, target: Path) -> None:
    if plan.options.overwrite or not target.exists():
        return
    try:
        if header_job_hash(inspect(target)) is not None:
            return
    except OcioError:
        return  # half a frame
    raise OutputExists(
        f"'{target}' is in the way, and this program did not make it",
        hint="write somewhere else, or use --overwrite to replace it",
        path=target,
    )


def _link(source: Path, target: Path) -> None:
    partial = temporary_path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        try:
            os.link(source.resolve(), partial)
        except OSError:
            shutil.copy2(source, partial)  # another disk, or one that knows no links
        partial.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise failure_of(error)(
            f"'{target}' cannot be brought over from '{source}': {reason}",
            hint="choose another place",
            path=target,
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def fade(
    plan: Plan,
    number: int,
    new: SequencePattern,
    pictures: Pictures,
    attributes: Mapping[str, str],
) -> FrameResult:
    """Write a frame at an end of the stretch: part the earlier edit, part the new one.

    The mixture is made of finished frames, in the log space of the merge, so that strength, matte
    and merge of both edits count as they are. Samples that both have alike keep their bits.

    Parameters
    ----------
    new
        The frames as the new edit alone makes them.
    attributes
        What the headers say of the job.
    """
    assert plan.earlier is not None
    path, facts, share = plan.output.path(number), pictures.facts[number], plan.shares[number]
    said = {PROVENANCE_PREFIX + "blend": f"{share:.6f} upon {plan.earlier.hash}"}
    made_of = dict(attributes) | frame_attributes(plan, number, facts) | said
    if plan.options.resume and (met := counts_if_done(path, plan.hash, made_of)):
        return FrameResult(path, met, kept=True)
    plate = read_frame(plan.sequence.path(number), number)
    earlier = read_frame(plan.earlier.frames.path(number), number)
    edited = read_frame(new.path(number), number)
    mixed, touched = _mixture(plan, plate, earlier, edited, share)
    found = FrameCounts.in_header(edited.parts[0].attributes) or NO_COUNTS
    counts = replace(found, touched=touched, clamped=found.clamped + mixed.clamped)
    write_frame(
        path,
        mixed,
        attributes=made_of | counts_attributes(counts),
        overwrite=plan.options.overwrite or plan.options.resume,
        compression="source" if plan.job.output.compression == "source" else None,
    )
    return FrameResult(path, counts)


def _mixture(
    plan: Plan, plate: Frame, earlier: Frame, edited: Frame, share: float
) -> tuple[Frame, int]:
    """Mix two edits of a frame; returns it and how many samples differ from the plate."""
    choice = plan.job.plate.choice
    before, after, own = (frame.rgb(*choice) for frame in (earlier, edited, plate))
    log, weight = plan.encoding.log, np.float32(share)
    with np.errstate(invalid="ignore"):
        code = log.forward(before)
        code += weight * (log.forward(after) - code)
    # The same bits on both sides stay, NaN included; a curve and its inverse would round them.
    alike = (before == after) | ~np.isfinite(before) | ~np.isfinite(after)
    rgb = np.where(alike, after, log.inverse(code))
    touched = ~((rgb == own) | (np.isnan(rgb) & np.isnan(own)))
    return plate.with_rgb(rgb, touched, *choice), int(np.count_nonzero(touched))
