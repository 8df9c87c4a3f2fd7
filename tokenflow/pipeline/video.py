"""What a job needs of a model of video."""

from __future__ import annotations

from tokenflow.checkpoints.motion import MotionInfo, find_motion
from tokenflow.checkpoints.source import CheckpointSource
from tokenflow.checkpoints.verify import CheckpointInfo, open_layout
from tokenflow.diffusion.schedule import NoiseSchedule
from tokenflow.dreammotion.video_unet import check_frames, frame_limit
from tokenflow.dreammotion.windows import Window, cut
from tokenflow.errors import InvalidJob
from tokenflow.job import EditJob
from tokenflow.pipeline.weights import check_same


def find_video(
    job: EditJob, source: CheckpointSource, checkpoint: CheckpointInfo, frames: tuple[int, ...]
) -> MotionInfo | None:
    """Find what lets the job's checkpoint see time, if the method needs it.

    Raises
    ------
    InvalidJob
        The method needs a video model and there is none, or the other way round; or a window has
        more frames than the model sees.
    CheckpointDamaged
        The adapter is not the one that the job was made with.
    CheckpointMissing, CheckpointRejected
    """
    if job.edit.method != "dreammotion":
        if checkpoint.sees_time and job.edit.method not in ("ldm-recon", "passthrough"):
            raise InvalidJob(
                f"the checkpoint {checkpoint.name} is one of video, and the method "
                f"{job.edit.method} needs one of still pictures",
                hint="Use --method dreammotion, or another checkpoint.",
            )
        return None
    if job.base is not None:
        raise InvalidJob(
            "the method dreammotion cannot continue an earlier edit",
            hint="Render the whole shot without --base.",
        )
    found = find_motion(job.model.motion, source, checkpoint)
    if found:
        recorded, field = job.model.motion_sha256, "model.motion_sha256"
        check_same(found.sha256, recorded, "the motion adapter", field, found.path)
    trained = int(open_layout(source).scheduler.get("num_train_timesteps", 1000))
    if job.dreammotion.t_max > trained:
        raise InvalidJob(
            f"dreammotion.t_max {job.dreammotion.t_max} is beyond the checkpoint's {trained} "
            "training steps",
            hint=f"Use {trained} or less.",
        )
    own = frame_limit(open_layout(source).configs["unet"])
    for window in windows_of(job, frames):
        check_frames(len(window.frames), found.most_frames if found else own)
    return found


def schedule_warnings(
    job: EditJob, motion: MotionInfo | None, schedule: NoiseSchedule
) -> tuple[str, ...]:
    """Warn of an adapter that may have been trained with another noise schedule.

    AnimateDiff's were, unlike the checkpoints that they are for: its configs/training/*.yaml.
    """
    named = motion is not None and job.model.motion is not None
    if not named or job.dreammotion.schedule != "checkpoint" or schedule.betas == "linear":
        return ()
    return (
        "AnimateDiff's motion adapters were trained with a linear noise schedule, and the "
        f"checkpoint's is {schedule.betas}: if this is one of them, use --schedule linear",
    )


def windows_of(job: EditJob, frames: tuple[int, ...]) -> tuple[Window, ...]:
    """Cut the frames that the model sees into the job's windows."""
    return cut(frames, job.dreammotion.window, job.dreammotion.overlap)
