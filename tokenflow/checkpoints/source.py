"""Where a checkpoint lies: the bundled one, a folder, a file, or the hub's local cache."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenflow.errors import CheckpointMissing, CheckpointRejected

from .added import added_checkpoints
from .hub import cached_checkpoints, find_or_fetch
from .weights import refuse_pickle

DEMO = "demo"
DEMO_FOLDER = Path(__file__).parent / "demo"

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True)
class CheckpointSource:
    """A checkpoint that was found.

    Attributes
    ----------
    name
        What the user called it.
    path
        The diffusers folder, or the single ``.safetensors`` file.
    """

    name: str
    path: Path

    @property
    def is_folder(self) -> bool:
        """Whether it has the diffusers layout."""
        return self.path.is_dir()


def resolve(name: str, *, fetch: bool = False, cache: Path | None = None) -> CheckpointSource:
    """Find a checkpoint.

    Parameters
    ----------
    name
        ``demo``, a diffusers folder, a ``.safetensors`` file, or a hub id ``owner/name``. What
        exists on disk comes before the hub; write ``./demo`` for a folder of that name.
    fetch
        Download a hub id that the local cache lacks. Never true on a farm.
    cache
        The hub's cache folder; None is the usual one.

    Raises
    ------
    CheckpointMissing
        Nothing lies there.
    CheckpointRejected
        What lies there is no checkpoint, or a pickle.
    """
    if name == DEMO:
        return CheckpointSource(name, _folder(DEMO_FOLDER))
    path = Path(name).expanduser()
    if path.is_dir():
        return CheckpointSource(name, _folder(path))
    refuse_pickle(path)
    if path.exists():
        if path.suffix.lower() != ".safetensors":
            raise CheckpointRejected("the checkpoint is not a .safetensors file", path=path)
        return CheckpointSource(name, path)
    if _HUB_ID.fullmatch(name) and path.suffix.lower() != ".safetensors":
        return CheckpointSource(name, _folder(find_or_fetch(name, fetch=fetch, cache=cache)))
    raise CheckpointMissing(
        f"there is no checkpoint {name!r}",
        hint="Give demo, a diffusers folder, a .safetensors file or a hub id (owner/name).",
    )


def list_checkpoints(cache: Path | None = None) -> list[CheckpointSource]:
    """Return the bundled checkpoint, those that were added, and those in the hub's cache.

    Raises
    ------
    SettingsUnusable
        The list of those that were added cannot be read.
    """
    return list(_known(cache))


def _known(cache: Path | None) -> Iterator[CheckpointSource]:
    if DEMO_FOLDER.is_dir():
        yield CheckpointSource(DEMO, DEMO_FOLDER)
    for place in added_checkpoints():
        if place.exists():
            yield CheckpointSource(str(place), place)
    for name, folder in cached_checkpoints(cache):
        yield CheckpointSource(name, folder)


def _folder(path: Path) -> Path:
    """Return `path` if it is a diffusers folder."""
    if (path / "model_index.json").is_file() or (path / "unet" / "config.json").is_file():
        return path
    if not path.is_dir():
        raise CheckpointMissing("the checkpoint's folder is missing", path=path)
    files = sorted(path.glob("*.safetensors"))
    hint = f"Name the file itself, for example {files[0]}." if files else ""
    raise CheckpointRejected(
        "the folder is not a diffusers checkpoint: it has no model_index.json", hint=hint, path=path
    )
