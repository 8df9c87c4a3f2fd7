"""The door: everything a job names is found and checked here, before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ocio.config import ResolvedConfig, input_space, resolve_config
from ocio.encoding import Encoding
from ocio.errors import UnreadableFrame
from ocio.exr import inspect, read_frame
from ocio.frame_range import FrameRange
from ocio.header import FrameHeader
from ocio.matte import Matte, load_matte
from ocio.output import check_output
from ocio.selection import ChannelSelection, same_channels
from ocio.sequence import PlannedFrame, Sequence, SequencePattern, find_sequence, plan_frames
from ocio.window import EditRectangle, edit_rectangle
from tokenflow.checkpoints.decoder import DecoderInfo
from tokenflow.checkpoints.flow import RaftInfo
from tokenflow.checkpoints.load import load_scheduler, load_tokenizer
from tokenflow.checkpoints.motion import MotionInfo
from tokenflow.checkpoints.size import check_size
from tokenflow.checkpoints.source import CheckpointSource, resolve
from tokenflow.checkpoints.verify import CheckpointInfo, open_layout, verify
from tokenflow.diffusion.schedule import NoiseSchedule
from tokenflow.errors import InvalidJob
from tokenflow.job import EDITING_METHODS, EditJob, RunOptions, job_hash
from tokenflow.pipeline.base import (
    Earlier,
    carried_frames,
    check_base,
    check_config,
    open_base,
    stretch,
)
from tokenflow.pipeline.control_channels import check_channels
from tokenflow.pipeline.control_plan import PlannedControl, plan_controls, with_controls
from tokenflow.pipeline.licences import licence_warnings, licences
from tokenflow.pipeline.shot_frames import (
    absent_frames,
    asked_for,
    check_count,
    delivered_frames,
    seen_frames,
)
from tokenflow.pipeline.video import find_video, schedule_warnings
from tokenflow.pipeline.warnings import frames_replaced, plan_warnings, prompts_cut
from tokenflow.pipeline.weights import check_same, find_decoder, find_raft


@dataclass(frozen=True)
class Plan:
    """A job with all its questions answered.

    Attributes
    ----------
    job
        The job, with the hash of its weights.
    sequence
        The plate as found on disk.
    frames
        What the model sees, ascending: the range, and the frames in the gaps of a stepped one.
    written
        The frames that this run delivers.
    headers
        Header of every frame on disk that the model sees.
    decoder
        What decodes instead of the checkpoint.
    raft
        What finds the plate's motion instead of the usual flow.
    motion
        What lets the checkpoint see time, for methods that need it.
    licences
        Of each of the weights, as their folders say.
    schedule
        Of the checkpoint: noise levels and time grids are known before any weight is loaded.
    size
        Width and height that the model works at, in pixels.
    output
        Names of the result.
    warnings
        What the user should know before the work begins.
    earlier
        The edit that this one continues; None for an edit of the whole shot.
    again
        With it: frames that are made anew, ascending.
    shares
        Share of the new edit in those of them that fade into the earlier one.
    carried
        Frames that come over from the earlier edit as they are.
    told
        The job with its paths as whoever wrote it sees them; None where this machine did.
    controls
        ControlNets that hold the edit to the shot.
    """

    job: EditJob
    options: RunOptions
    sequence: Sequence
    frames: tuple[PlannedFrame, ...]
    written: tuple[int, ...]
    headers: Mapping[int, FrameHeader]
    selection: ChannelSelection
    rectangle: EditRectangle
    config: ResolvedConfig
    plate_space: str
    encoding: Encoding
    matte: Matte | None
    source: CheckpointSource
    checkpoint: CheckpointInfo
    decoder: DecoderInfo | None
    raft: RaftInfo | None
    schedule: NoiseSchedule
    size: tuple[int, int]
    output: SequencePattern
    warnings: tuple[str, ...]
    earlier: Earlier | None = None
    again: tuple[int, ...] = ()
    shares: Mapping[int, float] = field(default_factory=dict)
    carried: tuple[int, ...] = ()
    told: EditJob | None = None
    motion: MotionInfo | None = None
    licences: Mapping[str, str] = field(default_factory=dict)
    controls: tuple[PlannedControl, ...] = ()

    @property
    def hash(self) -> str:
        """The job's hash, which frames and records carry."""
        return job_hash(self.told or self.job)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the frames that the model sees."""
        return tuple(planned.frame for planned in self.frames)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Shape `(channels, h, w)` of one frame's latents."""
        width, height = self.size
        scale = self.checkpoint.vae_scale
        return self.checkpoint.latent_channels, height // scale, width // scale

    @property
    def edits(self) -> bool:
        """Whether the method denoises at all."""
        return self.job.edit.method in EDITING_METHODS

    @property
    def bends(self) -> bool:
        """Whether the method optimises the shot's own latents."""
        return self.job.edit.method == "dreammotion"


def make_plan(job: EditJob, options: RunOptions) -> Plan:
    """Find and check everything that a job names.

    Raises
    ------
    OcioError, TokenFlowError
        The first thing that is wrong, with frame or file and the remedy.
    """
    told, job = job, options.mapping(job) if options.mapping else job
    sequence = find_sequence(options.plate or job.plate.path)
    earlier = open_base(job.base, job) if job.base else None
    shot = replace(job, range=earlier.root.range) if earlier else job
    frames = seen_frames(shot, sequence)
    like = earlier.frames if earlier else sequence.pattern
    output = output_pattern(options.output or job.output.path, like)
    source = resolve(job.model.checkpoint)
    checkpoint = verify(source)
    what = f"the checkpoint {checkpoint.name}"
    check_same(checkpoint.sha256, job.model.sha256, what, "model.sha256", checkpoint.path)
    motion = find_video(job, source, checkpoint, tuple(planned.frame for planned in frames))
    layout = open_layout(source)
    schedule = NoiseSchedule(load_scheduler(layout))
    _check_steps(job, schedule)
    decoder = find_decoder(job, source)
    weights = (
        checkpoint.sha256,
        decoder.sha256 if decoder else None,
        motion.sha256 if motion else None,
    )
    raft = find_raft(job)
    told, job = (
        one.with_weights(*weights, flow_sha256=raft.sha256 if raft else None) for one in (told, job)
    )
    controls = plan_controls(job, source)
    told, job = (with_controls(one, controls) for one in (told, job))
    said = licences(source, motion, controls, decoder, raft)
    whole = delivered_frames(shot, frames)
    again: tuple[int, ...] = ()
    shares: dict[int, float] = {}
    carried: tuple[int, ...] = ()
    if earlier and job.base:
        check_base(job, checkpoint.sha256, earlier)
        told, job = (_upon(one, earlier) for one in (told, job))
        again, shares = _stretch(job, frames)
        anew = [f for f in whole if f in again and (f in shares or f in (job.range.frames or ()))]
        carried = asked_for(carried_frames(earlier, whole, anew, output), options.frames)
        whole = FrameRange.of(anew)
    written = asked_for(whole, options.frames)
    if not written and not carried:
        raise InvalidJob(
            f"the job has none of the frames {options.frames}: it writes {whole}",
            hint="Name some of those with --frames.",
        )
    replaced = check_output(
        output,
        written if options.resume else (*written, *carried),
        sequence,
        overwrite=options.overwrite,
        resume=options.resume,
        job_hash=job_hash(told),
    )
    headers = _headers(frames)
    selection = same_channels(headers, *job.plate.choice)
    part = selection.part
    check_channels([one.asked.image for one in controls], headers, part)
    rectangle = edit_rectangle((number, head.parts[part]) for number, head in headers.items())
    first = next(iter(headers.values()))
    config = resolve_config(job.color.ocio)
    if earlier:
        check_config(earlier, config)
    plate_space = input_space(config, first, job.color.colorspace, part=part)
    matte = _matte(job, options, sequence, written or carried, part)
    size = _size(job, checkpoint, rectangle, first.parts[part].pixel_aspect)
    return Plan(
        job=job,
        options=options,
        sequence=sequence,
        frames=frames,
        written=written,
        headers=headers,
        selection=selection,
        rectangle=rectangle,
        config=config,
        plate_space=plate_space,
        encoding=Encoding.build(
            config,
            plate_space,
            job.color.encoding,
            _view(job),
            guard_gains=(job.output.guard_start, job.output.guard_end),
        ),
        matte=matte,
        source=source,
        checkpoint=checkpoint,
        decoder=decoder,
        raft=raft,
        schedule=schedule,
        size=size,
        output=output,
        warnings=(
            *licence_warnings(said),
            *schedule_warnings(job, motion, schedule),
            *prompts_cut(job, load_tokenizer(layout)),
            *plan_warnings(job, checkpoint, first, selection, absent_frames(shot, sequence)),
            *frames_replaced(replaced),
        ),
        earlier=earlier,
        again=again,
        shares=shares,
        carried=carried,
        told=told,
        motion=motion,
        licences=said,
        controls=controls,
    )


def replan(plan: Plan, broken: set[int]) -> Plan:
    """Make the plan once more with frames that do not decode counted as missing."""
    wanted = FrameRange.of(plan.numbers)
    missing = plan.job.range.missing
    frames = plan_frames(plan.sequence, wanted, missing, broken=broken)
    check_count(plan.job, frames)
    written = tuple(frame for frame in plan.written if frame not in broken)
    # A frame that is left out is none of the frames that are made anew either.
    seen = {planned.frame for planned in frames}
    again = tuple(frame for frame in plan.again if frame in seen)
    return replace(plan, frames=frames, written=written, again=again)


def output_pattern(path: str, like: SequencePattern) -> SequencePattern:
    """Name the result: by the pattern given, or in a folder like the plate or the earlier edit."""
    if Path(path).suffix.lower() == ".exr":
        return SequencePattern.parse(path)
    if Path(path).name and SequencePattern.parse(path).padding:
        raise InvalidJob(f"only EXR is written, not {path!r}", hint="Let the name end in .exr.")
    return replace(like, folder=Path(path))


def _stretch(
    job: EditJob, frames: tuple[PlannedFrame, ...]
) -> tuple[tuple[int, ...], dict[int, float]]:
    assert job.base is not None and job.range.frames is not None  # `check_base` has seen to it
    shot = [planned.frame for planned in frames]
    return stretch(shot, job.range.frames, job.edit.keyframe_interval, job.base.blend)


def _upon(job: EditJob, earlier: Earlier) -> EditJob:
    assert job.base is not None
    return replace(job, base=replace(job.base, hash=earlier.hash))


def _check_steps(job: EditJob, schedule: NoiseSchedule) -> None:
    """Refuse an inversion that does not pass the noise levels from which the edit takes its own."""
    if job.edit.method not in EDITING_METHODS:
        return
    steps, inversion = job.edit.steps, job.edit.inversion_steps
    if not set(schedule.timesteps(steps)) <= set(schedule.timesteps(inversion)):
        raise InvalidJob(
            f"an inversion of {inversion} steps does not pass all noise levels of an edit of "
            f"{steps} steps",
            hint="Use as many --inversion-steps as --steps, or a multiple.",
        )


def _headers(frames: tuple[PlannedFrame, ...]) -> dict[int, FrameHeader]:
    headers = {}
    for planned in frames:
        if not planned.on_disk or planned.source is None:
            continue
        try:
            headers[planned.frame] = inspect(planned.source, planned.frame)
        except UnreadableFrame:
            # Stage `read` decodes every frame and reports all that are broken at once.
            continue
    if not headers:
        raise UnreadableFrame(
            "no frame of the plate can be read",
            hint="render it again",
            frame=frames[0].frame,
            path=frames[0].source,
        )
    return headers


def _matte(
    job: EditJob, options: RunOptions, sequence: Sequence, written: tuple[int, ...], part: int
) -> Matte | None:
    """Find the matte; where no stage `read` follows, look at its first frame too."""
    if job.matte is None:
        return None
    matte = load_matte(job.matte.source, invert=job.matte.invert, feather=job.matte.feather)
    matte.check(written)
    if not options.dry_run:
        return matte
    try:
        plate = read_frame(sequence.path(written[0]), written[0])
    except UnreadableFrame:
        return matte  # stage `read` reports all frames that are broken at once
    matte.read(written[0], plate, part)
    return matte


def _view(job: EditJob) -> tuple[str, str] | None:
    if job.color.view is None:
        return None
    display, _, view = job.color.view.partition("/")
    return display, view


def _size(
    job: EditJob, checkpoint: CheckpointInfo, rectangle: EditRectangle, pixel_aspect: float
) -> tuple[int, int]:
    if job.edit.size is not None:
        size = (job.edit.size.width, job.edit.size.height)
        check_size(*size, checkpoint.vae_scale)
        return size
    window = rectangle.window
    return checkpoint.model_size(window.width * pixel_aspect, window.height)
