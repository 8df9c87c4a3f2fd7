"""`tokenflow evaluate`: measures finished edits and writes what an artist reads by looking."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocio.errors import NoPermission, WriteFailed
from ocio.frame_range import FrameRange
from tokenflow.cli.options import (
    Device,
    OwnProgress,
    WorkspaceFolder,
    given_on_the_command_line,
    load_engine,
)
from tokenflow.cli.paths import from_anywhere, if_there, matte_from_anywhere
from tokenflow.cli.progress import shown
from tokenflow.events import Emit, Progress, StageFinished, StageStarted
from tokenflow.job import Color, Matte, Plate, RunOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenflow.metrics.evaluation import Judges
    from tokenflow.metrics.subject import Subject

_SHOT, _COLOR, _JUDGES = "The shot", "Colour", "What judges"

NO_CALIBRATION = (
    "What the autoencoder alone does to the plate is not beside the edits. With --calibrate, and a "
    "job file beside an edit, it is: an edit cannot flicker less than what decodes it."
)


def evaluate(
    edits: Annotated[
        list[str],
        typer.Argument(metavar="EDITS", help="Edited sequences, one or several, side by side."),
    ],
    plate: Annotated[
        str, typer.Option(help="The sequence that they were made from.", rich_help_panel=_SHOT)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for metrics.json, report.html.")],
    frames: Annotated[
        str | None,
        typer.Option(help="1001-1048; default: what all have.", rich_help_panel=_SHOT),
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="The EXR part that was edited.", rich_help_panel=_SHOT)
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="The layer whose RGB was edited.", rich_help_panel=_SHOT),
    ] = None,
    stereo_view: Annotated[
        str | None,
        typer.Option(help="The stereo view that was edited.", rich_help_panel=_SHOT),
    ] = None,
    matte: Annotated[
        str | None,
        typer.Option(
            help="SEQUENCE[:CHANNEL], or :CHANNEL of the plate: where the edits were to act.",
            rich_help_panel=_SHOT,
        ),
    ] = None,
    matte_invert: Annotated[
        bool,
        typer.Option("--matte-invert", metavar="", help="The edit is where the matte is black."),
    ] = False,
    matte_feather: Annotated[
        float, typer.Option(help="Softening that the edit was made with, in plate pixels.")
    ] = 0.0,
    outlined: Annotated[
        str | None,
        typer.Option(
            "--object",
            help="Matte of the object whose outline is watched; default: --matte.",
            rich_help_panel=_SHOT,
        ),
    ] = None,
    ocio: Annotated[
        str | None,
        typer.Option(
            help="An OCIO config; default: $OCIO, then a built-in.", rich_help_panel=_COLOR
        ),
    ] = None,
    colorspace: Annotated[
        str | None,
        typer.Option(help="The plate's; default: what its header says.", rich_help_panel=_COLOR),
    ] = None,
    view: Annotated[
        str | None, typer.Option(help="DISPLAY/VIEW to look through.", rich_help_panel=_COLOR)
    ] = None,
    width: Annotated[
        int,
        typer.Option(
            min=64, max=8192, help="Pixels across at which is measured.", rich_help_panel=_JUDGES
        ),
    ] = 640,
    line: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Height of the line shown over time, 0 top to 1 bottom; default: where it "
            "flickers most.",
            rich_help_panel=_JUDGES,
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="What was asked for; default: what the job beside the first edit says.",
            rich_help_panel=_JUDGES,
        ),
    ] = None,
    clip: Annotated[
        Path | None,
        typer.Option(
            help="A CLIP folder in transformers' layout, safetensors; default: for edits of the "
            "demo checkpoint the bundled one.",
            rich_help_panel=_JUDGES,
        ),
    ] = None,
    vit: Annotated[
        Path | None,
        typer.Option(
            help="A vision transformer (DINO) in transformers' layout, for structure.",
            rich_help_panel=_JUDGES,
        ),
    ] = None,
    lpips: Annotated[
        Path | None,
        typer.Option(help="LPIPS weights, AlexNet, safetensors.", rich_help_panel=_JUDGES),
    ] = None,
    flow: Annotated[
        bool,
        typer.Option(
            "--estimated-flow",
            metavar="",
            help="Estimate the motion even if the plate has motion vectors.",
            rich_help_panel=_JUDGES,
        ),
    ] = False,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            metavar="",
            help="Measure beside the edits what the autoencoder alone does to the plate.",
            rich_help_panel=_JUDGES,
        ),
    ] = False,
    device: Device = "auto",
    workspace: WorkspaceFolder = None,
    progress: OwnProgress = "auto",
) -> None:
    """Measure edits against their plate; several stand side by side in one report.

    `tokenflow evaluate edit/shot.####.exr --plate plate/shot.####.exr -o check`
    """
    load_engine()
    from tokenflow.metrics.evaluation import Judges
    from tokenflow.metrics.subject import find_subject
    from tokenflow.report.job_notes import read_notes

    with given_on_the_command_line():
        wanted = FrameRange.parse(frames) if frames else None
        shot = Plate(from_anywhere(plate), part, layer, stereo_view)
        color = Color(ocio and if_there(ocio), colorspace, view)
        area = Matte(matte_from_anywhere(matte), matte_invert, matte_feather) if matte else None
        outline = Matte(matte_from_anywhere(outlined)) if outlined else None

    def find(paths: Sequence[str]) -> Subject:
        return find_subject(
            shot, paths, color, frames=wanted, matte=area, outlined=outline, width=width
        )

    subject = find(edits)
    notes = {name: read_notes(edit.pattern) for name, edit in subject.edits.items()}
    asked = [note.prompt for note in notes.values() if note.prompt]
    if prompt is None:
        prompt = asked[0] if asked else ""
    if clip is None and {note.checkpoint for note in notes.values()} == {"demo"}:
        from tokenflow.metrics.clip_score import DEMO_CLIP

        clip = DEMO_CLIP
    judges = Judges(prompt, clip, vit, lpips, own_vectors=not flow)
    make_folder(out)
    with shown(progress) as emit:
        if calibrate:
            options = RunOptions(
                device=device, workspace=workspace, plate=shot.path, overwrite=True
            )
            subject = find([*edits, _calibration(subject, out, options, emit)])
        hints = () if _has_calibration(subject) else (NO_CALIBRATION,)
        report = write_evaluation(subject, judges, out, "Evaluation", emit, line, hints)
    if progress != "json":
        typer.echo(f"metrics {out / 'metrics.json'}")
        typer.echo(f"report  {report}")


def write_evaluation(
    subject: Subject,
    judges: Judges,
    out: Path,
    title: str,
    emit: Emit,
    line: float | None = None,
    hints: Sequence[str] = (),
) -> Path:
    """Measure a subject; write `metrics.json` and `report.html`; return the report's path."""
    import json
    import tempfile

    from tokenflow.metrics.evaluation import evaluate as measure
    from tokenflow.pipeline.record import write_text
    from tokenflow.report.job_notes import read_notes
    from tokenflow.report.page import write_page

    notes = {name: read_notes(edit.pattern) for name, edit in subject.edits.items()}
    started = time.perf_counter()
    begun = False

    def tell(done: int, total: int) -> None:
        nonlocal begun
        if not begun:
            emit(StageStarted("measure", total))
            begun = True
        emit(Progress("measure", done, total))

    with tempfile.TemporaryDirectory(dir=out, prefix=".measuring-") as folder:
        found = measure(subject, judges, Path(folder), tell)
        text = json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        write_text(out / "metrics.json", text + "\n")
        report = out / "report.html"
        write_page(report, title, found, notes, line=line, hints=tuple(hints))
    emit(StageFinished("measure", time.perf_counter() - started, reused=False))
    return report


def make_folder(out: Path) -> None:
    """Make a folder for results.

    Raises
    ------
    NoPermission, WriteFailed
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        kind = NoPermission if isinstance(error, PermissionError) else WriteFailed
        raise kind(
            f"the folder '{out}' cannot be made: {error.strerror}",
            hint="choose another place",
            path=out,
        ) from error


def _calibration(subject: Subject, out: Path, options: RunOptions, emit: Emit) -> str:
    """Run what the autoencoder alone does to the plate; return where its frames are."""
    from tokenflow.metrics.calibration import reconstruct

    return str(reconstruct(subject, out / "ldm-recon", options, emit))


def _has_calibration(subject: Subject) -> bool:
    from tokenflow.report.job_notes import read_notes

    return any(read_notes(one.pattern).method == "ldm-recon" for one in subject.edits.values())
