"""A job file that no frame was made of yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenflow.job import Edit, EditJob, Model, Output, Plate


@pytest.fixture
def write_job(tmp_path: Path, demo_plate: Path, tiny_checkpoint: Path) -> Callable[..., Path]:
    """Return a function that writes a small job file, some fields of its edit set otherwise."""

    def write(**edit: Any) -> Path:
        settings = {"steps": 2, "inversion_steps": 2, "inversion_evaluations": 1}
        job = EditJob(
            plate=Plate(str(demo_plate / "plate.####.exr")),
            edit=Edit(**{"prompt": "a blue ball", "keyframe_interval": 2, **settings, **edit}),
            model=Model(str(tiny_checkpoint)),
            output=Output(str(tmp_path / "out" / "plate.####.exr")),
        )
        file = tmp_path / "shot.job.json"
        file.write_text(json.dumps(job.to_json()))
        return file

    return write
