"""docs/service.md, word for word: what it tells a reader to type is typed here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocio.frame_range import FrameRange
from tests.tokenflow.own_service import OwnService
from tests.tokenflow.tiny_checkpoint import write_tiny_checkpoint
from tokenflow.demo.shot import FIRST_FRAME, SCENE, render_frame
from tokenflow.job import Edit, EditJob, Model, Output, Plate, Range


@pytest.fixture
def after_make_demo(tmp_path: Path, repository: Path) -> Path:
    """The sources' folder after `make demo`, with a smaller shot and a smaller checkpoint."""
    out = tmp_path / "sources/build/demo"
    for frame in range(FIRST_FRAME, FIRST_FRAME + 5):
        render_frame(SCENE, frame, out / "plate" / f"plate.{frame}.exr", 64, 36)
    job = EditJob(
        plate=Plate(str(out / "plate/plate.####.exr")),
        edit=Edit(
            prompt="a blue ball",
            steps=60,  # time enough to cancel one
            inversion_steps=60,
            inversion_evaluations=1,
            keyframe_interval=2,
        ),
        model=Model(str(write_tiny_checkpoint(tmp_path / "sources/tiny"))),
        output=Output(str(out / "edit/edit.####.exr")),
        range=Range(FrameRange.parse("1001-1005")),
    )
    (out / "edit").mkdir()
    (out / "edit/edit.job.json").write_text(json.dumps(job.to_json(), indent=1))
    shutil.copy(out / "plate/plate.1001.exr", out / "edit/edit.1001.exr")
    (tmp_path / "sources/.venv").symlink_to(repository / ".venv")
    return tmp_path / "sources"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[OwnService]:
    """What the page starts, for ending it if the page does not."""
    own = OwnService(tmp_path / "home")
    yield own
    own.end()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_curl_alone_submits_watches_looks_and_cancels(
    repository: Path, after_make_demo: Path, service: OwnService
) -> None:
    if not (repository / ".venv/bin/tokenflow").exists():
        pytest.skip("the page is about an environment made by make")
    page = (repository / "docs/service.md").read_text()
    script = "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    environment = {**os.environ, "TOKENFLOW_HOME": str(service.folder), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=after_make_demo,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    events = [json.loads(line) for line in lines if line.startswith('{"event"')]
    states = [event["state"] for event in events if event["event"] == "state"]
    assert states == ["queued", "running", "done", "cancelled"]
    assert len([event for event in events if event["event"] == "frame_written"]) == 5
    record = next(json.loads(line) for line in lines if line.startswith('{"id"'))
    assert record["state"] == "done"
    demo = after_make_demo / "build/demo"
    assert (demo / "edit.1003.png").read_bytes().startswith(b"\x89PNG")
    assert (demo / "plate.1003.jpg").read_bytes().startswith(b"\xff\xd8")
    assert len([*(demo / "edit").glob("edit.*.exr")]) == 5
    assert not service.file.exists()
