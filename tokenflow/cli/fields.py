"""Options of the command line that are fields of the job: texts and limits are the job's own."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import typer

from tokenflow.job_json import Part


def option(help_text: str, panel: str, *names: str) -> Any:
    """Make an option with a text of its own.

    Parameters
    ----------
    panel
        Heading in the help under which it stands.
    names
        Where they are not the parameter's.
    """
    return typer.Option(*names, help=help_text, rich_help_panel=panel, show_default=True)


def field(part: type[Part], name: str, panel: str, *names: str) -> Any:
    """Make an option of a field of the job; its help is what the field says of itself."""
    # mypy does not know that every part of a job is a dataclass.
    described = {one.name: one.metadata for one in fields(part)}[name]  # type: ignore[arg-type]
    text, least, most = (described[key] for key in ("text", "minimum", "maximum"))
    if isinstance(most, int) and most <= 1000:
        text = f"{text.rstrip('.')} ({least} to {most})."
    return option(text, panel, *names)
