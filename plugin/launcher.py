"""Gets a host's panel a service to talk to: the one that is set, the one that runs, or a new one.

Standard library only, and nothing of the service is imported: it has an environment, a process and
a session of its own. May take seconds, so never on a host's main thread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from plugin.manifest import ServiceFacts, manifest_file, service_facts
from plugin.packages import PYTHON_VARIABLE
from tokenflow.client import HttpClient
from tokenflow.errors import ServiceDidNotStart, ServiceMismatch, SettingsUnusable
from tokenflow.runtime import START_SECONDS, check_protocol, ensure
from tokenflow.user_settings import service_settings, settings_file


def ensure_service(
    runtime_file: Path | None = None,
    *,
    seconds: float = START_SECONDS,
    waiting: Callable[[], None] = lambda: None,
    roots: Sequence[str] = (),
) -> HttpClient:
    """Return a client of the service; start one if none runs.

    Parameters
    ----------
    runtime_file
        Where a service leaves its address; default: the user's. Not looked at where the settings
        name an address.
    seconds
        How long a new one may take to come up.
    waiting
        Called again and again meanwhile; what it raises ends the wait.
    roots
        Folders that a new one may use besides the user's: a host keeps its OCIO config with the
        program. One that runs already keeps to what it was started with.

    Raises
    ------
    ServiceUnreachable, ServiceDidNotStart
        None answers, with its last words and the place of its log.
    ServiceMismatch
        It is too old or too new; the hint says which side to update.
    SettingsUnusable
        The user's settings cannot be read.
    """
    facts, settings = service_facts(), service_settings()
    if "address" in settings:
        client = HttpClient(str(settings["address"]), str(settings.get("token", "")))
    else:
        client = ensure(
            launch_argv(facts, settings, roots), runtime_file, seconds=seconds, waiting=waiting
        )
    _check(client, facts)
    return client


def launch_argv(
    facts: ServiceFacts, settings: dict[str, Any], roots: Sequence[str] = ()
) -> list[str]:
    """Return the command line of a new service: the manifest's, by the service's own interpreter.

    Raises
    ------
    ServiceDidNotStart
        No interpreter is found.
    """
    python = str(_interpreter(settings))
    argv = [python if part == "{python}" else part for part in facts.launch]
    allowed = [part for root in roots for part in ("--root", root)]
    idle_exit = settings.get("idle_exit", facts.idle_exit_s)
    return [*argv, "--idle-exit", f"{idle_exit:g}", *allowed]


def _check(client: HttpClient, facts: ServiceFacts) -> None:
    """Ask health, and refuse a service that this panel does not fit."""
    health = client.health()
    check_protocol(health.protocol, health.version)
    if _numbers(health.version) < _numbers(facts.min_version):
        raise ServiceMismatch(
            f"the service that runs has version {health.version}, and this panel needs "
            f"{facts.min_version}",
            hint="End it with `tokenflow serve stop` and install the newer version for it.",
        )


def _numbers(version: str) -> list[int]:
    """Return what of a version can be compared: ``1.2.3-rc1`` is 1, 2, 3."""
    numbers = version.partition("-")[0].partition("+")[0].split(".")
    return [int(number) if number.isdigit() else 0 for number in numbers]


def _interpreter(settings: dict[str, Any]) -> Path:
    if "python" in settings:
        python = Path(str(settings["python"])).expanduser()
        if not _runs(python):
            raise SettingsUnusable(
                f"service.python is no program: '{python}'",
                hint="Name the Python of the environment that the service is installed in.",
                path=settings_file(),
            )
        return python
    for python in _likely():
        if _runs(python):
            return python
    raise ServiceDidNotStart(
        "the Python of the service's environment is not found",
        hint=f"Name it as service.python in {settings_file()}.",
    )


def _likely() -> Iterator[Path]:
    """Yield where the interpreter may be; the host's own program is none."""
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        yield Path(named)
    home = manifest_file().parent
    yield home / ".venv" / "bin" / "python"  # the sources, after `make install`
    if home.parent.name == "site-packages":
        yield home.parents[3] / "bin" / "python"  # ENV/lib/python3.x/site-packages/plugin
    if Path(sys.executable or "").name.startswith("python"):
        yield Path(sys.executable)


def _runs(python: Path) -> bool:
    return python.is_file() and os.access(python, os.X_OK)
