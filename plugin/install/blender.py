"""Blender: an extension from 4.2 on, an add-on before, and a file that enables it at the start."""

from __future__ import annotations

import os
from pathlib import Path

from plugin.install.errors import HostNotFound
from plugin.install.footprint import Footprint
from plugin.install.generate import BLENDER_MODULE, EXTENSIONS_SINCE, LOADED
from plugin.install.hosts import Found, ask, named_program, numbers, programs
from plugin.install.place import place

PLACES = ("/opt/blender*/blender", "~/blender*/blender", "/snap/bin/blender")


class Blender:
    """See `HostInstaller`."""

    name = "blender"

    def find(self, program: Path | None) -> list[Found]:
        """Ask each program for its version."""
        known = [named_program(program)] if program else programs("blender", PLACES)
        return [Found(each, ask([each, "--version"], r"Blender (\d+\.\d+\.\d+)")) for each in known]

    def place_of(self, found: Found) -> str:
        """See `HostInstaller.place_of`: each version has folders of its own."""
        return _series(found.version)

    def put(self, found: Found, footprint: Footprint) -> None:
        """Put the add-on where this version looks for it, and what enables it beside."""
        if not found.version:
            raise HostNotFound(
                "this program does not say which Blender it is",
                hint="Name Blender's own program with --program.",
                path=found.program,
            )
        where = place(with_qt=True)
        addon = _addon_folder(found.version)
        footprint.copy(LOADED / "blender", addon)
        footprint.write(addon / "place.json", where)
        start = LOADED / "blender_start" / "tokenflow_start.py"
        folder = _folder(found.version, "SCRIPTS", "scripts") / "startup"
        footprint.write(folder / start.name, start.read_text("utf-8"))

    def advice(self, found: Found) -> str:
        """Say where the panel is."""
        return "Start Blender: the panel is in the menu Window > TokenFlow."


def _addon_folder(version: str) -> Path:
    if numbers(version) >= numbers(EXTENSIONS_SINCE):
        return _folder(version, "EXTENSIONS", "extensions") / "user_default" / BLENDER_MODULE
    return _folder(version, "SCRIPTS", "scripts") / "addons" / BLENDER_MODULE


def _folder(version: str, variable: str, name: str) -> Path:
    """Return a folder of Blender's user, as its manual's page on its folders has them."""
    own = os.environ.get(f"BLENDER_USER_{variable}")
    if own:
        return Path(own)
    resources = os.environ.get("BLENDER_USER_RESOURCES")
    if resources and numbers(version) >= numbers(EXTENSIONS_SINCE):
        return Path(resources) / name
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "blender" / _series(version) / name


def _series(version: str) -> str:
    """``3.4.1`` is of the series 3.4."""
    return ".".join(version.split(".")[:2])
