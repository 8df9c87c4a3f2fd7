"""How many new frames a second the viewer shows from its cache, and how long it holds up the loop.

    python -m benchmarks.scrubbing

Opens the viewer at a played service that sends pictures 960 wide, of a shot 2,000 frames long.
While they arrive, the longest turn of the event loop is measured: pictures are fetched and decoded
beside it. Then the playhead steps through the cached ones as fast as the loop goes; a frame counts
when it has been painted. The panel is asked to show 24 a second, and never to hold the loop up for
more than 50 ms. Time in which this thread could have run but other programs had the processor does
not count; Linux keeps account of it.
"""

from __future__ import annotations

import argparse
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QBuffer, QByteArray, QEvent, QIODevice, QObject
from PySide6.QtGui import QColor, QImage, QImageWriter, QLinearGradient, QPainter
from PySide6.QtWidgets import QApplication

from ocio.frame_range import FrameRange
from tokenflow.client import AS_FOUND, PictureFormat, Reading
from tokenflow.scripted_client import ScriptedClient
from ui.frames import FrameCache
from ui.host import FolderHost
from ui.pictures import Source
from ui.presenters.panel import PanelPresenter
from ui.qt_runner import QtRunner
from ui.widgets.viewer import ViewerWidget

PLATE = "/plates/sh010.####.exr"
WIDTH, HEIGHT = 960, 540
DIFFERENT = 24
"""Different pictures, shown again and again: drawing them is not what is measured."""


class Pictures(ScriptedClient):
    """Sends pictures with as much in them as a plate has: JPEG of about 200 kB."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.knobs.plates[PLATE] = described(frames)
        self._files = [drawn(number) for number in range(DIFFERENT)]

    def plate_frame(
        self,
        path: str,
        number: int,
        reading: Reading = AS_FOUND,
        *,
        view: str | None = None,
        width: int | None = None,
        picture: PictureFormat = "png",
    ) -> bytes:
        """See `Client.plate_frame`."""
        return self._files[number % DIFFERENT]


class Paints(QObject):
    """Counts how often a widget was painted."""

    count = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See `QObject`."""
        self.count += event.type() == QEvent.Type.Paint
        return False


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=2000, help="length of the shot")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    chosen = parser.parse_args()
    application = QApplication([])
    with TemporaryDirectory() as folder:
        measure(application, Path(folder), chosen.frames, chosen.seconds)


def measure(application: QApplication, folder: Path, frames: int, seconds: float) -> None:
    """Open the viewer, measure each way of looking, close it."""
    client = Pictures(frames)
    panel = PanelPresenter(lambda: client, QtRunner(), FolderHost(settings=folder))
    cache = FrameCache(panel.runner, lambda: panel.service.client.value)
    widget = ViewerWidget(panel.viewer, cache)
    widget.resize(WIDTH, HEIGHT + 80)
    widget.show()
    panel.start()
    turn(application, lambda: panel.service.client.value is not None)
    panel.shot.open(PLATE)
    turn(application, lambda: panel.shot.facts.value is not None)
    turn(application, lambda: not cache.idle)
    longest = turn(application, lambda: cache.idle)
    print(f"pictures arriving            longest turn of the loop {longest * 1000:5.1f} ms")
    paints = Paints(widget)
    widget.canvas.installEventFilter(paints)
    shown = FrameRange(panel.shot.frames.value[:100])
    panel.shot.set_range(shown[0], shown[-1])
    edit = Source(path=PLATE, frames=shown, name="v003", revision=1)
    turn(application, lambda: cache.idle)

    def begin_wipe() -> None:
        panel.viewer.show_edit(edit)
        panel.viewer.set_compare("wipe")

    ways: dict[str, Callable[[], None]] = {
        "one picture": lambda: None,
        "wipe": begin_wipe,
        "wipe with exposure": lambda: panel.viewer.set_exposure(0.5),
    }
    for name, begin in ways.items():
        begin()
        turn_for(application, 0.2)
        turn(application, lambda: cache.idle)
        fps, longest = scrub(application, panel, paints, seconds)
        print(f"{name:28} {fps:6.1f} frames/s, longest turn {longest * 1000:5.1f} ms")
    widget.close()
    widget.deleteLater()
    cache.close()
    panel.close()
    application.processEvents()


def scrub(
    application: QApplication, panel: PanelPresenter, paints: Paints, seconds: float
) -> tuple[float, float]:
    """Step through the range as fast as it goes.

    Returns
    -------
    tuple
        Painted frames per second, and the longest turn of the loop in seconds.
    """
    paints.count = 0
    longest, begun = 0.0, own_time()
    while own_time() - begun < seconds:
        before = own_time()
        frames = panel.viewer.frames.value
        at = frames.index(panel.viewer.frame.value)
        panel.viewer.go_to(frames[(at + 1) % len(frames)])
        application.processEvents()
        longest = max(longest, own_time() - before)
    return paints.count / (own_time() - begun), longest


def turn(application: QApplication, happened: Callable[[], bool], seconds: float = 60.0) -> float:
    """Turn the event loop until something is so; return its longest turn in seconds."""
    longest, end = 0.0, own_time() + seconds
    while not happened():
        begun = own_time()
        application.processEvents()
        longest = max(longest, own_time() - begun)
        if begun > end:
            raise TimeoutError("the pictures do not come")
        time.sleep(0.001)
    return longest


def turn_for(application: QApplication, seconds: float) -> None:
    """Turn the event loop for a while, so that what follows from a change has begun."""
    end = own_time() + seconds
    while own_time() < end:
        application.processEvents()
        time.sleep(0.001)


def own_time() -> float:
    """Return a time in seconds that stands still while this thread waits for a processor."""
    account = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    waited = int(account.read_text().split()[1]) / 1e9 if account.exists() else 0.0
    return time.perf_counter() - waited


def drawn(number: int) -> bytes:
    """Draw a picture with edges and grain, as a JPEG."""
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    sky = QLinearGradient(0, 0, WIDTH, HEIGHT)
    sky.setColorAt(0, QColor(20, 30, 60))
    sky.setColorAt(1, QColor(230, 180, 120))
    painter.fillRect(image.rect(), sky)
    dice = random.Random(number)
    for _ in range(6000):
        colour = QColor(dice.randrange(256), dice.randrange(256), dice.randrange(256), 60)
        painter.fillRect(dice.randrange(WIDTH), dice.randrange(HEIGHT), 9, 5, colour)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"jpg")).write(image)
    return bytes(data.data())


def described(frames: int) -> dict[str, Any]:
    """Return what the service says of a shot of so many frames."""
    return {
        "pattern": PLATE,
        "frames": f"1001-{1000 + frames}",
        "missing": "",
        "size": [2 * WIDTH, 2 * HEIGHT],
        "parts": [{"channels": {"R": "float16", "G": "float16", "B": "float16"}}],
        "edited": {"part": 0, "channels": ["R", "G", "B"]},
        "color": {"colorspace": "ACEScg", "views": [], "colorspaces": []},
        "frame_rate": [24, 1],
    }


if __name__ == "__main__":
    main()
