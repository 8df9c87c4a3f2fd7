from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import SOON
from tests.tokenflow.service.work import LONG, gone, wait_until
from tokenflow.service.child import Child, Ending

ODD_CHILD = "tests.tokenflow.service.odd_child"


class Talk:
    """A child and what it has said."""

    def __init__(self, repository: Path) -> None:
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        self.endings: queue.Queue[Ending] = queue.Queue()
        environment = {"PYTHONPATH": str(repository)}
        self.child = Child(ODD_CHILD, [], self.said.put, self.endings.put, environment)
        assert self.said.get(timeout=LONG) == {"pid": self.child.pid}

    def ask(self, **message: Any) -> dict[str, Any]:
        assert self.child.send(message)
        return self.said.get(timeout=LONG)


@pytest.fixture
def talk(repository: Path) -> Iterator[Talk]:
    talk = Talk(repository)
    yield talk
    talk.child.kill()


def test_messages_go_both_ways_whatever_is_in_them(talk: Talk) -> None:
    for what in ('é 漢字 \n\t"', [1, 2.5, None], {"a": "b" * 200_000}):
        assert talk.ask(do="echo", what=what) == {"echo": what}


def test_an_urgent_message_is_heard_while_the_child_is_busy(talk: Talk) -> None:
    talk.child.send({"do": "sleep"})
    assert talk.ask(urgent=True) == {"urgent": True}


def test_what_a_library_prints_is_no_message(talk: Talk) -> None:
    talk.child.send({"do": "exit", "code": 0})
    ending = talk.endings.get(timeout=LONG)
    assert "what a library prints does not belong to the protocol" in ending.last_words
    assert talk.said.empty()


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ({"do": "exit", "code": 3}, 3, "exit code 3"),
        ({"do": "crash"}, -signal.SIGSEGV, "crashed (SIGSEGV)"),
    ],
)
def test_an_end_is_told_once_and_in_words(
    talk: Talk, message: dict[str, Any], code: int, reason: str
) -> None:
    talk.child.send(message)
    ending = talk.endings.get(timeout=LONG)
    assert ending.code == code
    assert reason in ending.reason
    assert "the last words" in ending.last_words
    assert talk.endings.empty()
    assert not talk.child.send({"do": "echo"})


def test_a_kill_by_the_system_is_called_what_it_most_likely_is(talk: Talk) -> None:
    os.kill(talk.child.pid, signal.SIGKILL)
    assert "memory" in talk.endings.get(timeout=LONG).reason


def test_a_child_that_is_busy_or_stopped_can_be_killed(talk: Talk) -> None:
    os.kill(talk.child.pid, signal.SIGSTOP)
    started = time.monotonic()
    talk.child.kill()
    assert time.monotonic() - started < SOON
    assert not talk.child.alive


def test_a_child_lives_on_when_the_thread_that_asked_for_it_ends(repository: Path) -> None:
    talks: list[Talk] = []
    thread = threading.Thread(target=lambda: talks.append(Talk(repository)))
    thread.start()
    thread.join()
    time.sleep(0.2)
    assert talks[0].ask(do="echo", what=1) == {"echo": 1}
    talks[0].child.kill()


@pytest.mark.parametrize("busy", [False, True])
def test_a_child_never_outlives_its_parent(repository: Path, busy: bool) -> None:
    code = (
        "import time; from tokenflow.service.child import Child;"
        f"child = Child({ODD_CHILD!r}, [], print, print);"
        f"time.sleep(0.5); {busy} and child.send({{'do': 'sleep'}});"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=repository, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = next(int(line) for line in parent.stdout if line.strip().isdigit())
    assert not gone(pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: gone(pid), SOON)
    parent.stdout.close()
