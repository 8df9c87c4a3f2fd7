"""A screen that nobody looks at, with a program on it.

`python -m tests.plugin.for_real.screen PROGRAM ...` runs a program of Qt's there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import ImageGrab

SIZE = (1600, 1000)
LOOKS = 20  # one a second


@contextmanager
def virtual_screen(width: int, height: int) -> Iterator[str]:
    """Start an X server without a monitor; gives its display."""
    read, write = os.pipe()
    screen = ["-screen", "0", f"{width}x{height}x24"]
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), *screen, "-nolisten", "tcp"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as said:
            yield f":{said.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


def take_picture(display: str, path: Path) -> None:
    """Write what is on a screen to a PNG when it stands still, or at the latest after a while."""
    seen = ImageGrab.grab(xdisplay=display)
    for _ in range(LOOKS):
        time.sleep(1.0)
        before, seen = seen, ImageGrab.grab(xdisplay=display)
        if before.tobytes() == seen.tobytes():
            break
    seen.save(path, optimize=True)


def main(argv: list[str]) -> int:
    """Run a program of Qt's on a screen of its own; returns its exit code."""
    with virtual_screen(*SIZE) as display:
        software = {"QT_QPA_PLATFORM": "xcb", "LIBGL_ALWAYS_SOFTWARE": "1"}
        environment = {**os.environ, "DISPLAY": display, **software}
        return subprocess.run(argv, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
