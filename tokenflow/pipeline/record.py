"""What was done, said where people will look: in the file headers and beside the frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocio.errors import DiskFull
from ocio.frame_range import FrameRange
from ocio.sequence import SequencePattern
from ocio.storage import failure_of
from ocio.temporary import temporary_path
from tokenflow.errors import TokenFlowError
from tokenflow.job import job_hash
from tokenflow.job_file import RECORD, read_job
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.provenance import keyframes_hash

if TYPE_CHECKING:
    from tokenflow.diffusion.editor import EditReport
    from tokenflow.diffusion.inversion import InversionReport
    from tokenflow.dreammotion.bend import BendReport
    from tokenflow.pipeline.deflicker import Steadied
    from tokenflow.pipeline.merge import Delivery
    from tokenflow.pipeline.read import FrameFacts

LIBRARIES = ("torch", "diffusers", "transformers", "numpy", "OpenImageIO", "opencolorio")


@dataclass(frozen=True)
class Record:
    """Everything that one run did."""

    plan: Plan
    device: str
    dtype: str
    seconds: Mapping[str, float]
    warnings: tuple[str, ...]
    facts: Mapping[int, FrameFacts]
    inversion: InversionReport | None
    edit: EditReport | None
    steadied: Steadied | None
    likeness: float | None
    delivery: Delivery
    bent: BendReport | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the report: versions, checkpoint, device, seconds per stage, warnings, counts."""
        plan, encoding = self.plan, self.plan.encoding
        outside = {frame: facts.outside_percent for frame, facts in self.facts.items()}
        return {
            "schema": "tokenflow.report/1",
            "product": {"name": "tokenflow", "version": metadata.version("tokenflow")},
            "libraries": {name: metadata.version(name) for name in LIBRARIES},
            "job_hash": plan.hash,
            "checkpoint": {"name": plan.checkpoint.name, "sha256": plan.checkpoint.sha256},
            "motion": plan.motion and {"path": plan.motion.path.name, "sha256": plan.motion.sha256},
            "licences": dict(plan.licences),
            "decoder": plan.decoder and {"kind": plan.decoder.kind, "sha256": plan.decoder.sha256},
            "controls": [
                {"image": one.asked.image, "weight": one.asked.weight, "sha256": one.info.sha256}
                for one in plan.controls
            ],
            "device": self.device,
            "dtype": self.dtype,
            "size": list(plan.size),
            "frames": {
                "seen": str(FrameRange.of(plan.numbers)),
                "written": str(FrameRange.of(self.delivery.written)),
                "kept": str(
                    FrameRange.of(f for f, result in self.delivery.results.items() if result.kept)
                ),
            },
            "base": plan.earlier
            and {
                "job_hash": plan.earlier.hash,
                "again": str(FrameRange.of(plan.again)),
                "blended": {str(frame): round(share, 6) for frame, share in plan.shares.items()},
                "carried": str(FrameRange.of(plan.carried)),
            },
            "color": {
                "config": plan.config.name,
                "config_cache_id": plan.config.cache_id,
                "config_sha256": plan.config.sha256,
                "config_source": plan.config.source,
                "colorspace": plan.plate_space,
                "encoding": encoding.name,
                "log_space": encoding.log.name,
                "guard": (
                    [encoding.guard.start_level, encoding.guard.end_level]
                    if encoding.guard
                    else None
                ),
                "outside_percent": {str(f): round(share, 3) for f, share in outside.items()},
            },
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "inversion": {
                "residuals": {
                    str(t): [residual.mean, residual.worst]
                    for t, residual in (self.inversion.residuals if self.inversion else {}).items()
                },
                "samples": self.inversion.samples if self.inversion else 0,
            },
            "edit": {
                "samples": self.edit.samples if self.edit else 0,
                "keyframes_hash": keyframes_hash(self.edit),
                "keyframes": [list(step) for step in (self.edit.keyframes if self.edit else ())],
            },
            "dreammotion": self.bent and _bent(self.bent),
            "deflicker": {
                "strength": plan.job.deflicker.strength,
                "compensated": not plan.job.deflicker.uncompensated,
                "decodings_alike": None if self.likeness is None else round(self.likeness, 4),
                "flow": self.steadied.flow if self.steadied else None,
                "dropped": dict(self.steadied.dropped) if self.steadied else {},
            },
            "counts": self.delivery.counts(),
            "sources": {str(frame): facts.sha256 for frame, facts in self.facts.items()},
            "warnings": list(self.warnings),
        }


def _bent(report: BendReport) -> dict[str, Any]:
    """Give what every step saw, as lists by name."""
    names = ("edit", "structure", "motion", "held")
    return {
        "samples": report.samples,
        "windows": [f"{first}-{last}" for first, last in report.windows],
        "losses": {
            name: [float(f"{getattr(step, name):.6g}") for step in report.losses] for name in names
        },
    }


def write_records(plan: Plan, record: Record) -> Path:
    """Write `NAME.job.json` and `NAME.report.json` beside the frames; returns the report's path.

    A run that writes a part of the job's frames puts them into the report's name.
    """
    folder, name = plan.output.folder, record_name(plan.output)
    part = f".{plan.options.frames}" if plan.options.frames is not None else ""
    report = folder / f"{name}.report{part}.json"
    job = plan.told or plan.job
    if plan.options.mapping is None:
        # Where it went, if the run placed it elsewhere.
        job = replace(job, output=replace(job.output, path=str(plan.output)))
    if not (part and _holds(job_file(plan.output), plan.hash)):
        write_text(job_file(plan.output), _as_text(job.to_json()))
    write_text(report, _as_text(record.to_json()))
    return report


def _holds(file: Path, hash_: str) -> bool:
    """Whether a task beside this one, or who submitted it, has written the job already."""
    try:
        return job_hash(read_job(file)) == hash_
    except TokenFlowError:
        return False


def job_file(output: SequencePattern) -> Path:
    """Return where the job of an edit lies: `NAME.job.json` beside its frames."""
    return output.folder / f"{record_name(output)}{RECORD}"


def record_name(output: SequencePattern) -> str:
    """Return the NAME of the records beside frames: what their names begin with."""
    stem = output.prefix if output.padding else Path(output.prefix).stem
    return stem.rstrip("._- ") or output.folder.resolve().name or "frames"


def write_text(path: Path, text: str) -> None:
    """Write a text file so that it appears whole under its name, or not at all.

    Raises
    ------
    DiskFull, NoPermission, WriteFailed
    """
    partial = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        reason = error.strerror or error
        kind = failure_of(error)
        if kind is DiskFull:
            raise DiskFull(
                f"no space to write '{path}': {reason}", hint="free some and run again", path=path
            ) from error
        raise kind(
            f"'{path}' cannot be written: {reason}", hint="choose another place", path=path
        ) from error


def _as_text(content: object) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
