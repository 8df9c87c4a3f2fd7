"""The hosts that the installer knows: where they are on a machine, and what goes where in them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from plugin.install.errors import HostNotFound, HostTooOld, UnknownHost
from plugin.install.footprint import Footprint
from plugin.manifest import read_manifest
from tokenflow.folders import user_folder

ASK_SECONDS = 60.0


@dataclass(frozen=True)
class Found:
    """A host on this machine.

    Attributes
    ----------
    program
        What starts it; None where only its settings are there.
    version
        As it says itself; empty where it was not asked.
    """

    program: Path | None
    version: str


class HostInstaller(Protocol):
    """Puts the loaders of one host where that looks for them."""

    name: str

    def find(self, program: Path | None) -> list[Found]:
        """Return where it is: at a place that the user names, or at the usual ones."""

    def place_of(self, found: Found) -> str:
        """Return a word for where it looks for what it loads; empty where all look there."""

    def put(self, found: Found, footprint: Footprint) -> None:
        """Write what it loads at its start."""

    def advice(self, found: Found) -> str:
        """Say where the panel is from now on."""


def facts_of(name: str) -> dict[str, Any]:
    """Return what the manifest says about a host.

    Raises
    ------
    UnknownHost
    """
    hosts = {host["name"]: host for host in read_manifest()["hosts"]}
    if name not in hosts:
        raise UnknownHost(f"'{name}' is no host", hint=f"There are {', '.join(hosts)}.")
    return dict(hosts[name])


def check_version(name: str, version: str) -> None:
    """Refuse a host that is older than the manifest allows.

    Raises
    ------
    HostTooOld
    """
    facts = facts_of(name)
    if version and numbers(version) < numbers(facts["min_version"]):
        raise HostTooOld(
            f"this is {facts['label']} {version}, and the panel needs {facts['min_version']} or "
            "newer"
        )


def footprint_of(name: str, place: str = "") -> Footprint:
    """Return what is installed into a host at a place of it, or the beginning of that."""
    stem = f"{name}-{place}" if place else name
    return Footprint(_records() / f"{stem}.json")


def footprints_of(name: str) -> Iterator[Footprint]:
    """Yield what is installed into a host, wherever on this machine.

    Each is read when it is asked for: to remove one may change the next.
    """
    for record in [_records() / f"{name}.json", *sorted(_records().glob(f"{name}-*.json"))]:
        if record.is_file():
            yield Footprint(record)


def own_folder(name: str) -> Path:
    """Return the folder of ours for what a host loads from outside of its own folders."""
    return _records() / name


def _records() -> Path:
    return user_folder("data") / "hosts"


def numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers: ``16.0v3`` is 16, 0, 3."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def programs(name: str, places: Iterable[str]) -> list[Path]:
    """Return executables of a name on the path, and those that patterns of usual places find."""
    found = [Path(each) for each in [shutil.which(name)] if each]
    for place in places:
        path = Path(place).expanduser()
        found += sorted(path.parent.parent.glob(f"{path.parent.name}/{path.name}"), reverse=True)
    known: dict[Path, Path] = {}
    for each in found:
        known.setdefault(each.resolve(), each)
    return list(known.values())


def ask(argv: Sequence[str | Path], pattern: str) -> str:
    """Run a program and return what a pattern finds in its output; empty if it finds nothing."""
    try:
        ran = subprocess.run(
            argv, capture_output=True, text=True, timeout=ASK_SECONDS, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    seen = re.search(pattern, ran.stdout + ran.stderr)
    return seen[1] if seen else ""


def named_program(program: Path) -> Path:
    """Return a program that the user names.

    Raises
    ------
    HostNotFound
    """
    found = shutil.which(str(program.expanduser()))
    if found is None:
        raise HostNotFound(f"'{program}' is no program", path=program)
    return Path(found).absolute()
