"""What the job and report files beside an edit say of how it was made."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ocio.sequence import SequencePattern
from tokenflow.pipeline.record import job_file, record_name

IN_ALL = "in all"


@dataclass(frozen=True)
class JobNotes:
    """How one edit was made, as far as files beside it tell.

    Attributes
    ----------
    method
        Empty where nothing is known.
    prompt, source_prompt
        What was asked for, and what the plate shows.
    checkpoint
        The name of the weights.
    settings
        For a table.
    seconds
        By stage, over all parts of the job.
    warnings
        Of the runs, and of files that could not be read.
    again
        The command that runs the job again; empty without a job file.
    """

    method: str = ""
    prompt: str = ""
    source_prompt: str = ""
    checkpoint: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    again: str = ""


def read_notes(pattern: SequencePattern) -> JobNotes:
    """Read `NAME.job.json` and `NAME.report*.json` beside an edit."""
    problems: list[str] = []
    path = job_file(pattern)
    job = _object(path, problems)
    parts = sorted(pattern.folder.glob(f"{record_name(pattern)}.report*.json"))
    reports = [found for part in parts if (found := _object(part, problems))]
    edit = _part(job, "edit")
    seconds: Counter[str] = Counter()
    warnings: dict[str, None] = {}
    for report in reports:
        seconds.update(
            {str(k): float(v) for k, v in _part(report, "seconds").items() if _is_number(v)}
        )
        warnings.update(dict.fromkeys(map(str, report.get("warnings", ()))))
    return JobNotes(
        method=str(edit.get("method", "")),
        prompt=str(edit.get("prompt", "")),
        source_prompt=str(edit.get("source_prompt", "")),
        checkpoint=str(_part(job, "model").get("checkpoint", "")),
        settings=_settings(edit, reports),
        seconds={**seconds, IN_ALL: seconds.total()} if seconds else {},
        warnings=(*warnings, *problems),
        again=shlex.join(["tokenflow", "run", str(path.absolute()), "--overwrite"]) if job else "",
    )


def _settings(edit: Mapping[str, Any], reports: list[dict[str, Any]]) -> dict[str, str]:
    known: dict[str, str] = {}
    if edit:
        known["method"] = "{method}, {technique}, mode {mode}".format_map(_Known(edit))
        known["steps"] = "{steps}, inversion {inversion_steps}".format_map(_Known(edit))
        known["keyframes"] = "every {keyframe_interval}, {keyframes}".format_map(_Known(edit))
        known["guidance"] = f"{edit.get('guidance', '?')}"
        known["seed"] = f"{edit.get('seed', '?')}"
    if not reports:
        return known
    report = reports[0]
    checkpoint, color = _part(report, "checkpoint"), _part(report, "color")
    written = ", ".join(str(_part(one, "frames").get("written", "")) for one in reports)
    known |= {
        "checkpoint": f"{checkpoint.get('name', '?')} ({str(checkpoint.get('sha256', ''))[:12]})",
        "model sees": "x".join(map(str, report.get("size", ()))),
        "colour": f"{color.get('colorspace', '?')}, {color.get('config', '?')}",
        **_held_by(report.get("controls")),
        "deflicker": _deflicker(_part(report, "deflicker")),
        "device": f"{report.get('device', '?')}, {report.get('dtype', '?')}",
        "frames": written,
        "UNet evaluations": str(
            sum(_part(r, part).get("samples", 0) for r in reports for part in ("inversion", "edit"))
        ),
        "job hash": str(report.get("job_hash", ""))[:20],
        "version": f"tokenflow {_part(report, 'product').get('version', '?')}",
    }
    return known


def _held_by(controls: object) -> dict[str, str]:
    """Say which ControlNets held the edit, if any."""
    listed = controls if isinstance(controls, list) else []
    held = [_Known(one) for one in listed if isinstance(one, dict)]
    said = ", ".join("{image} {weight} ({sha256!s:.12})".format_map(one) for one in held)
    return {"held by": said} if said else {}


def _deflicker(report: Mapping[str, Any]) -> str:
    """Say how strong the pass was and along which motion, and whether the edit is compensated."""
    strength = str(report.get("strength", "?"))
    words = [f"{strength}, along {report['flow']}" if report.get("flow") else strength]
    if report.get("compensated") is False:
        words.append("uncompensated")
    return ", ".join(words)


class _Known(dict[str, Any]):
    """Fields of a job; what an older or newer one lacks shows as a question mark."""

    def __missing__(self, name: str) -> str:
        return "?"


def _object(path: Path, problems: list[str]) -> dict[str, Any]:
    """Read a JSON object; an empty one where there is no file, or none that can be read."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if isinstance(found, dict):
        return found
    problems.append(f"{path.name} beside the edit cannot be read, so how it was made is not shown")
    return {}


def _part(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
