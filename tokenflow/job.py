"""The job: one frozen object that says everything an edit depends on.

Panel, farm and command line build the same `EditJob` and hand it to the same pipeline. Its parts
check their values when they are made; behind that door everything may trust them. What changes no
picture (where to compute, what to do with files that exist) is `RunOptions`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ocio.frame_range import FrameRange
from tokenflow.errors import InvalidJob
from tokenflow.job_edit import (
    EDITING_METHODS,
    PROMPTED_METHODS,
    Control,
    DreamMotion,
    Edit,
    Size,
)
from tokenflow.job_json import Part, part_schema, pixel_fields, read_part, write_part
from tokenflow.job_parts import Base, Color, Deflicker, Matte, Model, Output, Plate, Range

__all__ = [
    "EDITING_METHODS",
    "PROMPTED_METHODS",
    "SCHEMA",
    "Base",
    "Color",
    "Control",
    "Deflicker",
    "DreamMotion",
    "Edit",
    "EditJob",
    "Matte",
    "Model",
    "Output",
    "Plate",
    "Range",
    "RunOptions",
    "Size",
    "canonical_json",
    "job_hash",
    "job_schema",
]

SCHEMA = "tokenflow.job/1"


@dataclass(frozen=True, kw_only=True)
class EditJob(Part):
    """Everything that one edit of one shot depends on."""

    plate: Plate
    color: Color = field(default_factory=Color)
    edit: Edit
    model: Model = field(default_factory=Model)
    matte: Matte | None = None
    deflicker: Deflicker = field(default_factory=Deflicker)
    output: Output
    range: Range = field(default_factory=Range)
    base: Base | None = None
    dreammotion: DreamMotion = field(default_factory=DreamMotion)

    @classmethod
    def from_json(cls, document: object) -> EditJob:
        """Make a job from parsed JSON.

        Raises
        ------
        InvalidJob
            For another schema version, an unknown or missing field, a wrong type or range.
        """
        if not isinstance(document, Mapping):
            raise InvalidJob("the job must be a JSON object")
        fields = dict(document)
        schema = fields.pop("schema", None)
        if schema != SCHEMA:
            raise InvalidJob(
                f"the job's schema is {schema!r}, and this version reads {SCHEMA!r} only",
                hint="Write it again with this version, or run it with the one that wrote it.",
            )
        return read_part(cls, fields)

    def to_json(self) -> dict[str, Any]:
        """Return the job as a JSON object, every field spelled out."""
        return {"schema": SCHEMA, **write_part(self)}

    def with_weights(
        self,
        sha256: str,
        decoder_sha256: str | None = None,
        motion_sha256: str | None = None,
        flow_sha256: str | None = None,
    ) -> EditJob:
        """Return the job with the hashes of the weights that its checkpoints resolved to."""
        model = replace(
            self.model, sha256=sha256, decoder_sha256=decoder_sha256, motion_sha256=motion_sha256
        )
        return replace(
            self, model=model, deflicker=replace(self.deflicker, flow_sha256=flow_sha256)
        )


@dataclass(frozen=True)
class RunOptions:
    """How one run of a job goes about it: nothing here changes a picture.

    Attributes
    ----------
    device
        ``auto``, ``cpu``, ``cuda:0``, ``mps``.
    workspace
        Folder of intermediate results; None is the user's cache.
    frames
        The part of the job's range to write; None writes all of it.
    plate, output
        Where this machine sees the plate and the result; None is what the job says.
    overwrite
        Replace frames that exist.
    resume
        Keep frames that are whole and belong to this job. With `overwrite`, all others are
        replaced: how a job goes on that was overwriting when it was interrupted.
    dry_run
        Check and say what would be done; touch no device and no file.
    previews
        Show now and then what a frame will look like, as an event.
    mapping
        Gives the job with its paths as this machine sees them; its name and hash stay.
    """

    device: str = "auto"
    workspace: Path | None = None
    frames: FrameRange | None = None
    plate: str | None = None
    output: str | None = None
    overwrite: bool = False
    resume: bool = False
    dry_run: bool = False
    previews: bool = False
    mapping: Callable[[EditJob], EditJob] | None = field(default=None, compare=False)


def job_hash(job: EditJob) -> str:
    """Return the SHA-256 (hex) of everything in the job that changes pixels.

    Output path and run options are left out, and so are fields at their default. Known weights and
    a known base count by their hash and not by where they lie, so a path mapped on a farm keeps the
    job's name.
    """
    content = {"schema": SCHEMA, **pixel_fields(job)}
    if job.model.sha256:
        content["model"].pop("checkpoint", None)
    if job.model.decoder_sha256:
        content["model"].pop("decoder_checkpoint", None)
    if job.model.motion_sha256:
        content["model"].pop("motion", None)
    if job.deflicker.flow_sha256:
        content["deflicker"].pop("flow_weights", None)
    told = content.get("edit", {}).get("controls", ())
    for control, said in zip(job.edit.controls, told, strict=True):
        if control.sha256:
            said.pop("checkpoint", None)
    if job.base and job.base.hash:
        content["base"].pop("job")
    return hashlib.sha256(canonical_json(content).encode("utf-8")).hexdigest()


def canonical_json(value: object) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def job_schema() -> dict[str, Any]:
    """Return the JSON Schema of a job file, generated from the dataclasses."""
    schema = part_schema(EditJob)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "TokenFlow job",
        **schema,
        "properties": {"schema": {"const": SCHEMA}, **schema["properties"]},
        "required": ["schema", *schema["required"]],
    }
