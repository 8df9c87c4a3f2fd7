"""`tokenflow workspace`: what earlier jobs left for resuming and re-editing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tokenflow.workspace import Kept, Workspace, default_workspace

app = typer.Typer(no_args_is_help=True, help="What earlier jobs left for going on.")

DAY = 86400.0

Folder = Annotated[
    Path | None, typer.Option("--workspace", help="Which one; default: the user's cache.")
]


@app.command("list")
def list_workspace(workspace: Folder = None) -> None:
    """List what is kept: size in MiB, days since it was used, stage, key, plate.

    `tokenflow workspace list`
    """
    root = workspace or default_workspace()
    kept = Workspace(root).kept()
    for one in kept:
        typer.echo(f"{_said(one)}{'  in use' if one.in_use else ''}")
    total = sum(one.size for one in kept)
    typer.echo(f"{total / 2**20:10.1f} MiB in {root}", err=True)


@app.command("prune")
def prune_workspace(
    workspace: Folder = None,
    older_than: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="What nobody used for so long; 0 for all.")
    ] = 14.0,
    stage: Annotated[
        list[str] | None,
        typer.Option(help="Only results of this stage; may be given several times."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Say what would go, and keep it.")
    ] = False,
) -> None:
    """Delete what nobody has used for a while. What goes is computed again when it is needed.

    Results that a job works on stay, but with 0 those that it has finished and reads later go too.
    `features` is the largest and only makes further prompts quicker; without `edit` and `invert` a
    re-edit computes its base again.

    `tokenflow workspace prune --stage features`
    """
    space = Workspace(workspace or default_workspace())
    limit = time.time() - older_than * DAY
    freed = 0
    if not dry_run:
        space.clear_up()
    kept = space.kept()
    _note_absent(stage or [], kept)
    for one in kept:
        wanted = not stage or one.stage in stage
        if one.in_use or not wanted or (older_than and one.used > limit):
            continue
        if dry_run or space.remove(one):
            typer.echo(_said(one))
            freed += one.size
    verb = "would be freed" if dry_run else "freed"
    typer.echo(f"{freed / 2**20:10.1f} MiB {verb}", err=True)


def _note_absent(stages: list[str], kept: list[Kept]) -> None:
    # A mistyped name would free nothing and look like a workspace with nothing old in it.
    there = sorted({one.stage for one in kept})
    absent = [stage for stage in stages if stage not in there]
    if absent:
        typer.echo(
            f"note: nothing of {', '.join(absent)} is kept here; there are: "
            f"{', '.join(there) or 'no results'}",
            err=True,
        )


def _said(one: Kept) -> str:
    days = max(0.0, (time.time() - one.used) / DAY)
    return f"{one.size / 2**20:10.1f} {days:6.1f}  {one.stage:<10} {one.key}  {one.shot}".rstrip()
