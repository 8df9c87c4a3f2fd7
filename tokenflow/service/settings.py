"""How the service runs: what the user set, what the command line says, and where its files lie."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tokenflow.errors import SettingsUnusable
from tokenflow.folders import user_folder
from tokenflow.user_settings import service_settings, settings_file

DEFAULT_CACHE = 2 * 2**30  # bytes of previews


@dataclass(frozen=True)
class Settings:
    """Everything that one run of the service needs to know.

    Attributes
    ----------
    host, port
        Address to listen at; port 0 lets the system choose, and is replaced by what it chose.
    devices
        One worker each: ``auto``, ``cpu``, ``cuda:0``, ``mps``.
    roots
        Folders that jobs may read and write, besides the user's home and that of ``$OCIO``.
    idle_exit
        Seconds without a job and without anybody listening after which the service ends; None is
        never.
    cache_bytes
        Upper bound of the previews that are kept.
    token
        What every call but health has to show.
    runtime_file
        Where address and token are left for clients.
    workspace, cache, data, log
        Folders of latents, of previews and of the job store; the log file.
    """

    host: str = "127.0.0.1"
    port: int = 0
    devices: tuple[str, ...] = ("auto",)
    roots: tuple[Path, ...] = ()
    idle_exit: float | None = None
    cache_bytes: int = DEFAULT_CACHE
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    runtime_file: Path = field(default_factory=lambda: user_folder("runtime") / "service.json")
    workspace: Path = field(default_factory=lambda: user_folder("workspace"))
    cache: Path = field(default_factory=lambda: user_folder("cache") / "previews")
    data: Path = field(default_factory=lambda: user_folder("data"))
    log: Path = field(default_factory=lambda: user_folder("log") / "service.log")

    def with_roots(self, folders: Iterable[Path]) -> Settings:
        """Return the settings with further roots."""
        return replace(self, roots=(*self.roots, *(folder.absolute() for folder in folders)))

    def beside(self, runtime_file: Path) -> Settings:
        """Return the settings of a service of one's own: queue and log beside its runtime file.

        The user's service keeps its own; two services never share a queue.
        """
        if runtime_file == user_folder("runtime") / "service.json":
            return self
        name, folder = runtime_file.stem, runtime_file.parent
        return replace(
            self,
            runtime_file=runtime_file,
            data=folder / f"{name}.queue",
            log=folder / f"{name}.log",
        )


def read_settings(path: Path | None = None, **given: Any) -> Settings:
    """Give the settings: defaults, over them the user's file, over it what is given.

    Parameters
    ----------
    path
        Default: ``settings.json`` in the user's config folder, of whose object ``service`` the
        keys that are fields here count. A missing file says nothing.
    **given
        Fields of `Settings`; None leaves the field alone.

    Raises
    ------
    SettingsUnusable
        If the file cannot be read or a value is not what the field takes.
    """
    path = path or settings_file()
    values: dict[str, Any] = {}
    for name, value in service_settings(path).items():
        if name in _READERS:
            values[name] = _read(name, value, path)
    values |= {name: value for name, value in given.items() if value is not None}
    return Settings(**values)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise ValueError("a list of texts")
    return tuple(value)


def _folder(value: Any) -> Path:
    folder = Path(value).expanduser() if isinstance(value, str) else Path()
    if not folder.is_absolute():
        raise ValueError("an absolute folder")
    return folder


def _folders(value: Any) -> tuple[Path, ...]:
    return tuple(map(_folder, _texts(value))) if value != [] else ()


def _positive(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError("a number above 0")
    return value


_READERS = {
    "devices": _texts,
    "roots": _folders,
    "idle_exit": _positive,
    "cache_bytes": _positive,
    "workspace": _folder,
    "cache": _folder,
    "data": _folder,
}


def _read(name: str, value: Any, path: Path) -> Any:
    try:
        return _READERS[name](value)
    except ValueError as error:
        raise SettingsUnusable(f"service.{name} must be {error}", path=path) from error
