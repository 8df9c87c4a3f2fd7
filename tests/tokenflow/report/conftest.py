"""A plate on disk, two edits of it, and their report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocio.exr import read_frame
from ocio.exr_write import write_frame
from tokenflow.cli.evaluate import write_evaluation
from tokenflow.job import Color, Edit, EditJob, Matte, Output, Plate
from tokenflow.metrics.evaluation import Judges
from tokenflow.metrics.subject import find_subject

PROMPT = """a <script>alert("1")</script> ball & 'all' "that" {{ 7 * 7 }}"""
FLICKER = 0.4  # stops, every other frame


@dataclass(frozen=True)
class Reported:
    """A report on disk."""

    page: Path
    metrics: dict[str, Any]
    job: EditJob


def write_edit(plate: Path, folder: Path, flicker: float) -> Path:
    """Write the plate once more, darker, every other frame brighter by some stops."""
    for path in sorted(plate.glob("*.exr")):
        frame = read_frame(path)
        number = int(path.stem.rpartition(".")[2])
        rgb = frame.rgb() * np.float32(0.7 * 2 ** (flicker * (number % 2)))
        edited = frame.with_rgb(rgb, np.ones(rgb.shape[:2], np.bool_))
        write_frame(folder / f"{folder.name}.{number}.exr", edited)
    return folder


@pytest.fixture(scope="session")
def steady_edit(demo_plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An edit without flicker, with the job that made it and its report beside it."""
    folder = write_edit(demo_plate, tmp_path_factory.mktemp("edits") / "steady", 0.0)
    job = EditJob(
        plate=Plate(str(demo_plate)),
        edit=Edit(prompt=PROMPT, source_prompt="a ball"),
        output=Output(str(folder)),
    )
    report = {
        "schema": "tokenflow.report/1",
        "seconds": {"invert": 1.25, "edit": 2.5},
        "warnings": ["one sample was <b>clamped</b>"],
        "checkpoint": {"name": "demo", "sha256": "ab" * 32},
        "size": [64, 36],
        "job_hash": "cd" * 32,
        "deflicker": {
            "strength": "strong",
            "compensated": False,
            "decodings_alike": 0.4375,
            "flow": "dis-medium-1",
        },
    }
    (folder / "steady.job.json").write_text(json.dumps(job.to_json()))
    (folder / "steady.report.json").write_text(json.dumps(report))
    return folder


@pytest.fixture(scope="session")
def flickering_edit(demo_plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same edit with flicker, from nobody knows where."""
    return write_edit(demo_plate, tmp_path_factory.mktemp("edits") / "flickering", FLICKER)


@pytest.fixture(scope="session")
def reported(
    demo_plate: Path,
    steady_edit: Path,
    flickering_edit: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Reported:
    """The report of both."""
    out = tmp_path_factory.mktemp("report")
    edits = [str(steady_edit), str(flickering_edit)]
    subject = find_subject(
        Plate(str(demo_plate)), edits, Color(), outlined=Matte(":matte.a"), width=48
    )
    judges = Judges(prompt=PROMPT)
    page = write_evaluation(subject, judges, out, "An <edit>", lambda event: None)
    job = EditJob.from_json(json.loads((steady_edit / "steady.job.json").read_text()))
    return Reported(page, json.loads((out / "metrics.json").read_text()), job)
