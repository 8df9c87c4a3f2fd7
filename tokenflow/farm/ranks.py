"""One job by several processes of this machine, started and watched from here.

`torchrun` would make every exit code 1 and pass no signal's meaning on, so the command line starts
its ranks itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from tokenflow.errors import InvalidJob, WorkerDied

GRACE = 2.0
"""Seconds that a rank has to end when it is asked to; one in the middle of a kernel cannot."""

_LOOK = 0.05  # seconds between two looks at the ranks
_SETTLE = 1.0  # seconds in which others may say better what went wrong
_TEMPORARY = WorkerDied.exit_code


def devices_of(names: str) -> tuple[str, ...]:
    """Take apart what ``--device`` says.

    Raises
    ------
    InvalidJob
        If devices of different kinds are to share a shot, which would not give the same bits, or
        one GPU twice.
    """
    devices = tuple(name.strip() for name in names.split(","))
    if len(devices) == 1:
        return devices
    kinds = {name.partition(":")[0] for name in devices}
    if len(kinds) > 1 or not kinds <= {"cpu", "cuda"}:
        raise InvalidJob(
            f"a shot is shared by several cpu or several cuda devices, not by {', '.join(devices)}",
            hint="Name devices of one kind.",
        )
    if kinds == {"cuda"} and (len(set(devices)) < len(devices) or "cuda" in devices):
        raise InvalidJob(
            f"each process needs a GPU of its own, not {', '.join(devices)}",
            hint="Name each once, as in cuda:0,cuda:1.",
        )
    return devices


def environment(device: str) -> dict[str, str]:
    """Give the environment of a rank: loopback alone, and one thread for each CPU rank."""
    own = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"} if _linux() else {}
    if device == "cpu":
        own["OMP_NUM_THREADS"] = "1"
    return own | os.environ


class RankProcesses:
    """The ranks of one job, as a context: none is left behind.

    Parameters
    ----------
    devices
        One per rank.
    command
        Gives the command of a rank by its number.
    """

    def __init__(self, devices: Sequence[str], command: Callable[[int], Sequence[str]]) -> None:
        self._started = [
            subprocess.Popen([*command(rank)], env=environment(device))
            for rank, device in enumerate(devices)
        ]
        self.devices = devices

    def __enter__(self) -> RankProcesses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def wait(self) -> int:
        """Wait for the end: 0 if the leader ended well, else the code of the rank that failed.

        Raises
        ------
        WorkerDied
            If a rank was killed.
        """
        while not (ended := self._ended()):
            time.sleep(_LOOK)
        if ended == {0: 0}:
            return 0
        # One that dies takes the others with it; the first to be seen need not be the cause.
        until = time.monotonic() + _SETTLE
        while len(self._ended()) < len(self._started) and time.monotonic() < until:
            time.sleep(_LOOK)
        return self._worst(self._ended())

    def leader_spoke(self) -> bool:
        """Whether the leader ended by itself, and so has said why."""
        return (self._started[0].poll() or 0) > 0

    def stop(self) -> None:
        """Ask all that still run to end, and end those that do not."""
        for one in self._started:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        until = time.monotonic() + GRACE
        for one in self._started:
            try:
                one.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()

    def _ended(self) -> dict[int, int]:
        """Give codes by rank; followers that were let go do not count."""
        codes = {rank: one.poll() for rank, one in enumerate(self._started)}
        return {rank: code for rank, code in codes.items() if code or (code == 0 and rank == 0)}

    def _worst(self, ended: Mapping[int, int]) -> int:
        failed = {rank: code for rank, code in ended.items() if code}
        permanent = [code for code in failed.values() if 0 < code < 128 and code != _TEMPORARY]
        if permanent:
            return permanent[0]
        killed = [rank for rank, code in failed.items() if code < 0]
        if killed:
            rank = killed[0]
            raise WorkerDied(
                f"the process for {self.devices[rank]} (rank {rank}) was killed by signal "
                f"{-failed[rank]}",
                hint="It may have run out of memory; --resume goes on from here.",
            )
        return max(failed.values())


def _linux() -> bool:
    return sys.platform == "linux"
