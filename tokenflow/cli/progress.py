"""How a running job is shown: bars for a person, lines for a log, JSON for a program."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Literal, cast, get_args

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from ocio.errors import OcioError
from tokenflow.errors import TokenFlowError
from tokenflow.events import (
    Emit,
    Event,
    Finished,
    JobWarning,
    Progress,
    StageFinished,
    StageStarted,
)
from tokenflow.farm.dialects import Dialect, FarmLines, beating
from tokenflow.job import EditJob

Style = Literal["auto", "plain", "json", "openjd", "deadline", "tractor"]

NAMES = {
    "render": "Render plate",
    "read": "Read plate",
    "encode": "Encode",
    "invert": "Invert",
    "edit": "Edit",
    "decode": "Decode",
    "delta": "Compare",
    "deflicker": "Deflicker",
    "merge": "Merge and write",
    "measure": "Measure",
}
"""Stages in a person's words."""

PLAIN_EVERY = 10.0  # seconds between two lines of one stage


@contextmanager
def shown(style: Style, job: EditJob | None = None) -> Iterator[Emit]:
    """Give what shows a job's events while the block runs.

    `auto` is bars on a terminal, else `plain`. Results go to standard output by whoever runs the
    job; here only `json` and the dialects of farms write there, everything else to standard error.
    Lines are said again when nothing happens for a while; a bar shows by itself that time goes on.

    Parameters
    ----------
    job
        What is run; a farm's dialect weighs its stages. None for work of a single stage.
    """
    if style == "auto" and sys.stderr.isatty():
        with Bars(Console(stderr=True)) as bars:
            yield bars
    elif style == "json":
        with beating(lines := JsonLines(_to_output)):
            yield lines
    elif style in get_args(Dialect):
        with _for_farm(FarmLines(cast(Dialect, style), job, _to_output, _to_log)) as farm:
            yield farm
    else:
        with beating(plain := Lines(_to_log)):
            yield plain


@contextmanager
def _for_farm(lines: FarmLines) -> Iterator[FarmLines]:
    """Let a farm know how a task ended; what it was is for the exit code to say."""
    _to_log(f"tokenflow {metadata.version('tokenflow')}, python {platform.python_version()}")
    try:
        with beating(lines):
            yield lines
    except (OcioError, TokenFlowError) as error:
        lines.end(error)
        raise
    lines.end(None)


def _to_output(line: str) -> None:
    print(line, flush=True)


def _to_log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class JsonLines:
    """A JSON object per event; a silent stage says its progress again."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write
        self.last = 0.0
        self._repeated: Event | None = None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, StageStarted):
            self._repeated = Progress(event.stage, 0, event.total)
        elif isinstance(event, Progress):
            self._repeated = event
        self.write(json.dumps(event.to_json(), ensure_ascii=False))
        self.last = time.monotonic()

    def repeat(self) -> None:
        """Say the last progress once more."""
        if self._repeated is not None:
            self(self._repeated)


class Bars:
    """One bar per stage on a terminal."""

    def __init__(self, console: Console) -> None:
        self.progress = RichProgress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self.task = TaskID(0)
        self._last = ""

    def __enter__(self) -> Bars:
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, StageStarted):
            self.task = self.progress.add_task(_name(event.stage), total=event.total, note="")
        elif isinstance(event, Progress):
            self.progress.update(
                self.task, completed=event.done, total=event.total, note=event.detail
            )
        elif isinstance(event, StageFinished):
            task = next(task for task in self.progress.tasks if task.id == self.task)
            self.progress.update(self.task, completed=task.total, note=_how(event))
            self._last = event.stage
        elif isinstance(event, JobWarning):
            note = f"[yellow]note[/] {escape(event.message)}"
            self.progress.console.print(note, highlight=False, soft_wrap=True)
        elif isinstance(event, Finished):
            said = _finished(event, self._last)
            self.progress.console.print(said, highlight=False, soft_wrap=True)


class Lines:
    """A line for each stage that is done, and now and then one between."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write
        self.last = 0.0
        self._now = "begins"
        self._last = ""

    def repeat(self) -> None:
        """Say where the running stage stands."""
        self.write(self._now)
        self.last = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, StageStarted):
            self.last = time.monotonic()
            self._now = f"{_name(event.stage)}: 0 of {event.total}"
        elif isinstance(event, Progress):
            detail = f", {event.detail}" if event.detail else ""
            self._now = f"{_name(event.stage)}: {event.done} of {event.total}{detail}"
            if time.monotonic() - self.last > PLAIN_EVERY:
                self.repeat()
        elif isinstance(event, StageFinished):
            note = f", {how}" if (how := _how(event)) else ""
            self.write(f"{_name(event.stage)}: {event.seconds:.1f} s{note}")
            self._last = event.stage
        elif isinstance(event, JobWarning):
            self.write(f"note: {event.message}")
        elif isinstance(event, Finished):
            self.write(_finished(event, self._last))


def _how(event: StageFinished) -> str:
    """Say in words where the work of a stage was done, if not in its own time."""
    if event.reused:
        return "already there"
    return f"done during: {_name(event.during)}" if event.during else ""


def _name(stage: str) -> str:
    return NAMES.get(stage, stage)


def _finished(event: Finished, last: str) -> str:
    if not event.report:
        # A task of a farm that ends before the frames, which are for other tasks to write.
        return f"done up to {_name(last)} in {event.seconds:.1f} s; kept in the workspace"
    frames = "1 frame" if event.frames == 1 else f"{event.frames} frames"
    return f"{frames} in {event.seconds:.1f} s; report {event.report}"
