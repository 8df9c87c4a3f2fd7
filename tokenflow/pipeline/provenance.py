"""What an edited frame says of itself in its header, and what that tells a later run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path

from ocio.attributes import PROVENANCE_PREFIX
from ocio.errors import OcioError
from ocio.exr import inspect
from ocio.exr_write import frame_is_complete
from ocio.header import Attribute
from ocio.merge import MergeCounts
from tokenflow.checkpoints.weights import sha256_of
from tokenflow.diffusion.editor import EditReport
from tokenflow.job import Deflicker, EditJob, Output, canonical_json
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.read import FrameFacts

LIBRARIES = ("torch", "diffusers", "OpenImageIO", "opencolorio")


def job_attributes(plan: Plan, inputs: str, edited: EditReport | None) -> dict[str, str]:
    """Return what the header of every frame says: short strings, the prompt only as a hash.

    Parameters
    ----------
    inputs
        Hash of all that the edit depends on, files on disk included.
    edited
        The edit, for the keyframes that it drew; None for methods that draw none.
    """
    job, output, encoding = plan.job, plan.job.output, plan.encoding
    said = {
        "version": f"tokenflow {metadata.version('tokenflow')}",
        "job_hash": plan.hash,
        "inputs_hash": inputs,
        "method": _method(job),
        "seed": str(job.edit.seed),
        "prompt_hash": _short_hash(job.edit.prompt),
        "model": Path(job.model.checkpoint).name,
        "model_sha256": plan.checkpoint.sha256,
        "encoding": encoding.name,
        "config": plan.config.name,
        "config_cache_id": plan.config.cache_id,
        "config_sha256": plan.config.sha256,
        "log_space": encoding.log.name,
        "merge": _merge(output),
        "deflicker": _deflicker(job.deflicker),
        "libraries": ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES),
    }
    if encoding.guard:
        said["guard"] = f"{encoding.guard.start_level:.4g} {encoding.guard.end_level:.4g}"
    if keyframes := keyframes_hash(edited):
        said["keyframes_hash"] = keyframes
    if plan.motion:
        said["motion_sha256"] = plan.motion.sha256
    if plan.decoder:
        said["decoder"] = f"{plan.decoder.kind} {plan.decoder.sha256}"
    if plan.controls:
        said["controls"] = ", ".join(
            f"{one.asked.image} {one.asked.weight:g} {one.info.sha256}" for one in plan.controls
        )
    if job.matte:
        said["matte"] = Path(job.matte.source).name
    return {PROVENANCE_PREFIX + name: value for name, value in said.items()}


def _method(job: EditJob) -> str:
    edit, how = job.edit, job.dreammotion
    if edit.method != "dreammotion":
        return f"{edit.method} {edit.mode} {edit.technique}"
    return (
        f"dreammotion {how.steps} steps of {how.step_size:g}, structure {how.structure:g}, "
        f"motion {how.motion:g}"
    )


def _merge(part: Output) -> str:
    grain = " with grain" if part.regrain else ""
    return f"{part.merge}{grain} strength {part.strength:g} cap {part.cap_stops:g} stops"


def _deflicker(part: Deflicker) -> str:
    words = [part.strength, *([part.flow] if part.flow != "auto" else [])]
    return " ".join([*words, *(["uncompensated"] if part.uncompensated else [])])


def keyframes_hash(edited: EditReport | None) -> str | None:
    """Tell the keyframe sets of edits apart; None where no step had keyframes."""
    if edited is None or not any(edited.keyframes):
        return None
    return _short_hash(canonical_json(edited.keyframes))


def frame_attributes(plan: Plan, number: int, facts: FrameFacts) -> dict[str, str]:
    """Return what the header of one frame says of the files it was made of."""
    said = {"source": plan.sequence.path(number).name, "source_sha256": facts.sha256}
    if plan.matte is not None and (file := plan.matte.source(number)) is not None:
        said["matte_sha256"] = sha256_of(file)
    return {PROVENANCE_PREFIX + name: value for name, value in said.items()}


@dataclass(frozen=True)
class FrameCounts:
    """What was met in one frame, in samples of the edited channels.

    They stand in the frame's header, so that a later run that keeps the frame can report them.

    Attributes
    ----------
    nan, infinite, negative
        Of the plate.
    capped
        Whose edit was limited to the cap.
    clamped
        Of the result, limited to what half holds.
    touched
        That were changed.
    samples
        In all.
    """

    nan: int
    infinite: int
    negative: int
    capped: int
    clamped: int
    touched: int
    samples: int

    @classmethod
    def of(cls, merged: MergeCounts, clamped: int) -> FrameCounts:
        """Count one merge, and what its frame clamped."""
        return cls(clamped=clamped, **asdict(merged))

    @classmethod
    def in_header(cls, attributes: Mapping[str, Attribute]) -> FrameCounts | None:
        """Read them from a header; None if one is absent."""
        names = [field.name for field in fields(cls)]
        found = [attributes.get(PROVENANCE_PREFIX + name) for name in names]
        values = [int(one.value) for one in found if one is not None]
        return cls(*values) if len(values) == len(names) else None


def counts_attributes(counts: FrameCounts) -> dict[str, str | int | float]:
    """Return what the header of one frame says of what was met in it."""
    return {PROVENANCE_PREFIX + name: value for name, value in asdict(counts).items()}


def result_attributes(facts: FrameFacts, counts: FrameCounts) -> dict[str, str | int | float]:
    """Return what the header of one frame says of what was met on the way."""
    outside = {PROVENANCE_PREFIX + "outside_percent": round(facts.outside_percent, 3)}
    return counts_attributes(counts) | outside


def counts_if_done(path: Path, job_hash: str, wanted: Mapping[str, str]) -> FrameCounts | None:
    """Return the counts of a frame that is whole, of this job, and carries the attributes `wanted`.

    None where the frame has to be made.
    """
    try:
        if not path.exists() or not frame_is_complete(path, job_hash):
            return None
        found = inspect(path).parts[0].attributes
    except OcioError:
        return None
    if any(name not in found or found[name].value != value for name, value in wanted.items()):
        return None
    return FrameCounts.in_header(found)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
