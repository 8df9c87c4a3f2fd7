"""What a running job says about itself.

The pipeline hands events to a callable and knows nothing of who listens: a progress bar, a farm's
protocol lines, a service's event stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

Stage: TypeAlias = Literal[
    "render",
    "read",
    "encode",
    "invert",
    "edit",
    "decode",
    "delta",
    "deflicker",
    "merge",
    "write",
    "measure",
]
"""The stages of a job in the order in which they run.

`render` makes the demo's own plate, `measure` belongs to the evaluation of finished edits.
"""


@dataclass(frozen=True)
class Event:
    """Root of the events."""

    @classmethod
    def name(cls) -> str:
        """Return the class name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def to_json(self) -> dict[str, object]:
        """Return a JSON object: ``event`` is the class name in snake case, then the fields."""
        return {"event": self.name(), **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Event | None:
        """Read what `to_json` wrote; None for an event that this version does not know.

        Fields that a newer version added are passed over.
        """
        for kind in Event.__subclasses__():
            if kind.name() == document.get("event"):
                known = {each.name for each in fields(kind)}
                return kind(**{name: document[name] for name in known & document.keys()})
        return None


@dataclass(frozen=True)
class StageStarted(Event):
    """A stage begins; `total` is its work in units of `Progress`: frames, or frames times steps."""

    stage: Stage
    total: int


@dataclass(frozen=True)
class Progress(Event):
    """`done` of `total` units of a stage are finished; never goes back within a stage.

    `detail` says where the work stands in words (``"step 12 of 50"``), for a person to read. The
    service adds how much of the whole job is done, 0 to 1, and how many seconds are left.
    """

    stage: Stage
    done: int
    total: int
    detail: str = ""
    fraction: float | None = None
    seconds_left: float | None = None

    def to_json(self) -> dict[str, object]:
        """Return a JSON object, without what nobody said."""
        return {name: value for name, value in super().to_json().items() if value is not None}


@dataclass(frozen=True)
class Preview(Event):
    """What a frame will roughly look like, seen after `step` of `steps` of a stage.

    `png` is a small picture, base64 text of a PNG file; the next one of a job replaces it.
    """

    stage: Stage
    frame: int
    step: int
    steps: int
    png: str


@dataclass(frozen=True)
class Loading(Event):
    """The weights of a checkpoint are being loaded, which may take a while."""

    checkpoint: str


@dataclass(frozen=True)
class StageFinished(Event):
    """A stage ended after `seconds`; `reused` if its result was already in the workspace.

    `during` names the stage beside which its work was done, where it had not to wait for the end of
    that one.
    """

    stage: Stage
    seconds: float
    reused: bool = False
    during: Stage | None = None


@dataclass(frozen=True)
class JobWarning(Event):
    """Something the user should know that does not stop the job."""

    message: str
    stage: Stage | None = None
    frame: int | None = None


@dataclass(frozen=True)
class FrameWritten(Event):
    """A frame stands whole under its final name; `skipped` if an earlier run wrote it."""

    frame: int
    path: str
    skipped: bool = False


@dataclass(frozen=True)
class Finished(Event):
    """The job is done: `frames` results on disk and the report beside them.

    One that was to end before the frames has 0 and an empty `report`.
    """

    frames: int
    report: str
    seconds: float


Emit: TypeAlias = Callable[[Event], None]
"""Takes an event. May raise `tokenflow.errors.Cancelled` to stop the job at this point."""
