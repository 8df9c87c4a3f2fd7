"""napari 0.9: an application of others that docks the panel; a layer's files are a plate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari

from plugin.hosts.base import Adapter
from plugin.hosts.docked import DockedPanel, live_in
from plugin.hosts.file_names import pattern_of
from plugin.hosts.qt_thread import QtMainThread
from ui.host import Capability, HostPlate


class NapariHost(Adapter):
    """The adapter. napari has no colour management, no rate and no EXR: it can name a plate.

    Parameters
    ----------
    viewer
        napari's.
    settings
        Folder of presets and state; default: the user's.
    """

    def __init__(self, viewer: Any, settings: Path | None = None) -> None:
        super().__init__("napari", str(napari.__version__), settings=settings)
        self._viewer = viewer
        self._main = QtMainThread()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Host.capabilities`."""
        return frozenset({"selection"})

    def plates(self) -> tuple[HostPlate, ...]:
        """See `Host.plates`: the files of selected layers, the active one first."""
        selection = self._viewer.layers.selection
        layers = sorted(selection, key=lambda layer: layer is not selection.active)
        found: dict[str, HostPlate] = {}
        for layer in layers:
            if layer.source.path:
                path = pattern_of(str(Path(layer.source.path).absolute()))
                found.setdefault(path, HostPlate(path, str(layer.name)))
        return tuple(found.values())

    def call_main(self, call: Callable[[], None]) -> None:
        """See `Host.call_main`."""
        self._main.call(call)

    def close(self) -> None:
        """See `Host.close`."""
        self._main.close()


def make_panel() -> DockedPanel:
    """Return the widget that napari docks, for the viewer that asks."""
    live_in(NapariHost(napari.current_viewer()))
    return DockedPanel()
