"""Starts Blender in a home of its own, the panel installed, and lets a play be played in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.plugin.for_real.screen import take_picture, virtual_screen
from tokenflow.demo.shot import FIRST_FRAME, SCENE, render_frame
from tokenflow.runtime import stop

PLAY = Path(__file__).with_name("in_blender.py")
LONG = 1200.0
SCREEN = (1300, 1000)
BLENDER_WIDE = 870
"""Pixels across; the panel has the rest of the screen."""


class Home:
    """A user's home folder in which a host is installed and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        hidden = ("OCIO", "PYTHONPATH", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")
        kept = {key: value for key, value in os.environ.items() if key not in hidden}
        self.environment = {
            **kept,
            "HOME": str(folder),
            "TOKENFLOW_HOME": str(folder / "tokenflow"),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "OMP_NUM_THREADS": "1",
        }
        self.environment.pop("QT_QPA_PLATFORM", None)

    def tokenflow(self, *arguments: str) -> str:
        """Run a command of the product; returns what it says."""
        ran = subprocess.run(
            [sys.executable, "-m", "tokenflow.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def files(self) -> dict[str, bytes]:
        """Return every file below it with its content, and folders with none."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else b""
            for path in sorted(self.folder.rglob("*"))
        }

    def end_service(self) -> None:
        """End what the panel started."""
        stop(self.folder / "tokenflow/runtime/service.json")


def render_plate(folder: Path, frames: int, width: int, height: int) -> str:
    """Render a few frames of the demo's shot; returns the first file."""
    for frame in range(FIRST_FRAME, FIRST_FRAME + frames):
        render_frame(SCENE, frame, folder / f"plate.{frame}.exr", width, height)
    return str(folder / f"plate.{FIRST_FRAME}.exr")


def play_in_blender(
    home: Home, folder: Path, play: dict[str, Any], pictures: dict[str, Path]
) -> dict[str, Any]:
    """Start Blender's window on a screen of its own and play; returns what was seen.

    Parameters
    ----------
    folder
        For what the two sides tell each other.
    play
        See `in_blender`.
    pictures
        Where the pictures go that the play asks for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wide, high = SCREEN
    panel = [BLENDER_WIDE, 0, wide - BLENDER_WIDE, high]
    (folder / "play.json").write_text(json.dumps({**play, "panel": panel}))
    with virtual_screen(wide, high) as display, (folder / "blender.log").open("wb") as log:
        environment = {
            **home.environment,
            "DISPLAY": display,
            "TOKENFLOW_PLAY": str(folder / "play.json"),
            "TMPDIR": str(folder),  # Blender leaves its last session there
            "TEMP": str(folder),
        }
        geometry = map(str, (0, 0, BLENDER_WIDE, high))
        argv = ["blender", "--window-geometry", *geometry, "-P", str(PLAY)]
        blender = subprocess.Popen(argv, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _take_pictures(blender, display, folder, pictures)
        finally:
            blender.kill()
            blender.wait()
            home.end_service()
    said = (folder / "blender.log").read_text(errors="replace")
    assert (folder / "seen.json").exists(), said
    return {
        **json.loads((folder / "seen.json").read_text()),
        "log": said,
        "code": blender.returncode,
    }


def _take_pictures(
    blender: subprocess.Popen[bytes], display: str, folder: Path, pictures: dict[str, Path]
) -> None:
    end = time.monotonic() + LONG
    left = dict(pictures)
    while blender.poll() is None and time.monotonic() < end:
        for name in [name for name in left if (folder / f"{name}.wanted").exists()]:
            take_picture(display, left.pop(name))
            (folder / f"{name}.taken").touch()
        time.sleep(0.05)
