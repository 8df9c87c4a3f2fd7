"""Progress in the words of farms: at column 0, never back, and never silent."""

from __future__ import annotations

import re
import threading
from typing import get_args

import pytest

from tests.patience import SOON
from tokenflow.errors import OutOfMemory
from tokenflow.events import Event, Finished, JobWarning, Progress, StageFinished, StageStarted
from tokenflow.farm.dialects import Dialect, FarmLines, beating
from tokenflow.job import Edit, EditJob, Output, Plate

JOB = EditJob(plate=Plate("/plate"), edit=Edit(prompt="a ball"), output=Output("/out"))
EVENTS: list[Event] = [
    StageStarted("read", 10),
    *(Progress("read", done, 10) for done in range(1, 11)),
    StageFinished("read", 1.0),
    JobWarning("openjd_fail: not one of ours"),
    StageStarted("edit", 500),
    *(Progress("edit", done, 500, f"step {done // 10 + 1} of 50") for done in range(10, 500, 10)),
    StageFinished("edit", 60.0),
    Finished(10, "report", 61.0),
]
NUMBER = {
    "openjd": r"openjd_progress: (\d+\.\d)",
    "deadline": r"Progress: (\d+)%",
    "tractor": r"TR_PROGRESS (\d{3})%",
}


def told(dialect: Dialect) -> tuple[list[str], list[str]]:
    lines: list[str] = []
    log: list[str] = []
    show = FarmLines(dialect, JOB, lines.append, log.append)
    for event in EVENTS:
        show(event)
    show.end(None)
    return lines, log


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_progress_stands_alone_in_its_line_and_never_goes_back(dialect: Dialect) -> None:
    lines, _ = told(dialect)
    values = [float(found[1]) for line in lines if (found := re.fullmatch(NUMBER[dialect], line))]
    assert values == sorted(values)
    assert values[0] < 5 and values[-1] == 100 and len(values) > 20


def test_openjd_hears_what_is_done() -> None:
    lines, _ = told("openjd")
    assert "openjd_status: edit step 25 of 50" in lines
    assert all(line.startswith(("openjd_progress: ", "openjd_status: ")) for line in lines)


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_a_log_line_never_looks_like_the_protocol(dialect: Dialect) -> None:
    _, log = told(dialect)
    assert log == ["note: openjd_fail: not one of ours"]


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("openjd", "openjd_fail: no memory. Take less."),
        ("deadline", "Error: no memory. Take less."),
        ("tractor", "TR_EXIT_STATUS 75"),
    ],
)
def test_a_farm_hears_why_a_task_failed(dialect: Dialect, line: str) -> None:
    lines: list[str] = []
    FarmLines(dialect, JOB, lines.append, lines.append).end(
        OutOfMemory("no\nmemory", hint="Take less.")
    )
    assert lines == [line]


def test_a_silent_job_is_said_again_by_a_timer() -> None:
    lines: list[str] = []
    twice = threading.Event()

    def write(line: str) -> None:
        lines.append(line)
        if lines.count("Progress: 0%") >= 3:
            twice.set()

    show = FarmLines("deadline", JOB, write, lines.append)
    with beating(show, every=0.01):
        show(StageStarted("invert", 100))
        assert twice.wait(SOON)
    before = len(lines)
    show.repeat()
    assert len(lines) == before + 1  # the timer is over, and nothing else speaks
