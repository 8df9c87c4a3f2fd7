"""Lets a host import this product, and nothing else that lies beside it.

What a host loads at its start reads this file by its path, before any of our packages can be
imported, and with whatever Python the host has: standard library only, no syntax newer than 3.7.

The folder of our packages may be a whole `site-packages` with a numpy of its own, so it never goes
onto the host's path: a finder gives out the names that are ours. It comes after all others; what
the host, or another add-on, calls by the same name stays theirs.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

OURS = ("ocio", "plugin", "tokenflow", "ui")
QT = ("PySide6", "shiboken6")
OLDEST_PYTHON = (3, 11)
PYTHON_VARIABLE = "TOKENFLOW_PYTHON"


class CannotLoad(Exception):
    """The host cannot take this product; the sentence says why."""


class OnlyFrom:
    """Finds top-level packages of these names in one folder; part of ``sys.meta_path``."""

    def __init__(self, folder: Path | str, names: Iterable[str]) -> None:
        self.folder, self.names = str(folder), frozenset(names)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return what to import; None for all other names."""
        if path is not None or name not in self.names:
            return None
        return PathFinder.find_spec(name, [self.folder])


def offer(root: Path | str, qt: Path | str | None = None, python: str | None = None) -> None:
    """Let our packages be imported from a folder.

    Parameters
    ----------
    root
        The folder.
    qt
        Where to take Qt from if the host has none.
    python
        The service's interpreter, for the launcher; what is in the environment already wins.

    Raises
    ------
    CannotLoad
        The host's Python is too old, or another add-on brings a package of the same name.
    """
    if sys.version_info < OLDEST_PYTHON:
        has, needs = (".".join(map(str, each[:2])) for each in (sys.version_info, OLDEST_PYTHON))
        raise CannotLoad(f"this program has Python {has}, and TokenFlow needs {needs} or newer")
    withdraw()
    _refuse_strangers(Path(root))
    sys.meta_path.append(OnlyFrom(root, OURS))
    if qt and importlib.util.find_spec("PySide6") is None:
        sys.meta_path.append(OnlyFrom(qt, QT))
    if python:
        os.environ.setdefault(PYTHON_VARIABLE, str(python))


def withdraw() -> None:
    """Let nothing more be imported; what was stays."""
    # By name: an add-on that is loaded again has another class of this name.
    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != OnlyFrom.__name__]


def _refuse_strangers(root: Path) -> None:
    for name in OURS:
        spec = importlib.util.find_spec(name)
        places = [] if spec is None else [*(spec.submodule_search_locations or [spec.origin or ""])]
        for place in places:
            if Path(place).resolve() != (root / name).resolve():
                raise CannotLoad(
                    f"something else here brings a package named '{name}' ({place}), and TokenFlow "
                    "has one of that name"
                )
