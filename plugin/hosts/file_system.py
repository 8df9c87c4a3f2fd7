"""No host but the file system: what the panel lives in as a program of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from plugin.hosts.base import Adapter, environment_config
from plugin.hosts.qt_thread import QtMainThread
from plugin.manifest import read_manifest
from ui.host import Capability, HostColour


class FileSystemHost(Adapter):
    """The file system as a host: a shot is opened by its path, and results lie in their folder.

    Nothing can be selected, and there is no comp that a result could be put into. The config is the
    one of the shell that the program was started from, which need not be the service's.

    Parameters
    ----------
    settings
        Folder of presets and state; default: the user's.
    """

    def __init__(self, settings: Path | None = None) -> None:
        super().__init__("standalone", str(read_manifest()["version"]), settings=settings)
        self._main = QtMainThread()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Host.capabilities`."""
        return frozenset({"colour"})

    def colour(self) -> HostColour | None:
        """See `Host.colour`: what ``$OCIO`` names; without it the service chooses."""
        return environment_config()

    def call_main(self, call: Callable[[], None]) -> None:
        """See `Host.call_main`."""
        self._main.call(call)

    def close(self) -> None:
        """See `Host.close`."""
        self._main.close()
