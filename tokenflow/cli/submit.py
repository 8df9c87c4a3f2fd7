"""`tokenflow submit`: what a farm takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tokenflow.cli.job_file import job_as_run
from tokenflow.cli.options import load_engine
from tokenflow.cli.paths import from_anywhere, job_from_anywhere
from tokenflow.farm.openjd import Submission, as_text, bundle
from tokenflow.farm.submissions import submission
from tokenflow.job import RunOptions
from tokenflow.job_file import RECORD, read_job

MIB = 2**20


def submit(
    system: Annotated[
        Literal["openjd", "deadline", "opencue", "tractor", "slurm"],
        typer.Argument(
            metavar="SYSTEM",
            help="openjd: a bundle of Open Job Description, also for Deadline Cloud; slurm, "
            "deadline, opencue, tractor: what these take.",
        ),
    ],
    job: Annotated[Path, typer.Argument(metavar="JOB", help="The job file, JSON.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the submission.")],
    workspace: Annotated[
        Path,
        typer.Option(help="Folder for intermediate results that all machines of the farm see."),
    ],
    chunk: Annotated[
        int, typer.Option(min=1, help="Frames per task where frames are independent.")
    ] = 24,
    gpus: Annotated[
        int, typer.Option(min=0, help="GPUs that share the tasks that denoise; 0: all on CPUs.")
    ] = 1,
    program: Annotated[
        str,
        typer.Option(help="What the farm's machines call; a full path where it is not on PATH."),
    ] = "tokenflow",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Replace a submission that is there.")
    ] = False,
) -> None:
    """Write what a farm takes; nothing is rendered and nothing sent.

    `tokenflow submit openjd edit/shot.job.json -o farm/shot --workspace /mnt/farm/tokenflow`
    """
    load_engine()
    from ocio.errors import OutputExists
    from ocio.frame_range import FrameRange
    from tokenflow.farm.assets import read_by
    from tokenflow.pipeline import make_plan
    from tokenflow.pipeline.estimate import device_bytes
    from tokenflow.pipeline.record import record_name, write_text

    found = job_from_anywhere(read_job(job))
    # The frames are for the farm to write: what is there already is no error of the submission.
    plan = make_plan(found, RunOptions(resume=True, device="cpu", dry_run=True))
    name = record_name(plan.output)
    job_file = Path(from_anywhere(str(out))) / f"{name}{RECORD}"
    files, folders = read_by(plan)
    asked = Submission(
        name=name,
        job_file=job_file,
        plate=str(plan.sequence.pattern),
        output=str(plan.output),
        workspace=from_anywhere(str(workspace)),
        frames=FrameRange.of((*plan.written, *plan.carried)),
        chunk=chunk,
        deflicker=found.deflicker.strength != "off",
        gpus=gpus,
        gpu_memory=-(-sum(device_bytes(plan).values()) // MIB),
        files=files,
        folders=folders,
        program=program,
    )
    if system == "openjd":
        written = {name: as_text(content) for name, content in bundle(asked).items()}
    else:
        written = submission(system, asked)
    written[job_file.name] = as_text(job_as_run(plan).to_json())
    there = [file for file in written if (out / file).exists()]
    if there and not overwrite:
        raise OutputExists(
            f"a submission is there already: {', '.join(there)}",
            hint="use --overwrite, or choose another folder",
            path=out,
        )
    for file, content in written.items():
        write_text(out / file, content)
        if file.endswith(".sh"):
            (out / file).chmod(0o755)
        typer.echo(out / file)
