"""Where this installation is: what the loaders in hosts have to know."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import plugin
from plugin.install.errors import PartMissing


def place(*, with_qt: bool) -> str:
    """Return what `place.json` beside a loader says: where packages, interpreter and Qt are.

    Parameters
    ----------
    with_qt
        Whether the host brings no Qt, so that ours is used.

    Raises
    ------
    PartMissing
        Qt is wanted and not installed here.
    """
    where = {
        "root": str(Path(plugin.__file__).resolve().parents[1]),
        "python": sys.executable,
        "qt": _folder_of("PySide6") if with_qt else None,
    }
    return json.dumps(where, indent=1) + "\n"


def _folder_of(package: str) -> str:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise PartMissing(
            f"{package} is not installed here, and the host brings none",
            hint="In the folder of the sources, run pip install '.[panel]'.",
        )
    return str(Path(spec.origin).resolve().parents[1])
