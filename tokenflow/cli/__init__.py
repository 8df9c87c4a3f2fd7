"""The program `tokenflow`: one module per command; errors and exit codes as `docs` promise them."""

from __future__ import annotations

from tokenflow.cli.door import leave, run_program

__all__ = ["main"]


def main() -> None:
    """Run the program with the arguments of this process, and exit with its code."""
    leave(run_program())
