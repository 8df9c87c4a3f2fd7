"""Pictures that were made, in a folder that does not grow beyond a bound."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

SHARE_KEPT = 0.9
"""What stays when the folder is full, so that it is not gone through at every picture."""


class PictureCache:
    """Files by key; the ones that were not looked at for longest go first.

    Parameters
    ----------
    folder
        Made when the first picture comes; for its owner's eyes only.
    bound
        Bytes.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self.folder = folder
        self._bound = bound
        self._total: int | None = None
        self._lock = threading.Lock()

    def path(self, key: str, ending: str) -> Path:
        """Return where a picture lies, or will."""
        return self.folder / key[:2] / f"{key}.{ending}"

    def read(self, path: Path) -> bytes | None:
        """Return a picture's file, None if it is not there; it counts as looked at now."""
        try:
            content = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        return content

    def make_room(self, path: Path) -> None:
        """Prepare the folder that a picture is written to."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True, mode=0o700)

    def added(self, path: Path) -> None:
        """Count a new file, and delete old ones if there are too many bytes."""
        with self._lock:
            if self._total is None:
                self._total = sum(size for _, size, _ in self._files())
            else:
                with suppress(FileNotFoundError):
                    self._total += path.stat().st_size
            if self._total > self._bound:
                self._trim()

    def _trim(self) -> None:
        files = sorted(self._files(), key=lambda file: file[0])
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= SHARE_KEPT * self._bound:
                break
            with suppress(FileNotFoundError):
                path.unlink()
            total -= size
        self._total = total

    def _files(self) -> list[tuple[int, int, Path]]:
        found = []
        for path in self.folder.glob("??/*"):
            with suppress(FileNotFoundError):
                state = path.stat()
                found.append((state.st_mtime_ns, state.st_size, path))
        return found
