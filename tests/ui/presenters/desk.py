"""A panel without widgets at a played service: time and threads are in the test's hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from tokenflow.job import EditJob
from tokenflow.scripted_client import Knobs, ScriptedClient, _Part
from tokenflow.states import JobRecord, RunRequest, StoredEvent
from tokenflow.transport import always
from ui.background import ManualRunner
from ui.host import (
    Capability,
    FolderHost,
    Handle,
    HostColour,
    HostPlate,
    HostResult,
    HostTimeline,
)
from ui.observable import Value
from ui.presenters.panel import PanelPresenter

T = TypeVar("T")


def now(value: Value[T]) -> T:
    """Look at a value anew, whatever a type checker believes to know of it."""
    return value.value


class PatientClient(ScriptedClient):
    """Gives the events that there are by now, and does not wait in the test's only thread."""

    def events(
        self, job_id: str, after: int = 0, *, wanted: Callable[[], bool] = always
    ) -> Iterator[StoredEvent]:
        with self._played():
            found = [event for event in self._part(job_id).events if event.id > after]
        yield from found


class DeskHost(FolderHost):
    """A host that can do everything, and remembers what was asked of it."""

    def __init__(self, settings: Path, project: str = "") -> None:
        super().__init__(project=project, settings=settings)
        self.selected: tuple[HostPlate, ...] = ()
        self.clock: HostTimeline | None = None
        self.chosen_colour: HostColour | None = None
        self.able: frozenset[Capability] = frozenset({"selection", "place_result", "reload"})
        self.placed: list[HostResult] = []
        self.reloaded: list[Handle] = []

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.able

    def plates(self) -> tuple[HostPlate, ...]:
        return self.selected

    def timeline(self) -> HostTimeline | None:
        return self.clock

    def colour(self) -> HostColour | None:
        return self.chosen_colour

    def place_result(self, result: HostResult) -> Handle | None:
        self.placed.append(result)
        return f"Read_{result.job_id}"

    def reload(self, handle: Handle) -> None:
        self.reloaded.append(handle)


class Desk:
    """Everything that a test of a presenter needs."""

    def __init__(self, folder: Path, runner: ManualRunner | None = None) -> None:
        self.folder = folder
        self.runner = runner or ManualRunner()
        self.knobs = Knobs(
            models=[
                {"name": "demo", "note": "The demo.", "vocabulary": ["a", "red", "ball"]},
                {"name": "sd15"},
                {"name": "zeroscope", "licence": "cc-by-nc-4.0", "commercial": False},
            ],
            device={"devices": [{"device": "cuda:0", "name": "A5000", "memory_free": 14.2e9}]},
        )
        self.client = PatientClient(self.knobs, lambda: self.runner.time)
        self.host = DeskHost(folder / "settings")
        self.connections = 0
        self.panel = PanelPresenter(self.connect, self.runner, self.host)

    def connect(self) -> PatientClient:
        self.connections += 1
        return self.client

    @property
    def plate(self) -> str:
        return str(self.folder / "shots" / "sh010" / "plate" / "sh010_v012.####.exr")

    @property
    def output(self) -> Path:
        return self.folder / "shots" / "sh010" / "edit"

    def start(self) -> None:
        """Connect, and pick the shot."""
        self.knobs.plates[self.plate] = described(self.plate)
        self.panel.start()
        self.runner.advance(0)
        self.panel.shot.open(self.plate)
        self.runner.advance(0)

    def write_frames(self, pattern: str, *frames: int) -> None:
        """Leave files of these names on disk."""
        for frame in frames:
            file = Path(pattern.replace("####", f"{frame:04d}"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"frame")

    def fill(self, *jobs: EditJob) -> None:
        """Let many jobs wait: `submit` compares each with all others, which takes its time."""
        for number, job in enumerate(jobs):
            record = JobRecord(f"{number:012x}", job, RunRequest(), "queued", float(number))
            self.client._parts[record.id] = _Part(number, record)

    def other_panel(self) -> PanelPresenter:
        """Open a second panel in the same host, as after a restart."""
        return PanelPresenter(self.connect, self.runner, self.host)


def described(pattern: str, **other: Any) -> dict[str, Any]:
    """Return what the service says of a plate."""
    rate = Fraction(24000, 1001)
    return {
        "pattern": pattern,
        "frames": "1001-1008,1010-1048",
        "missing": "1009",
        "first": 1001,
        "last": 1048,
        "size": [2048, 1080],
        "parts": [
            {"number": 0, "name": "rgba", "layers": [""], "channels": {"R": "float16", "A": "x"}}
        ],
        "edited": {"part": 0, "channels": ["R", "G", "B"], "alpha": None},
        "color": {
            "colorspace": "ACEScg",
            "error": None,
            "config": "studio",
            "config_source": "built-in",
            "colorspaces": ["ACEScg", "Linear Rec.709 (sRGB)"],
            "views": ["sRGB - Display/ACES"],
            "default_view": "sRGB - Display/ACES",
        },
        "frame_rate": [rate.numerator, rate.denominator],
        "timecode": "01:00:00:00",
        "compression": "zip",
    } | other
