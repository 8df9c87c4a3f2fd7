"""`tokenflow edit --base`: what is not said anew is as in the earlier edit."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import typer

from tokenflow.cli.dreammotion import values_of_dreammotion
from tokenflow.job import Edit, EditJob, Output

ONLY_IN_JOBS = ("cap_stops", "guard_start", "guard_end")
"""Fields of the output that have no option on the command line."""


def values_of(job: EditJob) -> dict[str, Any]:
    """Return the options of `tokenflow edit` that say what a job says, by their names."""
    edit = {field.name: getattr(job.edit, field.name) for field in fields(Edit)}
    values = {
        **edit,
        **values_of_dreammotion(job),
        "controls": [str(control) for control in job.edit.controls],
        "size": None if job.edit.size is None else str(job.edit.size),
        "plate": job.plate.path,
        "part": job.plate.part,
        "layer": job.plate.layer,
        "stereo_view": job.plate.stereo_view,
        "missing": job.range.missing,
        "model": job.model.checkpoint,
        "dtype": job.model.dtype,
        "decoder": job.model.decoder,
        "decoder_checkpoint": job.model.decoder_checkpoint,
        "ocio": job.color.ocio,
        "colorspace": job.color.colorspace,
        "view": job.color.view,
        "encoding": job.color.encoding,
        "merge": job.output.merge,
        "strength": job.output.strength,
        "regrain": job.output.regrain,
        "compression": job.output.compression,
        "deflicker": job.deflicker.strength,
        "flow": job.deflicker.flow,
        "flow_weights": job.deflicker.flow_weights,
        "uncompensated": job.deflicker.uncompensated,
    }
    if job.matte is not None:
        values |= {"matte": job.matte.source, "matte_invert": job.matte.invert}
        values["matte_feather"] = job.matte.feather
    return values


def continued(context: typer.Context, earlier: EditJob) -> dict[str, Any]:
    """Return the options of the command, as in the earlier edit where none was given."""
    before = values_of(earlier)
    given = {name for name in context.params if was_given(context, name)}
    return {
        name: value if name in given else before.get(name, value)
        for name, value in context.params.items()
    }


def was_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def as_it_was(output: Output, earlier: Output) -> Output:
    """Return an output with what only a job file can say taken from the earlier edit."""
    return replace(output, **{name: getattr(earlier, name) for name in ONLY_IN_JOBS})
