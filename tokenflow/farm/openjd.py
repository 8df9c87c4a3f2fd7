"""Open Job Description bundles: one job in tasks that any number of machines may take.

The template is Open Job Description 2023-09 with the extension for chunks of tasks, the folder laid
out as AWS Deadline Cloud wants it: ``template.json``, ``parameter_values.json``,
``asset_references.json``. `openjd run` takes the same values as ``parameters.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocio.frame_range import FrameRange

TIMEOUTS = {"Prepare": 86400, "Edit": 86400, "Deflicker": 43200, "Merge": 14400, "Verify": 14400}
"""Seconds after which a task counts as stuck."""

NOTICE = 60  # seconds between the request to stop and the end


@dataclass(frozen=True)
class Submission:
    """What a farm is asked for.

    Attributes
    ----------
    name
        Of the job.
    job_file
        The job, beside the template.
    plate, output
        Patterns.
    workspace
        Folder that all machines of the farm see.
    frames
        What the job writes.
    chunk
        Frames per task where frames are independent.
    deflicker
        Whether the job has that pass.
    gpus
        Per machine that denoises; 0 for none.
    gpu_memory
        MiB.
    files, folders
        All else that the job reads.
    program
        What machines call.
    """

    name: str
    job_file: Path
    plate: str
    output: str
    workspace: str
    frames: FrameRange
    chunk: int
    deflicker: bool
    gpus: int
    gpu_memory: int
    files: tuple[str, ...]
    folders: tuple[str, ...]
    program: str = "tokenflow"


def openjd_range(frames: Iterable[int]) -> str:
    """Write frames as Open Job Description does: steps stand behind a colon."""
    return str(FrameRange.of(frames)).replace("x", ":")


def bundle(asked: Submission) -> dict[str, dict[str, Any]]:
    """Make the files of a bundle, by name."""
    values = {
        "JobFile": str(asked.job_file),
        "Plate": asked.plate,
        "Out": asked.output,
        "Workspace": asked.workspace,
        "Frames": openjd_range(asked.frames),
        "ChunkSize": asked.chunk,
    }
    listed = [{"name": name, "value": value} for name, value in values.items()]
    return {
        "template.json": template(asked),
        "parameter_values.json": {"parameterValues": listed},
        "parameters.json": dict(values),
        "asset_references.json": {
            "assetReferences": {
                "inputs": {
                    "filenames": [str(asked.job_file), *asked.files],
                    "directories": list(asked.folders),
                },
                "outputs": {"directories": [str(Path(asked.output).parent), asked.workspace]},
                "referencedPaths": [],
            }
        },
    }


def step_names(asked: Submission) -> list[str]:
    """Name the steps of a job, in their order."""
    return ["Prepare", "Edit", *(["Deflicker"] if asked.deflicker else []), "Merge", "Verify"]


def template(asked: Submission) -> dict[str, Any]:
    """Make the job template."""
    names = step_names(asked)
    steps = []
    for before, name in zip([None, *names], names, strict=False):
        step: dict[str, Any] = {"name": name}
        if before:
            step["dependencies"] = [{"dependsOn": before}]
        if asked.gpus and name != "Verify":
            step["hostRequirements"] = {"amounts": _amounts(asked, name)}
        if name == "Merge":
            step["parameterSpace"] = {"taskParameterDefinitions": [_chunks()]}
        step["script"] = {"actions": {"onRun": _action(asked, name)}}
        steps.append(step)
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": f"TokenFlow {asked.name}"[:128],
        "parameterDefinitions": [
            # Without defaults: an absolute one is refused, a relative one joins the bundle.
            {"name": "JobFile", "type": "PATH", "objectType": "FILE", "dataFlow": "IN"},
            {"name": "Plate", "type": "PATH", "objectType": "FILE", "dataFlow": "IN"},
            {"name": "Out", "type": "PATH", "objectType": "FILE", "dataFlow": "OUT"},
            {"name": "Workspace", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "INOUT"},
            {"name": "Frames", "type": "STRING"},
            {"name": "ChunkSize", "type": "INT", "default": asked.chunk, "minValue": 1},
        ],
        "steps": steps,
    }


def _amounts(asked: Submission, name: str) -> list[dict[str, Any]]:
    """Ask for GPUs, also where only results are read.

    Results count by the kind of device that they were made on: a machine without one would denoise
    all of the shot again, and its frames would differ from those of the others.
    """
    if name not in ("Prepare", "Edit"):
        return [{"name": "amount.worker.gpu", "min": 1}]
    return [
        {"name": "amount.worker.gpu", "min": asked.gpus},
        {"name": "amount.worker.gpu.memory", "min": asked.gpu_memory},
    ]


def _chunks() -> dict[str, Any]:
    return {
        "name": "Frame",
        "type": "CHUNK[INT]",
        "range": "{{Param.Frames}}",
        "chunks": {
            "defaultTaskCount": "{{Param.ChunkSize}}",
            # Contiguous chunks of a stepped range would hold one frame each.
            "rangeConstraint": "NONCONTIGUOUS",
        },
    }


def _action(asked: Submission, name: str) -> dict[str, Any]:
    # The program itself and no shell: a request to stop reaches the direct child alone.
    arguments = ["run", "{{Param.JobFile}}"]
    given: Mapping[str, str] = {
        "--plate": "{{Param.Plate}}",
        "--out": "{{Param.Out}}",
        "--workspace": "{{Param.Workspace}}",
        "--progress": "openjd",
        "--path-mapping-rules": "{{Session.PathMappingRulesFile}}",
    }
    for option, value in given.items():
        arguments += [option, value]
    if not asked.gpus:
        arguments += ["--device", "cpu"]  # the same on all machines, whatever they have
    elif asked.gpus > 1 and name in ("Prepare", "Edit"):
        arguments += ["--device", ",".join(f"cuda:{number}" for number in range(asked.gpus))]
    if name == "Merge":
        arguments.append("--frames={{Task.Param.Frame}}")
    else:
        arguments += ["--stage", name.lower()]
    arguments.append("--resume")
    return {
        "command": asked.program,
        "args": arguments,
        "timeout": TIMEOUTS[name],
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": NOTICE},
    }


def as_text(content: Mapping[str, Any]) -> str:
    """Write one file of a bundle."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
