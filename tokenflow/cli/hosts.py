"""`tokenflow hosts`: puts the panel into hosts. A program of its own, since it stands above us."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def hosts(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="list|install|uninstall ...", show_default=False),
    ] = None,
) -> int:
    """Put the panel into a host, and take it out again.

    `tokenflow hosts install blender`
    """
    # Arrows run one way: panel and installer know this package, it knows nothing of them.
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "plugin.install", *(arguments or ["--help"])], check=False
    )
    return ran.returncode
