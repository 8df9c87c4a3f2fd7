"""The earlier edit that a re-edit continues, found and checked at the door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path

from ocio.attributes import PROVENANCE_PREFIX
from ocio.config import ResolvedConfig
from ocio.errors import MissingFrames, OcioError, OutputIsInput
from ocio.exr import inspect
from ocio.frame_range import FrameRange
from ocio.header import FrameHeader
from ocio.sequence import SequencePattern
from tokenflow.earlier import frames_of, nearby
from tokenflow.errors import InvalidJob
from tokenflow.job import Base, EditJob, job_hash
from tokenflow.job_file import find_job_file, read_job

KEPT = (
    *(("edit", name) for name in ("method", "mode", "steps", "inversion_steps")),
    *(("edit", name) for name in ("inversion_evaluations", "source_prompt", "size")),
    ("edit", "keyframe_interval"),
    *(("plate", name) for name in ("part", "layer", "stereo_view")),
    *(("color", name) for name in ("colorspace", "view", "encoding")),
    ("model", "dtype"),
    ("range", "missing"),
)
"""What a re-edit has in common with its base: the picture that the model sees, the way to noise and
back, and the blocks in which keyframes are drawn."""


@dataclass(frozen=True)
class Earlier:
    """A finished edit.

    Attributes
    ----------
    job
        As it was run, except that plate, config and weights lie where the re-edit has them.
    hash
        Of the job as it was run.
    frames
        Its finished frames.
    base
        What it continued itself.
    """

    job: EditJob
    hash: str
    frames: SequencePattern
    base: Earlier | None = None

    @property
    def root(self) -> EditJob:
        """The edit of the whole shot at the bottom."""
        return self.base.root if self.base else self.job

    def header(self) -> FrameHeader | None:
        """Header of one of its frames that can be read; None if there is none."""
        for path in self.frames.frames_on_disk().values():
            try:
                return inspect(path)
            except OcioError:
                continue
        return None


def open_base(base: Base, job: EditJob, above: tuple[Path, ...] = ()) -> Earlier:
    """Open an earlier edit and everything below it.

    Parameters
    ----------
    job
        The re-edit: says where this machine has plate, config and weights, which are the same.
    above
        Jobs that continue this one.

    Raises
    ------
    UnreadableJob, InvalidJob
    """
    file = find_job_file(base.job)
    if file.resolve() in above:
        raise InvalidJob(
            "an edit cannot continue itself",
            hint="Name the job that an edit left beside its frames, NAME.job.json.",
            path=file,
        )
    found = read_job(file)
    hash_ = job_hash(found)
    if base.hash not in (None, hash_):
        raise InvalidJob(
            "the base is not the edit that the job was made upon",
            hint="Name the same one, or clear base.hash to continue this one.",
            path=file,
        )
    below = None
    if found.base is not None:
        beside = replace(found.base, job=nearby(found.base.job, file))
        below = open_base(beside, job, (*above, file.resolve()))
    return Earlier(_placed(found, job), hash_, frames_of(found, file), below)


def _placed(found: EditJob, job: EditJob) -> EditJob:
    return replace(
        found,
        plate=replace(found.plate, path=job.plate.path),
        color=replace(found.color, ocio=job.color.ocio),
        model=replace(found.model, checkpoint=job.model.checkpoint),
    )


def check_base(job: EditJob, weights: str, earlier: Earlier) -> None:
    """Refuse a re-edit that its base cannot carry.

    Parameters
    ----------
    weights
        SHA-256 of the re-edit's checkpoint.

    Raises
    ------
    InvalidJob
        Naming what differs.
    """
    theirs = earlier.job
    for part, name in KEPT:
        ours, before = (getattr(getattr(one, part), name) for one in (job, theirs))
        if ours != before:
            raise _differs(f"{part}.{name}", before, ours)
    if theirs.model.sha256 not in (None, weights):
        raise _differs("model", theirs.model.checkpoint, f"{job.model.checkpoint} (other weights)")
    held = (_held_by(one) for one in (job, theirs))
    if (ours := next(held)) != (before := next(held)):
        raise _differs("edit.controls", before, ours)
    if (job.edit.guidance == 1) != (theirs.edit.guidance == 1):
        raise _differs("edit.guidance", f"{theirs.edit.guidance:g}", f"{job.edit.guidance:g}")
    if job.edit.method != "tokenflow" or job.edit.mode != "paper":
        raise InvalidJob(
            "a re-edit continues edits of the method tokenflow in mode paper only, not of "
            f"{job.edit.method} in mode {job.edit.mode}",
            hint="Render the whole shot instead.",
        )
    if job.range.frames is None:
        raise InvalidJob(
            "a re-edit needs the frames that it makes anew",
            hint="Name them with --frames; without --base the whole shot is rendered.",
        )


def _held_by(job: EditJob) -> str:
    """Name the ControlNets of an edit; the inversion, which a re-edit shares, runs with them."""
    held = job.edit.controls
    named = (f"{one.image}@{one.weight!r} of {(one.sha256 or '')[:12]}" for one in held)
    return ", ".join(named) or "none"


def check_config(earlier: Earlier, config: ResolvedConfig) -> None:
    """Refuse another OCIO config than the base was made with: the model would see other pictures.

    Raises
    ------
    InvalidJob
    """
    header = earlier.header()
    said = header.parts[0].attributes if header else {}
    before = said.get(PROVENANCE_PREFIX + "config_sha256")
    if before is None or before.value == config.sha256:
        return
    name = said.get(PROVENANCE_PREFIX + "config")
    raise InvalidJob(
        "a re-edit works upon its base's latents, and the base was made with another OCIO config: "
        f"{name.value if name else 'unknown'}, not {config.name} ({config.location})",
        hint="Name that one with --ocio, or render the whole shot without --base.",
    )


def _differs(field: str, before: object, ours: object) -> InvalidJob:
    return InvalidJob(
        f"a re-edit works upon its base's latents, so {field} must stay {_said(before)}, "
        f"not {_said(ours)}",
        hint="Leave it as it was, or render the whole shot without --base.",
    )


def _said(value: object) -> str:
    return "unset" if value is None else f"'{value}'"


def stretch(
    shot: Sequence[int], wanted: FrameRange, interval: int, blend: int
) -> tuple[tuple[int, ...], dict[int, float]]:
    """Choose the frames that are made anew, and how much of the new edit the outer ones get.

    Parameters
    ----------
    shot
        All frames that the model sees, ascending.
    wanted
        Those asked for. Motion is followed from frame to frame, so frames in gaps no longer than
        `interval` are made anew too.
    blend
        Frames on each side over which the new edit fades out.

    Returns
    -------
    tuple of int
        The frames, ascending, those of the blend included.
    dict
        Share of the new edit for the frames of the blend: linear, 0 and 1 left out.
    """
    inside = {frame for frame in shot if frame in wanted}
    if not inside:
        raise InvalidJob(
            f"the shot has none of the frames {wanted}: it has {FrameRange.of(shot)}",
            hint="Name some of those with --frames.",
        )
    for before, after in pairwise(sorted(inside)):
        if after - before <= interval:
            inside.update(frame for frame in shot if before < frame < after)
    place = {frame: index for index, frame in enumerate(shot)}
    shares: dict[int, float] = {}
    for first, last in _ends(shot, inside):
        for distance in range(1, blend + 1):
            for index in (place[first] - distance, place[last] + distance):
                if 0 <= index < len(shot) and shot[index] not in inside:
                    share = 1 - distance / (blend + 1)
                    shares[shot[index]] = max(share, shares.get(shot[index], 0.0))
    return tuple(sorted({*inside, *shares})), dict(sorted(shares.items()))


def _ends(shot: Iterable[int], inside: set[int]) -> list[tuple[int, int]]:
    runs = (tuple(run) for within, run in groupby(shot, inside.__contains__) if within)
    return [(run[0], run[-1]) for run in runs]


def carried_frames(
    earlier: Earlier, whole: Iterable[int], again: Iterable[int], output: SequencePattern
) -> tuple[int, ...]:
    """Choose the frames that go over into the new version as they are.

    Parameters
    ----------
    whole
        What the shot's edit delivers.
    again
        What this version delivers itself.

    Raises
    ------
    MissingFrames
        If the base lacks some.
    OutputIsInput
        If the new version would be written over its base.
    """
    if output.path(0).resolve() == earlier.frames.path(0).resolve():
        raise OutputIsInput(
            f"'{output}' is the base itself",
            hint="Write the new version to another folder or name.",
            path=output.folder,
        )
    carried = sorted(set(whole).difference(again))
    there = earlier.frames.frames_on_disk() if earlier.frames.folder.is_dir() else {}
    if missing := [frame for frame in carried if frame not in there]:
        raise MissingFrames(
            f"the base lacks the frames {FrameRange.of(missing)}",
            frames=missing,
            hint="Run its job again with --resume.",
            path=earlier.frames.folder,
        )
    return tuple(carried)
