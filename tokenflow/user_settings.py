"""What the user has set once for all, in one JSON file; standard library only.

``settings.json`` in the user's config folder: ``{"service": {...}}``. The service and the launcher
in a host read the same file, each what concerns it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenflow.errors import SettingsUnusable
from tokenflow.folders import user_folder

OF_THE_SERVICE = frozenset(
    {"devices", "roots", "idle_exit", "cache_bytes", "workspace", "cache", "data"}
)
OF_THE_LAUNCHER = frozenset({"python", "address", "token"})


def settings_file() -> Path:
    """Return where the user's settings lie."""
    return user_folder("config") / "settings.json"


def service_settings(path: Path | None = None) -> dict[str, Any]:
    """Return what the file says about the service; a missing file says nothing.

    Raises
    ------
    SettingsUnusable
        It cannot be read, or names a setting that does not exist.
    """
    path = path or settings_file()
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsUnusable(f"the settings cannot be read: {error}", path=path) from error
    part = document.get("service", {}) if isinstance(document, dict) else None
    if not isinstance(part, dict):
        raise SettingsUnusable("the settings are not JSON objects", path=path)
    known = OF_THE_SERVICE | OF_THE_LAUNCHER
    for name in sorted(part.keys() - known):
        raise SettingsUnusable(
            f"service.{name} is no setting",
            hint=f"There are {', '.join(sorted(known))}.",
            path=path,
        )
    return part
