"""Rows of the queue: what a job's record and events mean to the artist."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ocio.frame_range import FrameRange
from tokenflow.states import HIGHEST_PRIORITY, JobRecord, JobState
from ui.output_names import name_of
from ui.presenters.trouble import Trouble, of_json
from ui.presenters.viewer import PreviewPicture

JobKind: TypeAlias = Literal["try", "render", "re-edit"]

STAGE_WORDS = {
    "render": "rendering",
    "read": "reading",
    "encode": "encoding",
    "invert": "inverting",
    "edit": "denoising",
    "decode": "decoding",
    "delta": "comparing",
    "deflicker": "deflickering",
    "merge": "merging",
    "write": "writing",
}

STATE_WORDS: dict[JobState, str] = {
    "queued": "waiting",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}

NO_FRAMES = FrameRange()

_TRY = re.compile(r"[/\\]tries[/\\]\d+[/\\][^/\\]+$")


@dataclass(frozen=True)
class Live:
    """What the events of a job have told since somebody listens.

    Attributes
    ----------
    preview
        The last small picture.
    written
        Frames that stand on disk.
    warnings
        Sentences, each once.
    report
        Where the report lies, once there is one.
    """

    preview: PreviewPicture | None = None
    written: FrameRange = NO_FRAMES
    warnings: tuple[str, ...] = ()
    report: str = ""


class Hearing:
    """Collects the events of one job: many come at once, and few look."""

    def __init__(self) -> None:
        self._preview: PreviewPicture | None = None
        self._written: set[int] = set()
        self._warnings: dict[str, None] = {}
        self._report = ""
        self._live: Live | None = None

    def hear(self, data: Mapping[str, Any]) -> None:
        """Take one event; unknown kinds change nothing."""
        kind = data.get("event")
        if kind == "preview":
            self._preview = _picture(data) or self._preview
        elif kind == "frame_written":
            self._written.add(int(data["frame"]))
        elif kind == "job_warning":
            self._warnings[str(data["message"])] = None
        elif kind == "finished":
            self._report = str(data.get("report", ""))
        else:
            return
        self._live = None

    @property
    def live(self) -> Live:
        """What is known by now; the same object until more is heard."""
        if self._live is None:
            written = FrameRange.of(self._written)
            self._live = Live(self._preview, written, tuple(self._warnings), self._report)
        return self._live


@dataclass(frozen=True)
class JobRow:
    """One job as a row shows it.

    Attributes
    ----------
    name
        Of its result: ``sh010_v003``.
    kind
        try, render, re-edit.
    state
        As the service has it; `state_word` for people.
    stage
        What it is doing, with the step: ``denoising 31 of 50``.
    fraction
        0 to 1; None before anything is known.
    seconds_left
        None where nobody knows.
    preview
        The last small picture.
    trouble
        Why it failed.
    warnings
        What the artist should know about a job that did not fail.
    """

    id: str
    name: str
    prompt: str
    kind: JobKind
    state: JobState
    stage: str
    fraction: float | None
    seconds_left: float | None
    frames: str
    output: str
    plate: str
    priority: int
    created: float
    ended: float | None
    preview: PreviewPicture | None = None
    trouble: Trouble | None = None
    warnings: tuple[str, ...] = ()

    @property
    def state_word(self) -> str:
        """The state in a word."""
        return STATE_WORDS[self.state]

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.state not in ("queued", "running")

    @property
    def can_cancel(self) -> bool:
        """Whether there is something to stop."""
        return not self.final

    @property
    def can_retry(self) -> bool:
        """Whether it may be tried again."""
        return self.state in ("failed", "cancelled")

    @property
    def can_load(self) -> bool:
        """Whether there is a result to put into the host."""
        return self.state == "done"

    @property
    def can_move(self) -> bool:
        """Whether it has a place in the queue to be changed."""
        return self.state == "queued"


def row_of(record: JobRecord, live: Live) -> JobRow:
    """Say what a record means."""
    job, progress = record.job, record.progress or {}
    running = record.state == "running"
    report = record.report or {}
    warnings = tuple(map(str, report.get("warnings") or ())) or live.warnings
    fraction = progress.get("fraction")
    return JobRow(
        id=record.id,
        name=name_of(job.output.path),
        prompt=job.edit.prompt,
        kind=kind_of(record),
        state=record.state,
        stage=stage_text(progress) if running else "",
        fraction=1.0 if record.state == "done" else fraction if not record.final else None,
        seconds_left=progress.get("seconds_left") if running else None,
        frames=record.request.frames or str(job.range.frames or ""),
        output=job.output.path,
        plate=job.plate.path,
        priority=record.request.priority,
        created=record.created,
        ended=record.ended,
        preview=live.preview,
        trouble=of_json(record.error) if record.error else None,
        warnings=warnings,
    )


def kind_of(record: JobRecord) -> JobKind:
    """Tell a try and a stretch from a whole render: by where it writes, by what part of it."""
    if _TRY.search(record.job.output.path):
        return "try"
    part = record.job.base is not None or record.request.frames is not None
    return "re-edit" if part else "render"


def stage_text(progress: Mapping[str, Any]) -> str:
    """Say what a job is doing: ``denoising 31 of 50``."""
    stage, detail = str(progress.get("stage") or ""), str(progress.get("detail") or "")
    word = STAGE_WORDS.get(stage, stage)
    return " ".join(part for part in (word, detail.removeprefix("step ")) if part) or "starting"


def in_order(records: Iterable[JobRecord]) -> list[JobRecord]:
    """Sort: what runs, what waits in the order in which it will run, what ended newest first."""

    def rank(record: JobRecord) -> tuple[int, float, float]:
        if record.state == "running":
            return 0, 0.0, record.created
        if record.state == "queued":
            return 1, -record.request.priority, record.created
        return 2, 0.0, -(record.ended or record.created)

    return sorted(records, key=rank)


def priorities_for(queue: Sequence[JobRecord]) -> dict[str, int]:
    """Return the priorities to change so that jobs run in this order; as few as possible.

    Equal priorities run in the order in which they came, so only a job that stands before an
    earlier one has to be raised above it.
    """
    changes: dict[str, int] = {}
    behind: tuple[int, float] | None = None
    for record in reversed(queue):
        priority = record.request.priority
        if behind is not None:
            least = behind[0] if record.created <= behind[1] else behind[0] + 1
            priority = min(max(priority, least), HIGHEST_PRIORITY)
        if priority != record.request.priority:
            changes[record.id] = priority
        behind = (priority, record.created)
    return changes


def seconds_text(seconds: float) -> str:
    """Write a time left: ``1:10``, ``2:05:00``."""
    whole = round(max(seconds, 0))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def about_text(seconds: float) -> str:
    """Write an estimate: ``≈ 40 s``, ``≈ 3 min``, ``≈ 2 h``."""
    if seconds < 90:
        return f"≈ {max(round(seconds / 5) * 5, 5)} s"
    if seconds < 90 * 60:
        return f"≈ {round(seconds / 60)} min"
    return f"≈ {seconds / 3600:.1f} h"


def _picture(data: Mapping[str, Any]) -> PreviewPicture | None:
    try:
        return PreviewPicture(int(data["frame"]), base64.b64decode(data["png"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None  # of a newer service, perhaps: a preview is never worth an error
