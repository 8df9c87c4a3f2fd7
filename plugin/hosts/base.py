"""What the adapters of all hosts share; the protocol that they fulfil is `ui.host.Host`.

An adapter answers for one program. Only `plugin/hosts/NAME/` (or `NAME.py`) imports that program's
own modules. What a host cannot do is a capability that it has not got: the answers here are those
of a host that can do nothing.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from tokenflow.folders import user_folder
from ui.host import (
    Capability,
    Handle,
    HostColour,
    HostDefaults,
    HostInfo,
    HostPlate,
    HostResult,
    HostTimeline,
    Level,
)
from ui.observable import Event

__all__ = ["Adapter", "environment_config", "sha256_of"]


class Adapter:
    """A host that can do nothing yet; each adapter says what it can.

    Attributes
    ----------
    project
        The path of what is open in the host; empty where nothing was saved yet.
    leaving, arrived
        Sent with the project that is about to be left, and with the one that was come to: another
        file was opened. Saving under another name is no change of project.
    notices
        Sent with a sentence for the user.
    """

    def __init__(self, name: str, version: str, *, gui: bool = True, settings: Path | None = None):
        self.project = ""
        self.leaving: Event[str] = Event()
        self.arrived: Event[str] = Event()
        self.notices: Event[str] = Event()
        self._name, self._version, self._gui = name, version, gui
        self._settings = settings

    @property
    def info(self) -> HostInfo:
        """See `Host.info`."""
        python = platform.python_version()
        return HostInfo(self._name, self._version, python, qt_version(), self._gui, os.getpid())

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Host.capabilities`."""
        return frozenset()

    def plates(self) -> tuple[HostPlate, ...]:
        """See `Host.plates`."""
        return ()

    def timeline(self) -> HostTimeline | None:
        """See `Host.timeline`."""
        return None

    def colour(self) -> HostColour | None:
        """See `Host.colour`."""
        return None

    def place_result(self, result: HostResult) -> Handle | None:
        """See `Host.place_result`; of a result that is not on disk, the user is told."""
        if not result.frames:
            self.notify("warning", f"no frame of {result.path} is on disk", "Render it again.")
            return None
        return self.place(result)

    def place(self, result: HostResult) -> Handle | None:
        """Put a result, of which there are frames, into the comp."""
        return None

    def reload(self, handle: Handle) -> None:
        """See `Host.reload`."""

    def call_main(self, call: Callable[[], None]) -> None:
        """See `Host.call_main`."""
        raise RuntimeError(f"{self._name} has no way into its main thread")

    def notify(self, level: Level, text: str, hint: str = "") -> None:
        """See `Host.notify`: a line on standard error, and one in the panel where it is open."""
        sentence = f"{text}. {hint}" if hint else text
        print(f"TokenFlow: {level}: {sentence}", file=sys.stderr)
        self.notices.send(sentence)

    def defaults(self) -> HostDefaults:
        """See `Host.defaults`: results beside the plate, folders of the user."""
        settings = self._settings or user_folder("config")
        return HostDefaults(self.project, None, settings, user_folder("runtime"))

    def move_to(self, project: str) -> None:
        """Say that the host has opened another project."""
        self.leaving.send(self.project)
        self.project = project
        self.arrived.send(project)

    def close(self) -> None:
        """See `Host.close`."""


def in_main_thread() -> bool:
    """Tell whether this is the thread that the host draws in."""
    return threading.current_thread() is threading.main_thread()


def qt_version() -> str:
    """Return the version of the Qt that is loaded; empty before one is."""
    return str(import_module("PySide6").__version__) if "PySide6" in sys.modules else ""


def environment_config() -> HostColour | None:
    """Return the config that ``$OCIO`` names, which comes before what a project says."""
    path = os.environ.get("OCIO")
    return HostColour(path, "$OCIO", sha256_of(path)) if path else None


def sha256_of(config: str) -> str:
    """Return the SHA-256 of a config file; empty for a name that is no file."""
    try:
        facts = Path(config).stat()
    except OSError:
        return ""
    return _sha256(config, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=8)
def _sha256(path: str, changed: int, size: int) -> str:
    """Read a file once for as long as it stays the same: a panel asks often."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
