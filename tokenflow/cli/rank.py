"""One of several processes that run a job.

Started by `tokenflow run --device A,B` and by nobody else.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, cast, get_args

import typer

from tokenflow.cli.options import ProgressStyle, Stages, carry_out
from tokenflow.errors import WorkerDied
from tokenflow.farm.dialects import Dialect, end_lines
from tokenflow.farm.ranks import RankProcesses
from tokenflow.job import EditJob, RunOptions
from tokenflow.service.parent import die_with_parent

ASKED, MEETING = "asked", "meeting"


@dataclass(frozen=True)
class Asked:
    """What the ranks are to run; as `carry_out` takes it."""

    job: EditJob
    options: RunOptions
    style: ProgressStyle
    stage: Stages
    devices: tuple[str, ...]


def carry_out_on_ranks(asked: Asked) -> None:
    """Run a job by a process per device, and wait for its end.

    Raises
    ------
    WorkerDied
        If one of them was killed.
    typer.Exit
        With the code of one that failed, which has said why.
    """
    with tempfile.TemporaryDirectory(prefix="tokenflow-ranks-") as name:
        folder = Path(name)
        (folder / ASKED).write_bytes(pickle.dumps(asked))

        def command(rank: int) -> list[str]:
            # Not by -m: the module comes with the program's package, and runs no second time.
            return [sys.executable, "-c", f"from {__name__} import main; main()", name, str(rank)]

        with RankProcesses(asked.devices, command) as ranks:
            try:
                code = ranks.wait()
            except WorkerDied as error:
                if asked.style in get_args(Dialect) and not ranks.leader_spoke():
                    for line in end_lines(cast(Dialect, asked.style), error):
                        typer.echo(line)
                raise
    if code:
        raise typer.Exit(code)


def main() -> NoReturn:
    """Be one rank, from the command line to the exit code."""
    die_with_parent()
    # Ctrl-C reaches all processes of a terminal; who started this one passes the request on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from tokenflow.cli.door import SIGNALLED, guarded, leave

    folder, rank = Path(sys.argv[1]), int(sys.argv[2])

    def say(text: str, code: int) -> int:
        # Who was asked to end need not say so: the process that asked does.
        if code <= SIGNALLED:
            mark = f"rank {rank}: " if rank else ""
            print(f"{mark}tokenflow: {text}", file=sys.stderr, flush=True)
        return code

    leave(guarded(lambda: run_rank(folder, rank), say))


def run_rank(folder: Path, rank: int) -> None:
    """Lead a job, or follow who leads it."""
    import torch

    from tokenflow.diffusion.ranks import joined
    from tokenflow.pipeline.device import find_device
    from tokenflow.pipeline.ranks import Team, follow

    asked: Asked = pickle.loads((folder / ASKED).read_bytes())  # from our own parent
    device = find_device(asked.devices[rank])
    if device.type == "cpu" and (threads := os.environ.get("OMP_NUM_THREADS")):
        torch.set_num_threads(int(threads))
    with joined(folder / MEETING, rank, len(asked.devices), device) as ranks:
        if not ranks.leads:
            os.dup2(2, 1)  # standard output is the leader's
            follow(ranks, folder, device)
            return
        team = Team(ranks, folder, asked.devices)
        options = replace(asked.options, device=asked.devices[0])
        carry_out(asked.job, options, asked.style, stage=asked.stage, team=team)
        team.end()
