"""`tokenflow run`: a job file, as farms call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ocio.frame_range import FrameRange
from tokenflow.cli.options import (
    BOTH,
    DryRun,
    Overwrite,
    ProgressOption,
    Resume,
    Service,
    Stages,
    WorkspaceFolder,
    carry_out,
    given_on_the_command_line,
)
from tokenflow.cli.rank import Asked, carry_out_on_ranks
from tokenflow.farm.path_mapping import PathMapping
from tokenflow.farm.ranks import devices_of
from tokenflow.job import RunOptions, job_schema
from tokenflow.job_file import read_job


def _schema(wanted: bool) -> None:
    if wanted:
        typer.echo(json.dumps(job_schema(), indent=1))
        raise typer.Exit


def run(
    job: Annotated[Path, typer.Argument(metavar="JOB", help="The job file, JSON.")],
    frames: Annotated[
        str | None, typer.Option(help="The part of the job's range to write, 1001-1012.")
    ] = None,
    plate: Annotated[
        str | None, typer.Option(help="Where this machine sees the plate, if not as in the job.")
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Where to write, if not as in the job.")
    ] = None,
    stage: Annotated[
        Stages,
        typer.Option(
            help="A part of the job, for farms: prepare ends with the inversion, edit with the "
            "edit's difference, deflicker when that is steady; all goes on from there to the "
            "frames; verify reads them all and puts the reports of the tasks together."
        ),
    ] = "all",
    path_mapping_rules: Annotated[
        Path | None,
        typer.Option(
            help="Rules (JSON, pathmapping-1.0) that say where this machine sees the job's paths."
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="auto, cpu, cuda:0 or mps; several of one kind, cuda:0,cuda:1, share the shot, "
            "each by a process of its own.",
            rich_help_panel="This run",
        ),
    ] = "auto",
    workspace: WorkspaceFolder = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    dry_run: DryRun = False,
    service: Service = False,
    progress: ProgressOption = "auto",
    schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            metavar="",
            callback=_schema,
            is_eager=True,
            help="Print the JSON Schema of job files.",
        ),
    ] = False,
) -> None:
    """Run a job file.

    `tokenflow run edit/shot.job.json --frames=1001-1012 --resume --progress json`
    """
    rules = PathMapping.read(path_mapping_rules) if path_mapping_rules else None
    with given_on_the_command_line():
        devices = devices_of(device)
        options = RunOptions(
            device=devices[0],
            workspace=workspace,
            frames=FrameRange.parse(frames) if frames else None,
            plate=plate,
            output=out,
            overwrite=overwrite,
            resume=resume,
            dry_run=dry_run,
            mapping=rules.job if rules else None,
        )
    if len(devices) == 1 or dry_run:
        carry_out(read_job(job), options, progress, service=service, stage=stage)
        return
    if service:
        raise typer.BadParameter("--service has one device: start it with that")
    if overwrite and resume:
        raise typer.BadParameter(BOTH)
    carry_out_on_ranks(Asked(read_job(job), options, progress, stage, devices))
