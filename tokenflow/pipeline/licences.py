"""Under which licences a job's weights are, and which of them forbid commercial work."""

from __future__ import annotations

from collections.abc import Sequence

from tokenflow.checkpoints.decoder import DecoderInfo
from tokenflow.checkpoints.flow import RaftInfo
from tokenflow.checkpoints.licence import forbids_commerce, licence_of
from tokenflow.checkpoints.motion import MotionInfo
from tokenflow.checkpoints.source import CheckpointSource
from tokenflow.pipeline.control_plan import PlannedControl


def licences(
    source: CheckpointSource,
    motion: MotionInfo | None = None,
    controls: Sequence[PlannedControl] = (),
    decoder: DecoderInfo | None = None,
    raft: RaftInfo | None = None,
) -> dict[str, str]:
    """Tell the licence of each of a job's weights, as their folders and files say."""
    places = {"checkpoint": source.path}
    if motion:
        places["motion adapter"] = motion.path
    for number, control in enumerate(controls, 1):
        places[f"ControlNet {number} ({control.asked.image})"] = control.info.path
    if decoder:
        places["decoder"] = decoder.path
    if raft:
        places["weights of the flow"] = raft.path
    return {name: licence_of(path) for name, path in places.items()}


def licence_warnings(said: dict[str, str]) -> tuple[str, ...]:
    """Name what is not for commercial work."""
    return tuple(
        f"the licence of the {name}, {licence}, forbids commercial work"
        for name, licence in said.items()
        if forbids_commerce(licence)
    )
