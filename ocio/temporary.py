"""Temporary files: what is being written, and what a dead process left behind."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

_NAME = re.compile(r"\..+\.(?P<host>[^@.]+)@(?P<pid>\d+)\.tmp")


def temporary_path(path: Path) -> Path:
    """Return where a file is written before it gets its name: in the same folder, hidden."""
    return path.with_name(f".{path.name}.{_host()}@{os.getpid()}.tmp")


def remove_stale_temporaries(folder: str | Path) -> tuple[Path, ...]:
    """Delete temporary files left by processes of this machine that are dead; return them.

    Files of other machines stay: on a shared disk their writers may well be alive.
    """
    removed = []
    for file in sorted(Path(folder).glob(".*.tmp")):
        match = _NAME.fullmatch(file.name)
        if match and match["host"] == _host() and not _alive(int(match["pid"])):
            file.unlink(missing_ok=True)
            removed.append(file)
    return tuple(removed)


def remove_own_temporaries(folder: str | Path) -> None:
    """Delete what this process was writing, when it will not finish."""
    for file in Path(folder).glob(f".*.{_host()}@{os.getpid()}.tmp"):
        file.unlink(missing_ok=True)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
