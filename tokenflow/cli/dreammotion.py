"""The options of `tokenflow edit` for the method dreammotion."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal

import typer

from tokenflow.cli.fields import field, option
from tokenflow.job import DreamMotion, EditJob

_PANEL = "The method dreammotion"

MotionAdapter = Annotated[
    str | None,
    option(
        "Folder of the motion adapter that lets a checkpoint of still pictures see time; default: "
        "the bundled one for demo, and none for checkpoints of video.",
        _PANEL,
        "--motion-adapter",
    ),
]
StepSize = Annotated[float, field(DreamMotion, "step_size", _PANEL)]
Structure = Annotated[float, field(DreamMotion, "structure", _PANEL)]
Motion = Annotated[float, field(DreamMotion, "motion", _PANEL)]
Features = Annotated[Literal["null", "source", "cond"], field(DreamMotion, "features", _PANEL)]
Layers = Annotated[Literal["inner", "up"], field(DreamMotion, "layers", _PANEL)]
Loss = Annotated[Literal["per-element", "paper"], field(DreamMotion, "loss", _PANEL)]
Mask = Annotated[Literal["total", "paper"], field(DreamMotion, "mask", _PANEL)]
Window = Annotated[int, field(DreamMotion, "window", _PANEL)]
Overlap = Annotated[int, field(DreamMotion, "overlap", _PANEL)]
Windows = Annotated[Literal["coupled", "independent"], field(DreamMotion, "windows", _PANEL)]
LeastNoise = Annotated[int, field(DreamMotion, "t_min", _PANEL)]
MostNoise = Annotated[int, field(DreamMotion, "t_max", _PANEL)]
Schedule = Annotated[Literal["checkpoint", "linear"], field(DreamMotion, "schedule", _PANEL)]
Deterministic = Annotated[
    bool,
    typer.Option(
        "--deterministic",
        metavar="",
        help=str(DreamMotion.__dataclass_fields__["deterministic"].metadata["text"]),
        rich_help_panel=_PANEL,
    ),
]

DEFAULT = DreamMotion()

NAMES = tuple(one.name for one in fields(DreamMotion) if one.name != "steps")
"""Fields that have an option of their own; `--steps` is for every method."""


def dreammotion_of(options: dict[str, Any], steps: int | None) -> DreamMotion:
    """Make the job's part of the command's options.

    Parameters
    ----------
    steps
        As given; None takes the method's own.
    """
    given = {name: options[name] for name in NAMES}
    if steps is not None:
        given["steps"] = steps
    return DreamMotion(**given)


def values_of_dreammotion(job: EditJob) -> dict[str, Any]:
    """Return the options that say what a job says, by their names."""
    values = {name: getattr(job.dreammotion, name) for name in NAMES}
    return {**values, "motion_adapter": job.model.motion}
