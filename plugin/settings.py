"""Writes what the user sets for the service: the file that `tokenflow.user_settings` reads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tokenflow.errors import SettingsUnusable
from tokenflow.user_settings import service_settings, settings_file


def keep_service_settings(changes: dict[str, Any], path: Path | None = None) -> None:
    """Change settings of the service and leave all others as they are; None takes one away.

    Raises
    ------
    SettingsUnusable
        The file cannot be read or written.
    """
    path = path or settings_file()
    service_settings(path)  # what is wrong in the file is said before anything is written over it
    try:
        document = json.loads(path.read_text("utf-8")) if path.exists() else {}
        part = {**document.get("service", {}), **changes}
        kept = {name: value for name, value in part.items() if value is not None}
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(json.dumps({**document, "service": kept}, indent=1) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        raise SettingsUnusable(
            f"the settings cannot be written: {error.strerror}", path=path
        ) from error
