"""The hosts that the contract is tested on: each as it is in the environment that tests run in.

A case has a host, a plate that is selected in it, and ways to look at what became of a result. In
the ordinary environment those are the file system and Nuke's stand-in; Blender and napari are found
where `make test-hosts` has put them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocio.frame_range import FrameRange
from plugin.hosts.base import Adapter
from ui.host import HostResult


@dataclass(frozen=True)
class HostCase:
    """A host with a plate in it.

    Attributes
    ----------
    host
        The adapter.
    plate
        Pattern of the sequence that is selected; it has frames 1001 to 1005.
    turn
        Lets the main thread do what other threads asked for.
    open_project, save_project
        Do what a user does.
    shown
        Says for each result what the host shows: pattern, frames, colour space.
    steps
        Says how many steps there are to undo; None where nobody can say.
    """

    host: Adapter
    plate: str
    turn: Callable[[], None]
    open_project: Callable[[str], None] | None = None
    save_project: Callable[[str], None] | None = None
    shown: Callable[[], list[tuple[str, str, str]]] = list
    steps: Callable[[], int] | None = None

    def result(self, folder: Path, frames: str = "1001-1005", **changes: Any) -> HostResult:
        """Return a result whose frames are on disk."""
        pattern = folder / "edit" / "v001" / "edit_v001.####.exr"
        pattern.parent.mkdir(parents=True, exist_ok=True)
        for frame in FrameRange.parse(frames):
            # No host of the contract looks into a file that is placed and not shown.
            (pattern.parent / f"edit_v001.{frame:04d}.exr").write_bytes(b"")
        known = {
            "job_id": "job-1",
            "path": str(pattern),
            "frames": FrameRange.parse(frames),
            "colorspace": None,
            "plate_path": self.plate,
        }
        return HostResult(**{**known, **changes})


def plate_files(folder: Path) -> str:
    """Make five files with the names of a plate; returns its pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(1001, 1006):
        (folder / f"plate.{frame}.exr").write_bytes(b"")
    return str(folder / "plate.####.exr")


@contextmanager
def file_system(folder: Path) -> Iterator[HostCase]:
    """The panel as a program of its own."""
    from PySide6.QtWidgets import QApplication

    from plugin.hosts.file_system import FileSystemHost

    host = FileSystemHost(settings=folder / "settings")
    yield HostCase(host, plate_files(folder / "plate"), QApplication.processEvents)


@contextmanager
def nuke(folder: Path) -> Iterator[HostCase]:
    """Nuke's stand-in, with a Read that is selected."""
    from tests.plugin.hosts.nuke_stand_in import MARKED, Nuke, nuke_in_place, placed

    stand_in = Nuke()
    with nuke_in_place(stand_in):
        from plugin.hosts.nuke.adapter import NukeHost

        plate = plate_files(folder / "plate")
        stand_in.read(plate, 1001, 1005)
        stand_in.recording = True
        host = NukeHost(settings=folder / "settings")
        host.follow_script()
        yield HostCase(
            host,
            plate,
            stand_in.turn,
            stand_in.open_script,
            stand_in.save_script,
            lambda: placed(stand_in, MARKED),
            lambda: len(stand_in.Undo.steps),
        )


@contextmanager
def blender(folder: Path) -> Iterator[HostCase]:
    """Blender as a module, with an image node that is selected."""
    from tests.plugin.hosts.blender_scene import blender_case

    with blender_case(folder, plate_files(folder / "plate")) as case:
        yield case


@contextmanager
def napari(folder: Path) -> Iterator[HostCase]:
    """napari without a window on a screen, with a layer that is selected."""
    from tests.plugin.hosts.napari_viewer import napari_case

    with napari_case(folder) as case:
        yield case


CASES = {"standalone": file_system, "nuke": nuke, "blender": blender, "napari": napari}
MODULES = {"standalone": "PySide6", "nuke": "PySide6", "blender": "bpy", "napari": "napari"}


def missing(name: str) -> str:
    """Return what keeps a host from being tested here; empty if nothing does."""
    module = MODULES[name]
    return "" if importlib.util.find_spec(module) else f"{module} is not in this environment"
