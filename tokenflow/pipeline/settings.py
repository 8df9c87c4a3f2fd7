"""A job's edit in the engine's own settings."""

from __future__ import annotations

from tokenflow.checkpoints.motion import MotionInfo
from tokenflow.diffusion.settings import EditSettings, InversionSettings
from tokenflow.dreammotion.settings import BendSettings
from tokenflow.job import EDITING_METHODS, EditJob


def edit_settings(job: EditJob) -> EditSettings:
    """Translate a job's edit into the engine's settings."""
    edit = job.edit
    method = edit.method if edit.method in EDITING_METHODS else "tokenflow"
    return EditSettings(
        prompt=edit.prompt,
        negative_prompt=edit.negative_prompt,
        source_prompt=edit.source_prompt,
        method=method,  # type: ignore[arg-type]
        technique=edit.technique,
        mode=edit.mode,
        guidance=edit.guidance,
        steps=edit.steps,
        keyframe_interval=edit.keyframe_interval,
        keyframes=edit.keyframes,
        seed=edit.seed,
        qk_threshold=edit.qk_threshold,
        conv_threshold=edit.conv_threshold,
        start=edit.start,
        weights=edit.weights,
    )


def inversion_settings(job: EditJob) -> InversionSettings:
    """Translate a job's inversion into the engine's settings."""
    return InversionSettings(
        steps=job.edit.inversion_steps,
        scheme="plain" if job.edit.mode == "released" else "fixed-point",
        evaluations=job.edit.inversion_evaluations,
    )


def bend_settings(job: EditJob, motion: MotionInfo | None) -> BendSettings:
    """Translate a job of the method dreammotion, with what its motion adapter says of itself."""
    edit = job.edit
    return BendSettings(
        prompt=edit.prompt,
        source_prompt=edit.source_prompt,
        negative_prompt=edit.negative_prompt,
        guidance=edit.guidance,
        seed=edit.seed,
        how=job.dreammotion,
        weights=motion.weights if motion else (1.0, 1.0),
    )
