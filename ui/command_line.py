"""A job as the line that does the same in a shell."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from tokenflow.job import EditJob

NAMES = {
    "model.checkpoint": "model",
    "matte.source": "matte",
    "deflicker.strength": "deflicker",
    "edit.controls": "control",
    "model.motion": "motion-adapter",
}
"""Options that are not called as their field."""


def command_of(job: EditJob, *, overwrite: bool = False) -> str:
    """Return ``tokenflow edit PLATE -o OUT ...``; what stands at its default is left out."""
    words = ["tokenflow", "edit", job.plate.path, "-o", job.output.path]
    for part in (job.range, job.plate, job.edit, job.model, job.color, job.output, job.matte):
        if part is not None:
            words += _options(part)
    words += _options(job.deflicker)
    if job.edit.method == "dreammotion":
        words += _options(job.dreammotion)
    if overwrite:
        words.append("--overwrite")
    return shlex.join(words)


def _options(part: Any) -> list[str]:
    words: list[str] = []
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        filled_in = field.name == "path" or field.name.endswith("sha256")
        if filled_in or value is None or value == field.default:
            continue
        option = "--" + _name(part.where, field.name).replace("_", "-")
        if value is True:
            words.append(option)
        elif isinstance(value, tuple):
            words += [word for each in value for word in (option, str(each))]
        else:
            words += [option, str(value)]
    return words


def _name(where: str, field: str) -> str:
    return NAMES.get(f"{where}.{field}") or (f"matte_{field}" if where == "matte" else field)
