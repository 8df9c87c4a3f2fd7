"""Several processes hold an edit by ControlNets as one does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.random_model import random_model
from tests.tokenflow.frames import exr_files
from tests.tokenflow.program import Ran
from tests.tokenflow.random_controlnet import random_controlnet
from tokenflow.job import Control

LONG = 600.0  # seconds; two processes load their libraries


def test_two_processes_hold_the_frames_as_one_does(
    tokenflow: Callable[..., Ran], write_job: Callable[..., Path], tmp_path: Path
) -> None:
    random_controlnet(random_model().unet).save_pretrained(tmp_path / "depth")
    controls = (Control("depth", str(tmp_path / "depth")),)
    job = write_job(technique="controlnet", controls=controls)
    command = [sys.executable, "-m", "tokenflow.cli", "run", job, "--device", "cpu,cpu"]
    places = ["--workspace", tmp_path / "ws", "--out", tmp_path / "two"]
    ran = subprocess.run(
        list(map(str, [*command, *places])),
        capture_output=True,
        text=True,
        timeout=LONG,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    own = ("--workspace", tmp_path / "other", "--device", "cpu", "--out", tmp_path / "one")
    assert tokenflow("run", job, *own).code == 0
    assert exr_files(tmp_path / "two") == exr_files(tmp_path / "one")
