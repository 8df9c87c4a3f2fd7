"""What the autoencoder alone does to a plate, measured beside every edit.

The product's method `ldm-recon` encodes and decodes the plate and puts the difference into it. What
its figures show no edit with the same checkpoint can be blamed for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ocio.sequence import SequencePattern
from tokenflow.errors import InvalidJob
from tokenflow.events import Emit
from tokenflow.job import EditJob, Output, RunOptions
from tokenflow.job_file import read_job
from tokenflow.metrics.subject import Subject
from tokenflow.pipeline import run_job
from tokenflow.pipeline.record import job_file


def reconstruct(subject: Subject, folder: Path, options: RunOptions, emit: Emit) -> SequencePattern:
    """Run `ldm-recon` with the job of the first edit that has one.

    Parameters
    ----------
    folder
        Where the frames go.
    options
        Of the run; the frames are those of the subject.

    Raises
    ------
    InvalidJob
        When no edit has a job file beside it.
    OcioError, TokenFlowError
        What goes wrong in the run.
    """
    job = recon_job(_first_job(subject), folder)
    record = run_job(job, replace(options, frames=subject.range), emit)
    return record.plan.output


def recon_job(job: EditJob, folder: Path) -> EditJob:
    """Return a job with the method `ldm-recon` and everything that matters to it as it was."""
    output = Output(str(folder / "ldm-recon.####.exr"))
    return replace(job, edit=replace(job.edit, method="ldm-recon", mode="paper"), output=output)


def _first_job(subject: Subject) -> EditJob:
    for edit in subject.edits.values():
        path = job_file(edit.pattern)
        if path.is_file():
            return read_job(path)
    raise InvalidJob(
        "no edit has a job file beside it, so the checkpoint to calibrate with is not known",
        hint="Leave --calibrate out, or make the edits with tokenflow edit.",
    )
