"""Ten jobs one after the other with nobody watching: codes and frames, and the morning after."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tokenflow.frames import changed, exr_files, litter
from tests.tokenflow.program import Process, Ran

#: Exit code of a run that the system killed, as `multiprocessing` tells it.
KILLED = -signal.SIGKILL


class Farm:
    """Runs job files in processes of their own, in one workspace, as a render farm does."""

    def __init__(self, folder: Path, plate: Path, checkpoint: Path) -> None:
        self.folder, self.plate, self.checkpoint = folder, plate, checkpoint
        self.started: list[Process] = []

    def job(self, name: str, **parts: Any) -> Path:
        """Write a job file; `parts` are set in it by part and field."""
        edit = {"prompt": "a blue ball", "keyframe_interval": 2, "inversion_evaluations": 1}
        said: dict[str, Any] = {
            "schema": "tokenflow.job/1",
            "plate": {"path": str(self.plate / "plate.####.exr")},
            "edit": {**edit, "steps": 4, "inversion_steps": 4},
            "model": {"checkpoint": str(self.checkpoint)},
            "output": {"path": str(self.folder / name / "plate.####.exr")},
        }
        for part, fields in parts.items():
            said[part] = {**said.get(part, {}), **fields} if isinstance(fields, dict) else fields
        file = self.folder / f"{name}.job.json"
        file.write_text(json.dumps(said))
        return file

    def start(
        self,
        job: Path,
        *arguments: object,
        halt: Mapping[str, Any] | None = None,
        **limits: int,
    ) -> Process:
        """Start a job."""
        own = ("--workspace", self.folder / "ws", "--device", "cpu", "--progress", "json")
        command = ["run", job, *own, *arguments]
        place = self.folder / f"process {len(self.started)}"
        self.started.append(Process(place, map(str, command), halt, **limits))
        return self.started[-1]

    def run(self, job: Path, *arguments: object, **limits: int) -> Ran:
        """Run a job to its end."""
        return self.start(job, "--resume", *arguments, halt=None, **limits).wait()

    def stopped(self, job: Path, stage: str, number: signal.Signals) -> Ran:
        """Run a job, and send it a signal in one of its stages."""
        halt = {"event": "progress", "stage": stage}
        process = self.start(job, "--resume", halt=halt)
        process.wait_until_it_halts()
        process.send(number)
        return process.wait()

    def frames(self, name: str) -> dict[str, bytes]:
        """Read what a job has written."""
        folder = self.folder / name
        return exr_files(folder) if folder.exists() else {}


@pytest.fixture
def farm(tmp_path: Path, demo_plate: Path, tiny_checkpoint: Path) -> Iterator[Farm]:
    """A farm of one machine."""
    farm = Farm(tmp_path, demo_plate, tiny_checkpoint)
    yield farm
    for process in farm.started:
        process.end()


def test_ten_jobs_of_a_night_end_with_their_codes_and_the_morning_repairs_what_can_be(
    farm: Farm, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(farm.plate, broken)
    bad = broken / "plate.1003.exr"
    bad.write_bytes(bad.read_bytes()[:1000])
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    jobs = {
        "good": farm.job("good"),
        "plate": farm.job("plate", plate={"path": str(broken / "plate.####.exr")}),
        "killed": farm.job("killed", edit={"seed": 2}),
        "cancelled": farm.job("cancelled"),
        "full": farm.job("full"),
        "locked": farm.job("locked", output={"path": str(locked / "out/plate.####.exr")}),
        "weights": farm.job("weights", model={"checkpoint": str(tmp_path / "gone")}),
        "field": farm.job("field", edit={"colour": "blue"}),
        "parts": farm.job("parts"),
    }

    ran = {
        "good": farm.run(jobs["good"]),
        "plate": farm.run(jobs["plate"]),
        "killed": farm.stopped(jobs["killed"], "edit", signal.SIGKILL),
        "cancelled": farm.stopped(jobs["cancelled"], "merge", signal.SIGTERM),
        "full": farm.run(jobs["full"], file_size=4096),
        "locked": farm.run(jobs["locked"], bound=1),
        "weights": farm.run(jobs["weights"]),
        "field": farm.run(jobs["field"]),
        # The same once more, by somebody who forgot --resume.
        "again": farm.start(jobs["good"]).wait(),
        "parts": farm.run(jobs["parts"], "--frames=1002-1003"),
    }
    codes = {name: one.code for name, one in ran.items()}
    assert codes == {
        "good": 0,
        "plate": 66,
        "killed": KILLED,
        "cancelled": 143,
        "full": 73,
        "locked": 77,
        "weights": 78,
        "field": 65,
        "again": 73,
        "parts": 0,
    }, {name: one.err for name, one in ran.items()}
    assert "1003" in ran["plate"].error and "gone" in ran["weights"].error
    whole = farm.frames("good")
    assert len(whole) == 5
    assert farm.run(jobs["parts"], "--stage", "verify").code == 75
    for name in ("plate", "killed", "full", "weights", "field"):
        assert not farm.frames(name), name
    assert litter(tmp_path) == []

    # The morning after: what was wrong is put right, and every job is run again as it was.
    shutil.copy(farm.plate / bad.name, bad)
    locked.chmod(0o755)
    for name in ("good", "plate", "killed", "cancelled", "full", "locked", "parts"):
        again = farm.run(jobs[name])
        assert again.code == 0, again.err
    for name in ("cancelled", "full", "locked/out", "parts"):
        assert farm.frames(name) == whole, name
    for name in whole:  # of another plate's files: the headers say so
        assert not changed(tmp_path / "plate" / name, tmp_path / "good" / name)
    alone = farm.job("alone", edit={"seed": 2})
    assert farm.run(alone, "--workspace", tmp_path / "other").code == 0
    assert farm.frames("killed") == farm.frames("alone")
