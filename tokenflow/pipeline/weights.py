"""The weights that a job names beside its checkpoint, and whether they are those that it means."""

from __future__ import annotations

from pathlib import Path

from tokenflow.checkpoints.decoder import DecoderInfo, verify_decoder
from tokenflow.checkpoints.flow import RaftInfo, verify_raft
from tokenflow.checkpoints.source import CheckpointSource
from tokenflow.errors import CheckpointDamaged
from tokenflow.job import EditJob


def check_same(sha256: str, recorded: str | None, what: str, field: str, path: Path) -> None:
    """Refuse other weights than those that a job was made with.

    Parameters
    ----------
    sha256, recorded
        Hash of what was found, and the one in the job, if there is one yet.
    what, field
        What it is, in words, and the field of the job that holds the hash.

    Raises
    ------
    CheckpointDamaged
    """
    if recorded not in (None, sha256):
        raise CheckpointDamaged(
            f"{what} is not the one that the job was made with",
            hint=f"Give the job the same weights, or clear {field} to use these.",
            path=path,
        )


def find_decoder(job: EditJob, source: CheckpointSource) -> DecoderInfo | None:
    """Find what decodes instead of the checkpoint, if the job names it.

    Raises
    ------
    CheckpointDamaged, CheckpointMissing, CheckpointRejected
    """
    model = job.model
    if model.decoder == "default" or model.decoder_checkpoint is None:
        return None
    found = verify_decoder(model.decoder, Path(model.decoder_checkpoint), source)
    recorded, field = model.decoder_sha256, "model.decoder_sha256"
    check_same(found.sha256, recorded, "the decoder", field, found.path)
    return found


def find_raft(job: EditJob) -> RaftInfo | None:
    """Find the network that finds the plate's motion, if the job names it.

    Raises
    ------
    CheckpointDamaged, CheckpointMissing, CheckpointRejected
    """
    if job.deflicker.flow_weights is None:
        return None
    found = verify_raft(Path(job.deflicker.flow_weights))
    recorded, field = job.deflicker.flow_sha256, "deflicker.flow_sha256"
    check_same(found.sha256, recorded, "the network of the flow", field, found.path)
    return found
