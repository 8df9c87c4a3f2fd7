"""Checkpoints that the user has added, so that lists and menus offer them: their places on disk."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from ocio.temporary import temporary_path
from tokenflow.errors import SettingsUnusable
from tokenflow.folders import user_folder


def added_file() -> Path:
    """Return where the places are kept."""
    return user_folder("config") / "checkpoints.json"


def added_checkpoints() -> list[Path]:
    """Return the folders and files that were added, in that order, also those that are gone.

    Raises
    ------
    SettingsUnusable
        The list cannot be read.
    """
    path = added_file()
    try:
        places = json.loads(path.read_text("utf-8"))["checkpoints"]
        return [Path(place) for place in places]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsUnusable(
            f"the list of checkpoints cannot be read: {error}",
            hint="Delete it, and add them again.",
            path=path,
        ) from error


def add_checkpoint(place: Path) -> None:
    """Remember an absolute path; one that is known already stays where it is in the list."""
    places = added_checkpoints()
    if place not in places:
        _keep([*places, place])


def forget_checkpoint(place: Path) -> bool:
    """Remember a path no longer; says whether it was known. What lies there stays."""
    places = added_checkpoints()
    if place not in places:
        return False
    _keep([each for each in places if each != place])
    return True


def _keep(places: list[Path]) -> None:
    path = added_file()
    partial = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"checkpoints": [str(place) for place in places]}
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise SettingsUnusable(
            f"the list of checkpoints cannot be kept: {error.strerror}", path=path
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()
