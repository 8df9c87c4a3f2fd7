"""The call that writes a farm's bundle: the program does it, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from http import HTTPStatus
from pathlib import Path, PurePath
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from tokenflow.job import EditJob
from tokenflow.job_file import parse_job
from tokenflow.service.answers import BundleAnswer, BundleRequest
from tokenflow.service.door import Door, TheDoor
from tokenflow.service.errors import Refusal, status_of_exit_code

router = APIRouter(prefix="/v1", tags=["jobs"])

LONGEST = 600.0  # seconds; a checkpoint's hash is the longest part


@router.post("/bundles", status_code=201, response_model=BundleAnswer)
async def bundle(door: TheDoor, asked: BundleRequest) -> Any:
    """Write a bundle of Open Job Description for a farm; nothing is rendered and nothing sent.

    The machines of the farm find everything where this one does, or by their path mapping.
    """
    job = await door.disk.run(_checked, door, asked)
    return await run_in_threadpool(_written, job, asked)


def _checked(door: Door, asked: BundleRequest) -> EditJob:
    job = parse_job(json.dumps(asked.job))
    door.roots.check_job(job)
    door.roots.check(asked.folder, "the bundle's folder")
    door.roots.check(asked.workspace, "the workspace")
    return job


def _written(job: EditJob, asked: BundleRequest) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "job.json"
        file.write_text(json.dumps(job.to_json()), encoding="utf-8")
        words = ["submit", "openjd", str(file), "-o", asked.folder, "--workspace", asked.workspace]
        words += ["--chunk", str(asked.chunk), "--gpus", str(asked.gpus)]
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "tokenflow.cli", *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Refusal(
                HTTPStatus.GATEWAY_TIMEOUT, "bundle_unfinished", "the bundle took too long"
            ) from error
    if ran.returncode:
        said = (ran.stderr.strip().splitlines() or ["the bundle could not be written"])[-1]
        message = said.removeprefix("tokenflow: ")
        raise Refusal(status_of_exit_code(ran.returncode), "bundle_refused", message)
    return {
        "folder": asked.folder,
        "files": [PurePath(line).name for line in ran.stdout.splitlines()],
    }
