from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tokenflow.processes import process_start


def test_a_process_begins_once_and_each_at_another_time() -> None:
    own = process_start(os.getpid())
    assert own
    time.sleep(0.02)  # two ticks of the clock that the system counts in
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert process_start(other.pid) not in ("", own)
    assert process_start(os.getpid()) == own


def test_an_ended_process_that_nobody_has_waited_for_counts_as_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()
        until = time.monotonic() + 10
        while process_start(child.pid):
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(child.pid, 0)  # the number is still taken


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1])
def test_a_number_without_a_process_has_no_beginning(pid: int) -> None:
    assert process_start(pid) == ""


def test_a_name_with_brackets_and_spaces_is_no_obstacle() -> None:
    program = (
        "import ctypes; ctypes.CDLL(None).prctl(15, b') R 1 (', 0, 0, 0);"  # PR_SET_NAME
        "print('named', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        boot, _, ticks = process_start(child.pid).partition("/")
        assert boot
        assert ticks.isdigit() and int(ticks) > 0
