"""Jobs that are written for others to run: `tokenflow edit --job-file`, and those of farms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocio.errors import OutputExists
from ocio.versions import asks_for_version
from tokenflow.cli.base import was_given
from tokenflow.cli.options import load_engine
from tokenflow.farm.openjd import as_text
from tokenflow.job import EditJob, RunOptions

if TYPE_CHECKING:
    from tokenflow.pipeline.plan import Plan

JobFile = Annotated[
    Path | None,
    typer.Option(
        help="Check everything, write the job to this file, and render nothing; for `tokenflow "
        "run` and `tokenflow submit`.",
        rich_help_panel="This run",
    ),
]

OF_A_RUN = ("device", "workspace", "resume", "dry_run", "service", "progress")
"""Options that no job holds: whoever runs it gives them."""


def job_as_run(plan: Plan) -> EditJob:
    """Return a job as it is handed on: with the hash of its weights and the names of its frames."""
    return replace(plan.job, output=replace(plan.job.output, path=str(plan.output)))


def check_job_file(context: typer.Context, job: EditJob) -> None:
    """Refuse what a job that is only written cannot keep."""
    given = [name for name in OF_A_RUN if was_given(context, name)]
    if given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise typer.BadParameter(f"--job-file runs nothing: give {named} to `tokenflow run`")
    if asks_for_version(job.output.path):
        raise typer.BadParameter(
            "--job-file holds no version free until the job is run: name its number"
        )


def write_job(job: EditJob, file: Path, overwrite: bool) -> None:
    """Check a job as a run would, write it, and print where it lies.

    Raises
    ------
    OutputExists
        If the file is there and is not to be replaced.
    OcioError, TokenFlowError
        As a dry run. Frames that are there already are left to whoever runs the job.
    """
    load_engine()
    from tokenflow.pipeline import make_plan
    from tokenflow.pipeline.record import write_text

    plan = make_plan(job, RunOptions(resume=True, dry_run=True))
    if file.exists() and not overwrite:
        raise OutputExists(
            "a job file is there already", hint="use --overwrite, or choose another name", path=file
        )
    for warning in plan.warnings:
        typer.echo(f"note: {warning}", err=True)
    write_text(file, as_text(job_as_run(plan).to_json()))
    typer.echo(file)
