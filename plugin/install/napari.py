"""napari: a plug-in of ours beside its own, by one `.pth` file in its environment.

No package is installed into that environment: the file names a folder of ours, which holds what
napari looks for in plug-ins and nothing else.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from plugin.install.errors import HostNotFound
from plugin.install.footprint import Footprint
from plugin.install.generate import LOADED, NAPARI_DISTRIBUTION
from plugin.install.hosts import Found, ask, named_program, own_folder, programs
from plugin.install.place import place

PLACES = ("~/napari*/bin/napari", "/opt/napari*/bin/napari")
ASK_VERSION = "import importlib.metadata as m; print('napari', m.version('napari'))"
# A path with a space, or a long one, does not fit into the first line: a shell is asked then.
INTERPRETER = re.compile(r"""#!(?:/bin/sh\n'''exec' )?"?(/[^"\n]+?)"?(?: "\$0".*)?\n""")
ASK_FOLDER = "import sysconfig; print('folder', sysconfig.get_path('purelib'))"


class Napari:
    """See `HostInstaller`."""

    name = "napari"

    def find(self, program: Path | None) -> list[Found]:
        """Ask the Python of each program."""
        known = [named_program(program)] if program else programs("napari", PLACES)
        return [
            Found(each, ask([_python(each), "-c", ASK_VERSION], r"napari (\S+)")) for each in known
        ]

    def place_of(self, found: Found) -> str:
        """See `HostInstaller.place_of`: each environment looks into itself."""
        return hashlib.sha256(str(found.program).encode()).hexdigest()[:8]

    def put(self, found: Found, footprint: Footprint) -> None:
        """Put the plug-in into a folder of ours, and name it to napari's Python."""
        assert found.program is not None
        packages = ask([_python(found.program), "-c", ASK_FOLDER], r"folder (.+)")
        if not found.version or not packages:
            raise HostNotFound(
                "this program has no napari in its Python",
                hint="Name napari's own program with --program.",
                path=found.program,
            )
        folder = own_folder("napari")
        footprint.copy(LOADED / "napari", folder)
        footprint.write(folder / "place.json", place(with_qt=False))
        footprint.write(Path(packages) / f"{NAPARI_DISTRIBUTION}.pth", f"{folder}\n")

    def advice(self, found: Found) -> str:
        """Say where the panel is."""
        return "Start napari: the panel is in the menu Plugins > TokenFlow."


def _python(program: Path) -> Path:
    """Return the interpreter that a program of Python's names at its beginning."""
    with program.open("rb") as file:
        beginning = file.read(4096).decode("utf-8", "replace")
    seen = INTERPRETER.match(beginning)
    named = Path(seen[1]) if seen else None
    return named if named and named.is_file() else program.parent / "python"
