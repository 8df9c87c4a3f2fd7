"""Nuke: a folder of ours on its plug-in path, by one marked block in the user's `init.py`."""

from __future__ import annotations

import re
from pathlib import Path

from plugin.install.footprint import Footprint
from plugin.install.generate import LOADED
from plugin.install.hosts import Found, named_program, own_folder, programs
from plugin.install.place import place

PLACES = ("/usr/local/Nuke*/Nuke*.[0-9]", "/opt/Nuke*/Nuke*.[0-9]", "~/Nuke*/Nuke*.[0-9]")


class Nuke:
    """See `HostInstaller`."""

    name = "nuke"

    def find(self, program: Path | None) -> list[Found]:
        """Read versions off the names of its folders: to ask Nuke takes a licence."""
        known = [named_program(program)] if program else programs("Nuke", PLACES)
        found = [Found(each, _version(each)) for each in known]
        # Applications of a studio lie anywhere; the user's folder is where Nuke looks in any case.
        return found or ([Found(None, "")] if _home().is_dir() else [])

    def place_of(self, found: Found) -> str:
        """See `HostInstaller.place_of`: all versions read the user's one folder."""
        return ""

    def put(self, found: Found, footprint: Footprint) -> None:
        """Put the start-up files into a folder of ours, and name it in the user's `init.py`."""
        put_files(footprint)
        footprint.add_block(_home() / "init.py", _block(own_folder("nuke")))

    def advice(self, found: Found) -> str:
        """Say where the panel is."""
        return (
            "Start Nuke: the panel is in the menu Windows > Custom > TokenFlow. It has not been "
            "run inside Nuke by its makers: docs/hosts.md has a list of what to look at."
        )


def put_files(footprint: Footprint) -> Path:
    """Put the start-up files into a folder of ours; returns it."""
    folder = own_folder("nuke")
    footprint.copy(LOADED / "nuke", folder)
    footprint.write(folder / "place.json", place(with_qt=False))
    return folder


def _home() -> Path:
    return Path.home() / ".nuke"


def _block(folder: Path) -> list[str]:
    return [
        "# Written by `tokenflow hosts install nuke`; `tokenflow hosts uninstall nuke` removes it.",
        "try:",
        "    import nuke",
        "",
        f"    nuke.pluginAddPath({str(folder)!r})",
        "except BaseException as error:",
        "    import sys",
        "",
        '    sys.stderr.write("TokenFlow is not loaded: {}\\n".format(error))',
    ]


def _version(program: Path) -> str:
    seen = re.search(r"Nuke(\d+\.\d+(?:v\d+)?)", str(program.resolve()))
    return seen[1] if seen else ""
