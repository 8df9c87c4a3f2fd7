"""What the panel asks of the program it lives in; one adapter per host answers.

Anything that a host cannot do is a missing capability, never an exception, and the panel never asks
for a host's name. All members are called in the thread that draws, but for `call_main`.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from ocio.frame_range import FrameRange
from tokenflow.folders import user_folder

Capability: TypeAlias = Literal[
    "selection", "place_result", "reload", "undo", "progress", "colour", "timeline", "save_hook"
]
Level: TypeAlias = Literal["info", "warning", "error"]
Handle: TypeAlias = str
"""Names a node or strip of the host; nobody but the adapter knows what it means."""


@dataclass(frozen=True)
class HostInfo:
    """The program around the panel, for diagnostics."""

    name: str
    version: str
    python: str
    qt: str
    gui: bool
    pid: int


@dataclass(frozen=True)
class HostPlate:
    """A sequence that is selected in the host, with its variables resolved.

    Attributes
    ----------
    path
        Pattern with forward slashes, absolute.
    name
        What the artist calls it: the node's or clip's name.
    frames
        What the host reads of it; None is all.
    missing
        What the host does about a missing frame; None if it does not say.
    colorspace, explicit
        Its colour space as the host has it, and whether somebody chose it.
    raw, premultiplied, proxy
        How the host reads it.
    views
        Stereo views.
    metadata
        Whatever the host knows.
    """

    path: str
    name: str = ""
    frames: FrameRange | None = None
    missing: Literal["error", "skip", "hold", "black"] | None = None
    colorspace: str | None = None
    explicit: bool = False
    raw: bool = False
    premultiplied: bool = False
    proxy: bool = False
    views: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HostTimeline:
    """The host's own range, current frame and rate in frames per second."""

    first: int
    last: int
    current: int
    fps: Fraction


@dataclass(frozen=True)
class HostColour:
    """The colour management in force, `$OCIO` and the project's settings already weighed.

    Attributes
    ----------
    config
        Path or ``ocio://`` name; None leaves the choice to the service.
    chosen_by
        In words: ``$OCIO``, ``project``, ``built-in``.
    config_sha256
        Of the file, empty if there is none.
    working_space, interop_id, display, view
        Empty where unknown.
    """

    config: str | None = None
    chosen_by: str = ""
    config_sha256: str = ""
    working_space: str = ""
    interop_id: str = ""
    display: str = ""
    view: str = ""

    @property
    def display_view(self) -> str | None:
        """``DISPLAY/VIEW`` as the service takes it."""
        return f"{self.display}/{self.view}" if self.display and self.view else None


@dataclass(frozen=True)
class HostResult:
    """A finished edit that is to stand in the host beside its plate.

    The same job again updates what is there instead of adding another.
    """

    job_id: str
    path: str
    frames: FrameRange
    colorspace: str | None
    plate_path: str
    fps: Fraction | None = None


@dataclass(frozen=True)
class HostDefaults:
    """Where things of this project belong.

    Attributes
    ----------
    project
        Path of the host's project, empty without one; the panel's state is kept by it.
    output_root
        Folder for results; None puts them beside the plate.
    settings, runtime
        Folder for presets and state; folder of the service's file.
    """

    project: str
    output_root: Path | None
    settings: Path
    runtime: Path


class Host(Protocol):
    """The host contract."""

    @property
    def info(self) -> HostInfo:
        """Which program this is."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do; drives what the panel enables."""

    def plates(self) -> tuple[HostPlate, ...]:
        """Return the selected sequences; needs `selection`."""

    def timeline(self) -> HostTimeline | None:
        """Return its range and rate; needs `timeline`."""

    def colour(self) -> HostColour | None:
        """Return its colour management; needs `colour`."""

    def place_result(self, result: HostResult) -> Handle | None:
        """Put a result beside its plate, one undo step; needs `place_result`."""

    def reload(self, handle: Handle) -> None:
        """Read the files of a node or strip again; needs `reload`."""

    def call_main(self, call: Callable[[], None]) -> None:
        """Call something in the thread that draws; any thread, returns at once, inline there."""

    def notify(self, level: Level, text: str, hint: str = "") -> None:
        """Tell the user something; never modal."""

    def defaults(self) -> HostDefaults:
        """Return where things belong."""

    def close(self) -> None:
        """Stop timers and threads; safe twice."""


class FolderHost:
    """No host at all: the file system, for the standalone panel and for tests.

    Parameters
    ----------
    call_main
        How to come into the thread that draws; the default calls at once and suits one thread.
    project
        What the panel's state is kept by; empty takes the shot's folder.
    output_root, settings
        See `HostDefaults`; the default settings are the user's.
    """

    def __init__(
        self,
        call_main: Callable[[Callable[[], None]], None] | None = None,
        project: str = "",
        output_root: Path | None = None,
        settings: Path | None = None,
    ) -> None:
        self._call_main = call_main or (lambda call: call())
        self._project = project
        self._output_root = output_root
        self._settings = settings
        self.notices: list[tuple[Level, str, str]] = []

    @property
    def info(self) -> HostInfo:
        """See `Host.info`."""
        return HostInfo("standalone", "", platform.python_version(), "", True, os.getpid())

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Host.capabilities`; none."""
        return frozenset()

    def plates(self) -> tuple[HostPlate, ...]:
        """See `Host.plates`; nothing can be selected."""
        return ()

    def timeline(self) -> HostTimeline | None:
        """See `Host.timeline`; there is none."""
        return None

    def colour(self) -> HostColour | None:
        """See `Host.colour`; the service decides."""
        return None

    def place_result(self, result: HostResult) -> Handle | None:
        """See `Host.place_result`; there is no place."""
        return None

    def reload(self, handle: Handle) -> None:
        """See `Host.reload`; nothing was placed."""

    def call_main(self, call: Callable[[], None]) -> None:
        """See `Host.call_main`."""
        self._call_main(call)

    def notify(self, level: Level, text: str, hint: str = "") -> None:
        """See `Host.notify`; kept, for the panel shows notices itself."""
        self.notices.append((level, text, hint))

    def defaults(self) -> HostDefaults:
        """See `Host.defaults`."""
        return HostDefaults(
            self._project,
            self._output_root,
            self._settings or user_folder("config"),
            user_folder("runtime"),
        )

    def close(self) -> None:
        """See `Host.close`; nothing runs."""
