"""Options that several commands share, and how a job is run from the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from ocio.errors import InvalidFrameRange
from ocio.frame_range import FrameRange
from tokenflow.cli.by_service import by_service
from tokenflow.cli.progress import shown
from tokenflow.errors import EngineNotInstalled, InvalidJob
from tokenflow.events import Emit, Finished, Progress, StageFinished, StageStarted
from tokenflow.job import EditJob, RunOptions

if TYPE_CHECKING:
    from tokenflow.pipeline.ranks import Team
    from tokenflow.pipeline.record import Record

ProgressStyle = Literal["auto", "plain", "json", "openjd", "deadline", "tractor"]
Stages = Literal["all", "prepare", "edit", "deflicker", "verify"]
"""What one task of a job in pieces does."""

BOTH = "--overwrite and --resume exclude each other; choose one of them"

Device = Annotated[str, typer.Option(help="auto, cpu, cuda:0 or mps.", rich_help_panel="This run")]
WorkspaceFolder = Annotated[
    Path | None,
    typer.Option(
        help="Where latents and other intermediate results are kept; default: the user's cache.",
        rich_help_panel="This run",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", metavar="", help="Replace frames that exist.", rich_help_panel="This run"
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        metavar="",
        help="Keep frames that are whole and belong to this job; make the others.",
        rich_help_panel="This run",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        metavar="",
        help="Check everything and say what would be done; touches no GPU and no file.",
        rich_help_panel="This run",
    ),
]
Service = Annotated[
    bool,
    typer.Option(
        "--service",
        metavar="",
        help="Let the local service do it, in its turn; it is started if none runs.",
        rich_help_panel="This run",
    ),
]
ProgressOption = Annotated[
    ProgressStyle,
    typer.Option(
        help="auto: bars on a terminal, else plain lines; json: one object per line on standard "
        "output; openjd, deadline, tractor: the lines that these farms read there.",
        rich_help_panel="This run",
    ),
]

OwnProgress = Annotated[
    Literal["auto", "plain", "json"],
    typer.Option(
        help="auto: bars on a terminal, else plain lines; json: one object per line on standard "
        "output.",
        rich_help_panel="This run",
    ),
]
"""Of commands that run several jobs, or none: what farms read is the progress of one."""


@contextmanager
def given_on_the_command_line() -> Iterator[None]:
    """Answer a value that no job takes as wrong usage; only in a job file is it bad data."""
    try:
        yield
    except (InvalidJob, InvalidFrameRange) as error:
        raise typer.BadParameter(str(error)) from error


def load_engine() -> None:
    """Import what computes, or say how to install it.

    Raises
    ------
    EngineNotInstalled
        When the extra `engine` is missing.
    """
    try:
        # Seconds go by here, minutes on a cold disk; in a log nothing is shown.
        with Console(stderr=True).status("Starting the engine"):
            import diffusers  # noqa: F401
            import OpenImageIO  # noqa: F401
            import torch  # noqa: F401
            import transformers  # noqa: F401

            import tokenflow.pipeline  # noqa: F401
    except ImportError as error:
        raise EngineNotInstalled(
            f"the engine is not installed: {error}",
            hint="In the folder of the sources, run pip install '.[engine]'.",
        ) from error


def carry_out(
    job: EditJob,
    options: RunOptions,
    style: ProgressStyle,
    *,
    service: bool = False,
    stage: Stages = "all",
    team: Team | None = None,
) -> Record | None:
    """Run a job and say on standard output where its frames are, or only what it would do.

    A script gets one path per line, a person at a terminal the name of the sequence. With `service`
    another process runs it, and no record of it is given.
    """
    if options.overwrite and options.resume:
        raise typer.BadParameter(BOTH)
    if service and stage != "all":
        raise typer.BadParameter("--stage and --service exclude each other: stages are for farms")
    if options.dry_run and stage == "verify":
        raise typer.BadParameter("--stage verify has no dry run: it computes nothing")
    if service:
        by_service(job, options, style)
        return None
    load_engine()
    from tokenflow.pipeline import make_plan, run_job
    from tokenflow.pipeline.estimate import describe

    if options.dry_run:
        if stage != "all":
            # Frames that are there are no matter of a task that writes none.
            options = replace(options, resume=True, overwrite=False)
        for line in describe(make_plan(job, options)):
            typer.echo(line)
        return None
    with shown(style, job) as emit:
        if stage != "all":
            run_part(job, options, emit, stage, team)
            return None
        record = run_job(job, options, emit, team=team)
    output, written = record.plan.output, record.delivery.written
    if style not in ("auto", "plain"):
        return record
    if sys.stdout.isatty():
        typer.echo(f"{output}  {FrameRange.of(written)}")
    else:
        for number in written:
            typer.echo(output.path(number))
    return record


def run_part(
    job: EditJob, options: RunOptions, emit: Emit, stage: Stages, team: Team | None = None
) -> None:
    """Run one of the tasks of a job in pieces; its result is for the tasks after it."""
    from tokenflow.pipeline.run import Until, run_stages
    from tokenflow.pipeline.verify import verify_result

    until: dict[Stages, Until] = {"prepare": "invert", "edit": "delta", "deflicker": "deflicker"}
    if stage in until:
        run_stages(job, options, emit, until[stage], team)
        return
    emit(StageStarted("measure", 0))
    started = time.perf_counter()
    plan, report = verify_result(job, options, lambda done, of: emit(Progress("measure", done, of)))
    seconds = time.perf_counter() - started
    emit(StageFinished("measure", seconds))
    emit(Finished(len(plan.written) + len(plan.carried), str(report), seconds))
