"""Where a user's files lie: one folder per kind, all moved together by `TOKENFLOW_HOME`.

Standard library only, since a host asks here for the service's address. The places are those that
the package platformdirs gives, so that other tools find them where they expect them.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["workspace", "cache", "config", "data", "log", "runtime"]

_NAME = "tokenflow"


def user_folder(kind: Kind) -> Path:
    """Give the user's folder of one kind; it is not made.

    ``workspace`` holds what jobs leave for resuming, ``cache`` pictures that can be made again,
    ``config`` the settings, ``data`` the jobs of the service, ``log`` its log, ``runtime`` the
    address and token of the one that runs on this machine.
    """
    home = os.environ.get("TOKENFLOW_HOME")
    if home:
        return Path(home) / kind
    if kind == "workspace":
        return user_folder("cache") / "workspace"
    if sys.platform == "darwin":
        return _mac(kind)
    if sys.platform == "win32":
        return _windows(kind)
    return _linux(kind)


def _linux(kind: Kind) -> Path:
    """Follow the XDG base directory specification, version 0.8."""
    if kind == "runtime":
        return _linux_runtime()
    if kind == "log":
        return _xdg("XDG_STATE_HOME", ".local/state") / _NAME / "log"
    if kind == "config":
        return _xdg("XDG_CONFIG_HOME", ".config") / _NAME
    if kind == "data":
        return _xdg("XDG_DATA_HOME", ".local/share") / _NAME
    return _xdg("XDG_CACHE_HOME", ".cache") / _NAME


def _linux_runtime() -> Path:
    """Give a folder of this user on this machine, the same with and without a desktop session."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if folder.is_dir():
        return folder / _NAME
    # A home may be shared by many machines, an address and a process id may not.
    return _xdg("XDG_STATE_HOME", ".local/state") / _NAME / "run" / socket.gethostname()


def _xdg(variable: str, default: str) -> Path:
    value = os.environ.get(variable, "").strip()
    return Path(value) if value else Path.home() / default


def _mac(kind: Kind) -> Path:
    library = Path.home() / "Library"
    parents = {
        "cache": library / "Caches" / _NAME,
        "log": library / "Logs" / _NAME,
        "runtime": library / "Caches" / "TemporaryItems" / _NAME,
    }
    return parents.get(kind, library / "Application Support" / _NAME)


def _windows(kind: Kind) -> Path:
    local = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    parents = {"cache": "Cache", "log": "Logs", "runtime": "Temp"}
    return local / _NAME / _NAME / parents.get(kind, "")
