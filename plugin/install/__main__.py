"""`tokenflow hosts`: what is found, what is installed, and the two commands that change it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ocio.errors import OcioError
from plugin.install.blender import Blender
from plugin.install.errors import HostNotFound
from plugin.install.footprint import Footprint
from plugin.install.hosts import (
    Found,
    HostInstaller,
    check_version,
    facts_of,
    footprint_of,
    footprints_of,
)
from plugin.install.napari import Napari
from plugin.install.nuke import Nuke, put_files
from plugin.manifest import read_manifest
from tokenflow.errors import TokenFlowError

INSTALLERS: dict[str, HostInstaller] = {each.name: each for each in (Blender(), Nuke(), Napari())}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "list":
            list_hosts()
        elif options.command == "install":
            install(options.host, options.program, studio=options.studio)
        else:
            uninstall(options.host)
    except (OcioError, TokenFlowError) as error:
        print(f"tokenflow: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def list_hosts() -> None:
    """Print each host: its name, its version, where it is, and whether the panel is in it."""
    for host in read_manifest()["hosts"]:
        name = host["name"]
        installer = INSTALLERS.get(name)
        if installer is None:
            print(f"{name:<12}{'':<10}ready       run {host['label']}")
            continue
        found = installer.find(None)
        for each in found:
            state = _state([footprint_of(name, installer.place_of(each))])
            print(f"{name:<12}{each.version or '?':<10}{state:<12}  {each.program or ''}".rstrip())
        if not found:
            known = [*footprints_of(name)]
            print(f"{name:<12}{'-':<10}{_state(known) if known else 'not found'}")


def install(name: str, program: Path | None = None, *, studio: bool = False) -> None:
    """Put the panel into a host; again renews it.

    Parameters
    ----------
    program
        The host's program; default: the first that is found.
    studio
        Write the files, change nothing of the user's, and print the variable to set.

    Raises
    ------
    UnknownHost, HostNotFound, HostTooOld, PartMissing, CannotChange, NoPermission
    """
    facts = facts_of(name)
    installer = INSTALLERS.get(name)
    if installer is None:
        print(f"{facts['label']} is a program of its own: nothing has to be installed.")
        return
    found = _choose(installer, program)
    check_version(name, found.version)
    footprint = footprint_of(name, installer.place_of(found))
    footprint.remove()
    try:
        if studio and facts.get("environment"):
            folder = put_files(footprint)
            lines = [
                f"{variable}={value.format(folder=folder)}"
                for variable, value in facts["environment"].items()
            ]
        else:
            installer.put(found, footprint)
            lines = [installer.advice(found)]
    finally:
        # What was written before something went wrong can be taken away too.
        if not footprint.is_empty:
            footprint.save(version=found.version, program=str(found.program or ""))
    print(*lines, sep="\n")


def uninstall(name: str) -> None:
    """Take the panel out of a host, out of all its versions; where it is not in, nothing happens.

    Raises
    ------
    UnknownHost, CannotChange, NoPermission
    """
    label, was_in = facts_of(name)["label"], False
    for footprint in footprints_of(name):
        footprint.remove()
        was_in = True
        print(f"The panel is out of {label} {footprint.facts['version']}".rstrip() + " again.")
    if not was_in:
        print(f"The panel is not in {label}.")


def _choose(installer: HostInstaller, program: Path | None) -> Found:
    found = installer.find(program)
    if not found:
        label = facts_of(installer.name)["label"]
        raise HostNotFound(
            f"{label} is not found on this machine", hint="Name its program with --program."
        )
    return found[0]


def _state(footprints: list[Footprint]) -> str:
    if not any(each.exists for each in footprints):
        return "no"
    ours = [path for each in footprints for path in (*each.files, *each.folders)]
    return "installed" if all(Path(path).exists() for path in ours) else "damaged"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tokenflow hosts",
        description="Put the panel into a host, and take it out again.",
        epilog="Example: tokenflow hosts install blender",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="what is found, its version, and whether the panel is in it")
    put = commands.add_parser("install", help="put the panel into a host")
    put.add_argument("host", metavar="HOST", help="blender, nuke, napari")
    put.add_argument(
        "--program", type=Path, metavar="PATH", help="the host's program, where several are there"
    )
    put.add_argument(
        "--studio",
        action="store_true",
        help="change no file of the user's; print the variable that a studio sets instead",
    )
    take = commands.add_parser("uninstall", help="take the panel out of a host; leaves no trace")
    take.add_argument("host", metavar="HOST", help="blender, nuke, napari")
    return parser


if __name__ == "__main__":
    sys.exit(main())
