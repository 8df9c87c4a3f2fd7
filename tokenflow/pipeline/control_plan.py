"""The ControlNets of a job, found and checked at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokenflow.checkpoints.controlnet import ControlNetInfo, verify_controlnet
from tokenflow.checkpoints.source import DEMO, CheckpointSource
from tokenflow.errors import InvalidJob
from tokenflow.job import EDITING_METHODS, Control, EditJob
from tokenflow.pipeline.weights import check_same


@dataclass(frozen=True)
class PlannedControl:
    """A ControlNet that was found.

    Attributes
    ----------
    asked
        What the job says of it, with the hash of its weights.
    info
        The ControlNet.
    """

    asked: Control
    info: ControlNetInfo


def plan_controls(job: EditJob, source: CheckpointSource) -> tuple[PlannedControl, ...]:
    """Find the ControlNets of a job; none for other techniques and for methods that do not denoise.

    Raises
    ------
    InvalidJob
        If the checkpoint is not the bundled one, and the job names none.
    CheckpointMissing, CheckpointRejected, CheckpointDamaged
        As `verify_controlnet`, or because its weights are not those that the job was made with.
    """
    if job.edit.technique != "controlnet" or job.edit.method not in EDITING_METHODS:
        return ()
    controls = job.edit.controls
    if not controls and job.model.checkpoint != DEMO:
        raise InvalidJob(
            f"the technique controlnet needs a ControlNet for the checkpoint {source.name}",
            hint="Name its picture and folder, for example --control depth=FOLDER.",
        )
    return tuple(_found(one, source) for one in controls or (Control(),))


def with_controls(job: EditJob, planned: Sequence[PlannedControl]) -> EditJob:
    """Return a job with the ControlNets that were found and their hashes, at its own places."""
    if not planned:
        return job
    said = job.edit.controls or tuple(one.asked for one in planned)
    controls = (
        replace(control, sha256=one.info.sha256) for control, one in zip(said, planned, strict=True)
    )
    return replace(job, edit=replace(job.edit, controls=tuple(controls)))


def _found(control: Control, source: CheckpointSource) -> PlannedControl:
    info = verify_controlnet(control.checkpoint, source)
    what, field = f"the ControlNet for {control.image}", "edit.controls[].sha256"
    check_same(info.sha256, control.sha256, what, field, info.path)
    return PlannedControl(replace(control, sha256=info.sha256), info)
