"""The product manifest, as code in a host needs it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenflow.errors import ServiceDidNotStart

READS = 1  # manifest_version
AGAIN = "Install the product again."

REQUIRED: dict[str, Any] = {
    "service": {
        "protocol_version": int,
        "health": str,
        "launch": [str],
        "min_version": str,
        "idle_exit_s": (int, float),
    },
    "id": str,
    "name": str,
    "version": str,
    "description": str,
    "tagline": str,
    "maintainer": str,
    "license": str,
    "python": str,
    "platforms": [str],
    "hosts": [
        {"name": str, "label": str, "min_version": str, "qt": str, "entry": str, "status": str}
    ],
    "entrypoints": [{"type": str, "id": str, "label": str, "target": str}],
    "permissions": {"network": [str], "files": str},
    "capabilities": {"formats": [str], "ocio": str, "frame_ranges": bool},
    "models": [{"id": str, "license": str, "path": str, "encodings": [str]}],
}
"""The fields that must be there, and of which kind."""


class ManifestUnusable(ServiceDidNotStart):
    """The manifest is missing, damaged or of another version, so nothing that it tells is known."""


@dataclass(frozen=True)
class ServiceFacts:
    """What the manifest says about the service.

    Attributes
    ----------
    protocol_version
        Of its calls.
    health
        The path of the call that needs no token.
    launch
        Its command line; ``{python}`` stands for the interpreter of its environment.
    min_version
        The oldest service that this version works with.
    idle_exit_s
        Seconds after which it ends when nobody needs it.
    """

    protocol_version: int
    health: str
    launch: tuple[str, ...]
    min_version: str
    idle_exit_s: float


def manifest_file() -> Path:
    """Return where the manifest lies: beside this module, or at the top of the sources."""
    here = Path(__file__).resolve().parent
    installed = here / "manifest.json"
    return installed if installed.is_file() else here.parent / "manifest.json"


def read_manifest(path: Path | None = None) -> dict[str, Any]:
    """Return the manifest as it stands.

    Raises
    ------
    ManifestUnusable
        It is missing, damaged or of a version that this code does not read.
    """
    path = path or manifest_file()
    try:
        document: Any = json.loads(path.read_text("utf-8"))
        if document["manifest_version"] != READS:
            raise ManifestUnusable(
                f"the manifest is of version {document['manifest_version']}, and this code reads "
                f"{READS}",
                hint=f"Use the files of version {document.get('version')} together.",
                path=path,
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(error, path) from error
    problem = first_problem(document)
    if problem:
        raise ManifestUnusable(f"the manifest cannot be read: {problem}", hint=AGAIN, path=path)
    return dict(document)


def first_problem(document: Any) -> str:
    """Return what is wrong with a manifest, empty if nothing is.

    Its schema says more, but what hosts load has no library that checks one: this looks at what the
    code relies on, the fields that must be there and their kinds.
    """
    return _wrong(document, REQUIRED, "")


def service_facts(path: Path | None = None) -> ServiceFacts:
    """Return what the manifest says about the service.

    Raises
    ------
    ManifestUnusable
        The manifest is missing, damaged or of a version that this code does not read.
    """
    service = read_manifest(path)["service"]
    fields = {name: service[name] for name in ServiceFacts.__dataclass_fields__}
    return ServiceFacts(**{**fields, "launch": tuple(fields["launch"])})


def _wrong(value: Any, wanted: Any, where: str) -> str:
    """Compare a value with what is wanted: a type, ``[element]`` or ``{field: wanted}``."""
    kind: Any = wanted if isinstance(wanted, type | tuple) else type(wanted)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        return f"{where or 'it'} is {type(value).__name__}"
    if isinstance(wanted, dict):
        for name, inner in wanted.items():
            if name not in value:
                return f"{where}{'.' if where else ''}{name} is missing"
            problem = _wrong(value[name], inner, f"{where}{'.' if where else ''}{name}")
            if problem:
                return problem
    if isinstance(wanted, list):
        for index, each in enumerate(value):
            problem = _wrong(each, wanted[0], f"{where}[{index}]")
            if problem:
                return problem
    return ""


def _unreadable(error: Exception, path: Path) -> ManifestUnusable:
    return ManifestUnusable(
        f"the manifest cannot be read: {type(error).__name__} {error}", hint=AGAIN, path=path
    )
