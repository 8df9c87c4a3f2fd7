"""Pictures are decoded in several threads at once, and in the one that draws meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import threading
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication, QImage
from ui.frames import decoded

application = QGuiApplication(["test", "-platform", "offscreen"])
picture = QImage(64, 36, QImage.Format.Format_RGB32)
buffer = QBuffer()
buffer.open(QIODevice.OpenModeFlag.WriteOnly)
picture.save(buffer, "JPG")
content = bytes(buffer.data())
threads = [
    threading.Thread(target=lambda: [decoded(content) for _ in range(300)], daemon=True)
    for _ in range(3)
]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    QImage.fromData(content)
print("done")
"""


def test_decoding_in_threads_and_in_the_main_thread_at_once_comes_to_an_end(
    repository: Path,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
        timeout=300,
    )
    assert ran.stdout == "done\n", ran.stderr
