"""`tokenflow deflicker`: the deflicker pass on a finished sequence, from here or from elsewhere."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from ocio.frame_range import FrameRange
from tokenflow.cli.options import (
    DryRun,
    Overwrite,
    ProgressOption,
    Resume,
    given_on_the_command_line,
    load_engine,
)
from tokenflow.cli.paths import from_anywhere, matte_from_anywhere
from tokenflow.cli.progress import shown
from tokenflow.job import Matte

_SHOT = "The shot"


def deflicker(
    edit: Annotated[
        str,
        typer.Argument(
            metavar="EDIT",
            help="The edited sequence: edit.####.exr, a folder that holds one sequence, or one of "
            "its files.",
        ),
    ],
    plate: Annotated[
        str, typer.Option(help="The sequence that it was made from.", rich_help_panel=_SHOT)
    ],
    out: Annotated[
        str, typer.Option("--out", "-o", help="Pattern or folder of the frames to write.")
    ],
    strength: Annotated[
        Literal["light", "normal", "strong", "gain-only"],
        typer.Option(
            help="How much: 2, 3 or 5 frames before and after; gain-only corrects a smooth gain "
            "and no detail."
        ),
    ] = "normal",
    plate_term: Annotated[
        Literal["auto", "full", "lowpass"],
        typer.Option(
            help="full: the edit holds the plate's grain; lowpass: it does not; auto: as the "
            "header says, lowpass for files from elsewhere."
        ),
    ] = "auto",
    flow: Annotated[
        Literal["auto", "estimated", "raft"],
        typer.Option(
            help="auto takes the plate's own motion vectors if it has them; raft is a network "
            "whose weights you give."
        ),
    ] = "auto",
    flow_weights: Annotated[
        str | None,
        typer.Option(help="The .safetensors file of raft_small or raft_large for --flow raft."),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(
            help="What to write, 1001-1048; its neighbours are looked at all the same.",
            rich_help_panel=_SHOT,
        ),
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="The EXR part to filter.", rich_help_panel=_SHOT)
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="The layer whose RGB to filter.", rich_help_panel=_SHOT)
    ] = None,
    stereo_view: Annotated[
        str | None, typer.Option(help="The stereo view to filter.", rich_help_panel=_SHOT)
    ] = None,
    matte: Annotated[
        str | None,
        typer.Option(
            help="SEQUENCE[:CHANNEL], or :CHANNEL of the edit; outside it nothing changes.",
            rich_help_panel=_SHOT,
        ),
    ] = None,
    matte_invert: Annotated[
        bool,
        typer.Option("--matte-invert", metavar="", help="Filter where the matte is black."),
    ] = False,
    matte_feather: Annotated[float, typer.Option(help="Softening, in plate pixels.")] = 0.0,
    overwrite: Overwrite = False,
    resume: Resume = False,
    dry_run: DryRun = False,
    progress: ProgressOption = "auto",
) -> None:
    """Take flicker out of a finished edit; needs no model.

    `tokenflow deflicker edit/shot.####.exr --plate plate/shot.####.exr -o steady/shot.####.exr`
    """
    if overwrite and resume:
        raise typer.BadParameter("--overwrite and --resume exclude each other; choose one of them")
    load_engine()
    from tokenflow.pipeline.deflicker_finished import deflicker_finished
    from tokenflow.pipeline.finished import Asked, describe, find_finished

    with given_on_the_command_line():
        asked = Asked(
            edit=from_anywhere(edit),
            plate=from_anywhere(plate),
            out=from_anywhere(out),
            strength=strength,
            plate_term=plate_term,
            flow=flow,
            flow_weights=flow_weights and from_anywhere(flow_weights),
            frames=FrameRange.parse(frames) if frames else None,
            choice=(layer, part, stereo_view),
            matte=Matte(matte_from_anywhere(matte), matte_invert, matte_feather) if matte else None,
            overwrite=overwrite,
            resume=resume,
        )
    found = find_finished(asked)
    if dry_run:
        for line in describe(found):
            typer.echo(line)
        return
    with shown(progress) as emit:
        delivery = deflicker_finished(found, emit)
    if progress not in ("auto", "plain"):
        return
    if sys.stdout.isatty():
        typer.echo(f"{found.output}  {FrameRange.of(delivery.written)}")
    else:
        for number in delivery.written:
            typer.echo(found.output.path(number))
