"""All that a job reads from disk, for farms that carry files to their machines."""

from __future__ import annotations

from pathlib import Path

from tokenflow.checkpoints.source import DEMO
from tokenflow.pipeline.base import Earlier
from tokenflow.pipeline.plan import Plan


def read_by(plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the files and the folders that a job reads; what is bundled with the program is not."""
    job, paths = plan.job, [plan.sequence.pattern.folder]
    if job.model.checkpoint != DEMO:
        paths.append(plan.checkpoint.path)
    if plan.motion is not None and job.model.motion is not None:
        paths.append(plan.motion.path)
    if plan.decoder is not None:
        paths.append(plan.decoder.path)
    if plan.raft is not None:
        paths.append(plan.raft.path)
    paths += [one.info.path for one in plan.controls if not one.asked.bundled]
    if plan.matte is not None and plan.matte.sequence is not None:
        paths.append(plan.matte.sequence.pattern.folder)
    config = Path(plan.config.location)
    if config.is_file():
        paths += [config, config.parent]  # its look-up tables lie beside or below it
    if plan.earlier is not None and job.base is not None:
        paths += [Path(job.base.job), *_earlier(plan.earlier)]
    unique = dict.fromkeys(str(path) for path in paths)
    return (
        tuple(path for path in unique if Path(path).is_file()),
        tuple(path for path in unique if not Path(path).is_file()),
    )


def _earlier(edit: Earlier) -> list[Path]:
    below = [] if edit.base is None else [*_earlier(edit.base)]
    return [edit.frames.folder, *below]
