"""A job's intermediate results on disk, each in a folder named by the hash of what it depends on.

A second run, a crash or a re-edit with another prompt finds what is already there: the inversion of
a shot is paid for once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from tokenflow.errors import WorkspaceUnusable
from tokenflow.folders import user_folder
from tokenflow.job import canonical_json

POLL = 0.2
"""Seconds between two looks at a lock that somebody holds."""
OWNER = ".owner"
SHOT = ".shot"
GONE = ".gone-"
"""How the names of results begin that are being removed."""
_FOLDER = re.compile(r"[a-z]+-[0-9a-f]{20}$")


def default_workspace() -> Path:
    """Give the user's cache folder; `TOKENFLOW_HOME` moves it with all other user folders."""
    return user_folder("workspace")


def content_key(*parts: object) -> str:
    """Hash of JSON values, 20 hexadecimal digits: the name of what depends on them."""
    return hashlib.sha256(canonical_json(parts).encode("utf-8")).hexdigest()[:20]


@dataclass(frozen=True)
class Kept:
    """One result in a workspace.

    Attributes
    ----------
    stage, key
        Whose it is, and the hash of what it depends on.
    size
        Bytes on disk.
    used
        When a job took it last, seconds since 1970.
    in_use
        Whether a job holds it now.
    shot
        The plate that it was made of; empty where nobody said.
    """

    folder: Path
    stage: str
    key: str
    size: int
    used: float
    in_use: bool
    shot: str = ""


def _in_silence(owner: str) -> None:
    """Wait and tell nobody."""


class Workspace:
    """The folder that all jobs of a user share.

    Parameters
    ----------
    root : Path
        Made when the first stage is opened.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def stage(
        self, name: str, key: str, waiting: Callable[[str], None] = _in_silence
    ) -> Iterator[Path]:
        """Own the folder of one stage's result while the block runs.

        Where another process owns it, wait until that one lets go or is dead: its result is what
        this one would compute. Tasks of a farm that begin together meet here.

        Parameters
        ----------
        waiting
            Told once who is waited for, if anybody is.

        Raises
        ------
        WorkspaceUnusable
            If the folder cannot be made.
        """
        folder = self._folder(name, key)
        with _explained(folder):
            lock = FileLock(folder / ".lock")
            if not _taken(lock):
                waiting(_owner(folder))
                lock.acquire(poll_interval=POLL)
        with _held(lock, folder):
            yield folder

    @contextmanager
    def stage_if_free(self, name: str, key: str) -> Iterator[Path | None]:
        """Own the folder of a result that one can do without; None if another process owns it.

        Raises
        ------
        WorkspaceUnusable
            If the folder cannot be made.
        """
        folder = self._folder(name, key)
        with _explained(folder):
            lock = FileLock(folder / ".lock")
            free = _taken(lock)
        if not free:
            yield None
            return
        with _held(lock, folder):
            yield folder

    def name_shot(self, folder: Path, shot: str) -> None:
        """Note of which plate a result is made, for people who look at the list.

        Raises
        ------
        WorkspaceUnusable
            If the folder cannot be written.
        """
        with _explained(folder):
            (folder / SHOT).write_text(shot, encoding="utf-8")

    def note(self, name: str, text: str) -> None:
        """Leave a word for other tasks of a job.

        Raises
        ------
        WorkspaceUnusable
            If it cannot be written.
        """
        with _explained(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text, encoding="utf-8")

    def noted(self, name: str) -> str | None:
        """Read a word that another task has left; None if there is none."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except OSError:
            return None

    def used(self, name: str, key: str) -> None:
        """Note that somebody reads a result, so that it is not taken for forgotten."""
        with suppress(OSError):
            os.utime(self.place(name, key) / OWNER)

    def kept(self) -> list[Kept]:
        """List all results, the largest first.

        Raises
        ------
        WorkspaceUnusable
            If one cannot be looked at.
        """
        folders = (folder for folder in self.root.glob("*-*") if _FOLDER.match(folder.name))
        found = [one for folder in folders if (one := _kept(folder)) is not None]
        return sorted(found, key=lambda one: one.size, reverse=True)

    def remove(self, one: Kept) -> bool:
        """Delete a result; False if a job has taken it meanwhile.

        Raises
        ------
        WorkspaceUnusable
            If the folder cannot be deleted.
        """
        with _explained(one.folder):
            lock = FileLock(one.folder / ".lock")
            if not _taken(lock):
                return False
            try:
                # Out of the way in one step: nobody finds half of it.
                gone = one.folder.with_name(f"{GONE}{one.folder.name}")
                _delete(gone)
                one.folder.rename(gone)
                _delete(gone)
            finally:
                lock.release()
        return True

    def clear_up(self) -> None:
        """Delete what a removal that was interrupted has left.

        Raises
        ------
        WorkspaceUnusable
            If it cannot be deleted.
        """
        for folder in self.root.glob(f"{GONE}*"):
            with _explained(folder):
                _delete(folder)

    def place(self, name: str, key: str) -> Path:
        """Name the folder of a stage's result; what is finished there anybody may read."""
        return self.root / f"{name}-{key}"

    def _folder(self, name: str, key: str) -> Path:
        folder = self.place(name, key)
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder


def _kept(folder: Path) -> Kept | None:
    """Look at a result; None where another process removes it meanwhile."""
    stage, _, key = folder.name.partition("-")
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # a job at work renames what it has finished
                size += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118
    owner = folder / OWNER
    with _explained(folder):
        try:
            used = (owner if owner.exists() else folder).stat().st_mtime
        except FileNotFoundError:
            return None
        lock = FileLock(folder / ".lock")
        free = _taken(lock)
        if free:
            lock.release()
    shot = ""
    with suppress(OSError, ValueError):
        shot = (folder / SHOT).read_text(encoding="utf-8")
    return Kept(folder, stage, key, size, used, not free, shot)


def _delete(folder: Path) -> None:
    """Delete a folder, if it is there; another process may be at it too."""

    def failed(function: object, path: object, error: Any) -> None:
        if not isinstance(error[1], FileNotFoundError):
            raise error[1]

    shutil.rmtree(folder, onerror=failed)


def _taken(lock: BaseFileLock) -> bool:
    """Take a lock if it is free. The system frees the lock of a process that dies."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


@contextmanager
def _held(lock: BaseFileLock, folder: Path) -> Iterator[None]:
    """Leave word who owns a folder, and let go of it at the end."""
    try:
        with _explained(folder):
            # Not in the lock's own file, which everybody who tries the lock empties.
            (folder / OWNER).write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        lock.release()


def _owner(folder: Path) -> str:
    try:
        return (folder / OWNER).read_text() or "another job"
    except OSError:
        return "another job"


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot keep intermediate results: {error.strerror or error}",
            hint="Free some space or name another folder with --workspace.",
            path=folder,
        ) from error
