"""What happens when Nuke starts with a window: the panel gets into the Pane menu."""

from __future__ import annotations

import nuke
import nukescripts

from plugin.hosts.docked import live_in
from plugin.hosts.nuke.adapter import NukeHost
from plugin.manifest import read_manifest

WIDGET = "__import__('plugin.hosts.docked', fromlist=['DockedPanel']).DockedPanel"
"""Nuke evaluates it later, when a layout is restored: by import alone it must come to the class."""


def add_to_menu() -> None:
    """Register the panel with the id by which saved layouts know it; without a window, do nothing.

    `nukescripts.registerWidgetAsPanel` adds it to the menu Windows > Custom.
    """
    if not nuke.env["gui"]:
        return
    panel = next(each for each in read_manifest()["entrypoints"] if each["type"] == "panel")
    host = NukeHost()
    host.follow_script()
    live_in(host)
    nukescripts.registerWidgetAsPanel(WIDGET, panel["label"], panel["id"])
