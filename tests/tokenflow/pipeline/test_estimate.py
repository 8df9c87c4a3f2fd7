"""What a dry run says that a job will cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tokenflow.program import Ran
from tokenflow.job import RunOptions
from tokenflow.job_file import read_job
from tokenflow.pipeline.estimate import workspace_bytes
from tokenflow.pipeline.plan import make_plan

HOLDS = {
    **dict.fromkeys(("read", "decode", "delta", "deflicker"), "pictures"),
    **dict.fromkeys(("encode", "invert", "edit"), "latents"),
    "features": "source features",
    "motion": "motion",
}
"""What the folders of a stage hold."""


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--keyframe-interval", "1"),
        ("--technique", "sdedit", "--inversion-steps", "8"),
        ("--method", "per-frame"),
        ("--method", "passthrough"),
        ("--mode", "released", "--keyframe-interval", "5"),
        ("--dtype", "bfloat16"),
        ("--method", "passthrough", "--deflicker", "normal", "--flow", "estimated"),
    ],
)
def test_a_job_writes_into_the_workspace_what_was_foretold(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out, workspace = tmp_path / "out", tmp_path / "ws"
    small = ("--size", "128x96", "--steps", "4", "--inversion-steps", "4")
    ran = edit(demo_plate, out, "--workspace", workspace, *small, *options)
    assert ran.code == 0, ran.err
    written = dict.fromkeys(("pictures", "latents", "source features", "motion"), 0)
    for file in workspace.rglob("[!.]*.*"):
        stage = file.relative_to(workspace).parts[0].partition("-")[0]
        written[HOLDS[stage]] += file.stat().st_size if file.is_file() else 0
    job = read_job(out / "plate.job.json")
    foretold = workspace_bytes(make_plan(job, RunOptions(device="cpu", overwrite=True)))
    assert foretold == pytest.approx({name: written[name] for name in foretold}, rel=0.1)
    assert sum(foretold.values()) == pytest.approx(sum(written.values()), rel=0.1)
