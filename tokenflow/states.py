"""What the service knows of a job, in the form that its door, its clients and the panel share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from ocio.frame_range import FrameRange
from tokenflow.errors import InvalidJob
from tokenflow.job import EditJob

JobState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]

FINAL: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})
"""States that a job leaves only when somebody asks for it again."""

HIGHEST_PRIORITY = 1000


@dataclass(frozen=True)
class RunRequest:
    """How a job is to be run: what `RunOptions` is to the command line.

    Attributes
    ----------
    priority
        Higher goes first; equal ones in the order in which they came.
    overwrite
        Replace frames that exist.
    resume
        Keep frames that are whole and belong to this job.
    frames
        The part of the job's range to write, ``1001-1012``; None writes all of it.

    Raises
    ------
    InvalidJob, InvalidFrameRange
    """

    priority: int = 0
    overwrite: bool = False
    resume: bool = False
    frames: str | None = None

    def __post_init__(self) -> None:
        """Check the values; frames are kept in their canonical form."""
        if abs(self.priority) > HIGHEST_PRIORITY:
            raise InvalidJob(
                f"a priority of {self.priority} is not within -{HIGHEST_PRIORITY} and "
                f"{HIGHEST_PRIORITY}"
            )
        if self.frames is not None:
            object.__setattr__(self, "frames", str(FrameRange.parse(self.frames)))


@dataclass(frozen=True)
class JobRecord:
    """A job in the queue or in its history.

    Attributes
    ----------
    id
        Twelve random hexadecimal digits.
    created, started, ended
        Seconds since the epoch by the wall clock, for people only: nothing is decided by them.
    attempts
        How often it was begun.
    progress
        ``{"fraction": 0..1, "stage": str, "detail": str, "seconds_left": float | None}``, None
        before the first event.
    report
        The report as it stands beside the frames, when done.
    error
        ``{"code", "message", "hint", "frame"?, "path"?, "exit_code", "retryable"}``: why it failed,
        or for a queued job why it has to be tried again.
    """

    id: str
    job: EditJob
    request: RunRequest
    state: JobState
    created: float
    started: float | None = None
    ended: float | None = None
    attempts: int = 0
    progress: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in FINAL

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object with the names of the fields."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "job": self.job.to_json(), "request": asdict(self.request)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> JobRecord:
        """Read what `to_json` wrote; fields of a newer service are passed over."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(
            **known
            | {
                "job": EditJob.from_json(document["job"]),
                "request": RunRequest(**document["request"]),
            }
        )


@dataclass(frozen=True)
class StoredEvent:
    """One event of a job.

    Attributes
    ----------
    id
        Grows over all jobs of a service; what a stream resumes from.
    data
        A JSON object as `tokenflow.events` writes it: ``event`` names its kind.
    """

    id: int
    job_id: str
    data: dict[str, Any]
