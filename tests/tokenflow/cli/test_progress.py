"""What a job shows while it runs: JSON for a program, lines for a log, bars for a person."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.tokenflow.frames import exr_files
from tests.tokenflow.program import Ran
from tokenflow.cli.progress import Bars, Lines
from tokenflow.events import Finished, JobWarning, Progress, StageFinished, StageStarted

Command = Callable[..., Ran]

ORDER = ["read", "encode", "invert", "edit", "decode", "delta", "merge"]


@pytest.fixture
def events(edit: Command, demo_plate: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """What `--progress json` prints, line by line."""
    own = ("--workspace", tmp_path / "ws", "--steps", "4", "--inversion-steps", "4")
    ran = edit(demo_plate, tmp_path / "out", *own, "--progress", "json")
    assert ran.code == 0, ran.err
    assert ran.err == ""
    return [json.loads(line) for line in ran.out.splitlines()]


def test_every_stage_is_announced_in_order_and_ends_complete(events: list[dict[str, Any]]) -> None:
    started = [event["stage"] for event in events if event["event"] == "stage_started"]
    ended = [event["stage"] for event in events if event["event"] == "stage_finished"]
    assert started == ended == ORDER
    for stage in ORDER:
        steps = [e for e in events if e["event"] == "progress" and e["stage"] == stage]
        assert steps[-1]["done"] == steps[-1]["total"]


def test_progress_never_goes_back_and_keeps_the_total_that_was_announced(
    events: list[dict[str, Any]],
) -> None:
    totals = {e["stage"]: e["total"] for e in events if e["event"] == "stage_started"}
    for stage in ORDER:
        steps = [e for e in events if e["event"] == "progress" and e["stage"] == stage]
        done = [step["done"] for step in steps]
        assert done == sorted(done)
        assert {step["total"] for step in steps} == {totals[stage]}


def test_long_stages_say_which_step_they_are_at(events: list[dict[str, Any]]) -> None:
    details = [e["detail"] for e in events if e["event"] == "progress" and e["stage"] == "edit"]
    assert details[0] == "step 1 of 4" and details[-1] == "step 4 of 4"


def test_the_end_names_the_report(events: list[dict[str, Any]]) -> None:
    assert events[-1]["event"] == "finished"
    assert events[-1]["frames"] == 5
    assert Path(events[-1]["report"]).name == "plate.report.json"


def test_a_script_gets_the_frames_on_standard_output_and_nothing_else(
    edit: Command, demo_plate: Path, tmp_path: Path
) -> None:
    ran = edit(demo_plate, tmp_path / "out")
    assert ran.out.splitlines() == [
        str(tmp_path / "out" / name) for name in exr_files(tmp_path / "out")
    ]


def test_a_log_gets_one_line_per_stage_and_no_chatter_of_libraries(
    edit: Command, demo_plate: Path, tmp_path: Path
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--workspace", tmp_path / "ws")
    # A stage that takes long says so in further lines of its own.
    names = dict.fromkeys(line.split(":")[0] for line in ran.err.splitlines()[:-1])
    assert [*names] == [
        "Read plate", "Encode", "Invert", "Edit", "Decode", "Compare", "Merge and write",
    ]  # fmt: skip
    assert ran.err.splitlines()[-1].startswith("5 frames in ")


def test_a_log_of_a_long_stage_says_now_and_then_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    show = Lines(lines.append)
    monkeypatch.setattr("tokenflow.cli.progress.PLAIN_EVERY", 0.0)
    show(StageStarted("edit", 450))
    show(Progress("edit", 120, 450, "step 12 of 50"))
    show(StageFinished("edit", 61.25))
    assert lines == ["Edit: 120 of 450, step 12 of 50", "Edit: 61.2 s"]


def test_a_task_that_ends_before_the_frames_says_what_it_has_done() -> None:
    said: list[str] = []
    screen = io.StringIO()
    with Bars(Console(file=screen, force_terminal=True, width=80)) as bars:
        for show in (Lines(said.append), bars):
            show(StageStarted("invert", 8))
            show(StageFinished("invert", 3.0))
            show(Finished(0, "", 3.7))
    assert said[-1] == "done up to Invert in 3.7 s; kept in the workspace"
    assert said[-1] in screen.getvalue()


def test_bars_show_warnings_word_for_word() -> None:
    """Square brackets are the terminal library's own markup, and part of many file names."""
    screen = io.StringIO()
    with Bars(Console(file=screen, force_terminal=True, width=60)) as bars:
        bars(StageStarted("read", 2))
        bars(JobWarning("the file [red]shot[/red].exr has " + "x" * 60))
        bars(Progress("read", 2, 2))
        bars(StageFinished("read", 1.0, reused=True))
        bars(Finished(2, "out/shot.report.json", 3.0))
    text = screen.getvalue()
    assert "the file [red]shot[/red].exr has " + "x" * 60 in text
    assert "Read plate" in text and "already there" in text
    assert "2 frames in 3.0 s; report out/shot.report.json" in text
