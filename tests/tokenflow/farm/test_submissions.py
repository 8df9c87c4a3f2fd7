"""Submissions for schedulers: as they were reviewed, and Slurm's run by a cluster of one node."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from tests.tokenflow.farm.test_openjd import SUBMISSION
from tests.tokenflow.frames import changed
from tests.tokenflow.program import Ran
from tokenflow.farm.submissions import System, chunks, submission

Command = Callable[..., Ran]

GOLDEN = Path(__file__).parent / "golden"
PROGRAM = Path(sys.executable).with_name("tokenflow")
LONG = 1200.0  # seconds; five tasks on a busy machine
DAEMONS = ("munged", "slurmctld", "slurmd")


@pytest.mark.parametrize("system", get_args(System))
def test_a_submission_is_as_it_was_reviewed(system: System) -> None:
    written = submission(system, SUBMISSION)
    # A program of theirs is kept as text: it follows their style and not ours.
    golden = {file.name.removesuffix(".txt"): file for file in (GOLDEN / system).iterdir()}
    assert golden.keys() == written.keys()
    for name, text in written.items():
        assert text == golden[name].read_text()


def test_the_tasks_cover_all_frames_once() -> None:
    cut = chunks(replace(SUBMISSION, chunk=5))
    assert [frame for chunk in cut for frame in chunk] == [*SUBMISSION.frames]
    assert max(map(len, cut)) == 5


def test_a_program_in_a_folder_with_a_space_is_quoted_for_every_system() -> None:
    spaced = replace(SUBMISSION, workspace="/mnt/all jobs/ws", job_file=Path("/a b/s.job.json"))
    assert "'\"'\"'/mnt/all jobs/ws'\"'\"'" in submission("slurm", spaced)["submit.sh"]
    assert '"/mnt/all jobs/ws"' in submission("deadline", spaced)["edit.plugin"]
    assert "{/mnt/all jobs/ws}" in submission("tractor", spaced)["job.alf"]
    assert "'/mnt/all jobs/ws'" in submission("opencue", spaced)["outline.py"]


def test_submit_writes_the_folder_and_the_job(
    tokenflow: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    asked = ("-o", tmp_path / "farm", "--workspace", tmp_path / "ws", "--gpus", "0")
    ran = tokenflow("submit", "deadline", write_job(), *asked)
    assert ran.code == 0, ran.err
    assert os.access(tmp_path / "farm/submit.sh", os.X_OK)
    assert (tmp_path / "farm/plate.job.json").is_file()
    assert "--device cpu" in (tmp_path / "farm/merge.plugin").read_text()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A cluster of this machine alone; gives the environment in which it is found."""
    if missing := [name for name in DAEMONS if shutil.which(name) is None]:
        pytest.skip(f"Slurm is not installed: no {', '.join(missing)}")
    if os.geteuid() != 0:
        pytest.skip("a cluster of one's own needs root")
    place, host = tmp_path / "slurm", socket.gethostname().partition(".")[0]
    for name in ("state", "spool", "munge"):
        (place / name).mkdir(parents=True)
    key = place / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    settings = {
        "ClusterName": "one",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "AuthInfo": f"socket={place}/munge/socket",
        "SlurmUser": "root",
        "SlurmctldPort": free_port(),
        "SlurmdPort": free_port(),
        "StateSaveLocation": place / "state",
        "SlurmdSpoolDir": place / "spool",
        "SlurmctldPidFile": place / "slurmctld.pid",
        "SlurmdPidFile": place / "slurmd.pid",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "JobAcctGatherType": "jobacct_gather/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_CPU",
        "MpiDefault": "none",
        "ReturnToService": 2,
        "NodeName": f"{host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} State=UNKNOWN",
        "PartitionName": "all Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
    }
    file = place / "slurm.conf"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    found = os.environ | {"SLURM_CONF": str(file), "OMP_NUM_THREADS": "1"}
    own = [f"--{name}={place}/munge/{name}" for name in ("socket", "pid-file", "seed-file")]
    commands = [
        ["munged", "--foreground", "--force", f"--key-file={key}", *own],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]
    with (place / "log").open("w") as log:
        started = []
        try:
            for command in commands:
                started.append(subprocess.Popen(command, env=found, stdout=log, stderr=log))
                time.sleep(1)
            _wait_until(lambda: "idle" in _said(["sinfo", "-h", "-o", "%t"], found), place / "log")
            yield found
        finally:
            for one in reversed(started):
                one.terminate()
            for one in started:
                one.wait(60)


def _said(command: list[str], environment: dict[str, str]) -> str:
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return ran.stdout


def _wait_until(seen: Callable[[], bool], log: Path) -> None:
    until = time.monotonic() + LONG
    while not seen():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.5)


def test_slurm_renders_the_shot_from_its_submission(
    slurm: dict[str, str], tokenflow: Command, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    job = write_job()
    asked = ("-o", tmp_path / "the farm", "--workspace", tmp_path / "ws", "--gpus", "0")
    ran = tokenflow("submit", "slurm", job, *asked, "--chunk", "2", "--program", PROGRAM)
    assert ran.code == 0, ran.err
    handed = subprocess.run(
        [str(tmp_path / "the farm/submit.sh")],
        env=slurm,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert handed.returncode == 0, handed.stderr
    _wait_until(lambda: not _said(["squeue", "-h"], slurm).strip(), tmp_path / "slurm/log")
    logs = "".join(file.read_text() for file in tmp_path.glob("slurm-*.out"))
    assert (tmp_path / "out/plate.report.json").is_file(), logs
    own = ("--workspace", tmp_path / "other", "--device", "cpu", "--out", tmp_path / "whole")
    assert tokenflow("run", job, *own).code == 0
    names = [file.name for file in sorted((tmp_path / "whole").glob("*.exr"))]
    assert len(names) == 5
    for name in names:
        assert not changed(tmp_path / "out" / name, tmp_path / "whole" / name)
