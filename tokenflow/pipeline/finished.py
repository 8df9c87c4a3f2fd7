"""Finished sequences to deflicker: what the command names, found and checked before any work."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Literal

from ocio.attributes import PROVENANCE_PREFIX
from ocio.errors import FramesDiffer, MissingFrames
from ocio.exr import inspect
from ocio.frame_range import FrameRange
from ocio.header import FrameHeader
from ocio.matte import Matte, load_matte
from ocio.output import check_output
from ocio.selection import FIRST, ChannelSelection, Choice, same_channels, select_channels
from ocio.sequence import Sequence, SequencePattern, find_sequence
from ocio.window import Window, edit_rectangle
from tokenflow.checkpoints.flow import RaftInfo, verify_raft
from tokenflow.deflicker.own_vectors import VectorChannels, motion_name, vectors_of_shot
from tokenflow.deflicker.raft import raft_name
from tokenflow.deflicker.settings import Form, Settings, settings_named
from tokenflow.errors import InvalidJob
from tokenflow.job import Matte as MatteOfJob
from tokenflow.job import canonical_json
from tokenflow.pipeline.plan import output_pattern
from tokenflow.pipeline.warnings import frames_replaced

RAFT_DEVICE = "cpu"
"""A finished sequence asks for no accelerator."""

PlateTerm = Literal["auto", "full", "lowpass"]

UNKNOWN_GRAIN = (
    "the edit does not say whether it holds the plate's grain; it is taken for a picture without "
    "it, which can cost grain but adds none. With the plate's grain in it, choose --plate-term full"
)


@dataclass(frozen=True)
class Asked:
    """What the command was told.

    Attributes
    ----------
    edit, plate, out
        Sequences.
    strength
        As in `settings_named`.
    plate_term
        `full` for edits that hold the plate's grain, `lowpass` for those that do not; `auto` reads
        it from our own headers.
    flow
        `estimated` leaves the plate's own vectors alone, `raft` asks a network.
    flow_weights
        Its weights.
    frames
        What is written; None is all that the edit has.
    choice
        Where the edited colours are, in both sequences.
    """

    edit: str
    plate: str
    out: str
    strength: str = "normal"
    plate_term: PlateTerm = "auto"
    flow: Literal["auto", "estimated", "raft"] = "auto"
    flow_weights: str | None = None
    frames: FrameRange | None = None
    choice: Choice = FIRST
    matte: MatteOfJob | None = None
    overwrite: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        if (self.flow == "raft") != (self.flow_weights is not None):
            raise InvalidJob("--flow raft and --flow-weights FILE go together")


@dataclass(frozen=True)
class FinishedShot:
    """A finished edit and its plate, ready to be filtered.

    Attributes
    ----------
    shot
        All frames of the edit: neighbours are looked for among these, whatever is written.
    written
        What this run writes.
    canvas
        Holds the data windows of all frames.
    selection
        The edited channels of the edit.
    warnings
        What the user should know.
    """

    asked: Asked
    edit: Sequence
    plate: Sequence
    shot: tuple[int, ...]
    written: tuple[int, ...]
    canvas: Window
    selection: ChannelSelection
    vectors: VectorChannels | None
    raft: RaftInfo | None
    matte: Matte | None
    settings: Settings
    output: SequencePattern
    warnings: tuple[str, ...]

    @property
    def flow_name(self) -> str:
        """Method and version of the motion."""
        if self.raft:
            return raft_name(self.raft.name, RAFT_DEVICE)
        return motion_name(self.vectors)

    @property
    def hash(self) -> str:
        """SHA-256 of all that makes a picture of the files; which part is written does not."""
        matte = self.matte
        said = {
            "schema": "tokenflow.deflicker/1",
            "version": metadata.version("tokenflow"),
            "settings": asdict(self.settings),
            "flow": self.flow_name,
            "shot": str(FrameRange.of(self.shot)),
            "channels": [self.selection.part, *self.selection.rgb],
            "matte": matte and [matte.channel, matte.invert, matte.feather],
        }
        return hashlib.sha256(canonical_json(said).encode("utf-8")).hexdigest()


def find_finished(asked: Asked) -> FinishedShot:
    """Find and check everything that the command names.

    Raises
    ------
    OcioError, TokenFlowError
        The first thing that is wrong, with frame or file and the remedy.
    """
    edit, plate = find_sequence(asked.edit), find_sequence(asked.plate)
    if edit.pattern == plate.pattern:
        raise InvalidJob("the edit is the plate itself", path=str(edit.pattern))
    _refuse_gaps(edit, plate)
    written = _written(asked, edit)
    headers = {number: inspect(edit.path(number), number) for number in edit.frames}
    plates = {number: inspect(plate.path(number), number) for number in edit.frames}
    selection = _selection(asked, headers, plates)
    settings, warnings = _settings(asked, headers[edit.frames[0]], selection)
    matte = None
    if asked.matte:
        named = asked.matte
        matte = load_matte(named.source, invert=named.invert, feather=named.feather)
        matte.check(edit.frames)
    found = FinishedShot(
        asked=asked,
        edit=edit,
        plate=plate,
        shot=edit.frames,
        written=written,
        canvas=edit_rectangle(
            (n, head.parts[selection.part]) for n, head in headers.items()
        ).window,
        selection=selection,
        vectors=vectors_of_shot(plates) if asked.flow == "auto" else None,
        raft=verify_raft(Path(asked.flow_weights)) if asked.flow_weights else None,
        matte=matte,
        settings=settings,
        output=output_pattern(asked.out, edit.pattern),
        warnings=warnings,
    )
    others = check_output(
        found.output,
        written,
        edit,
        plate,
        overwrite=asked.overwrite,
        resume=asked.resume,
        job_hash=found.hash,
    )
    return replace(found, warnings=(*found.warnings, *frames_replaced(others)))


_GRAIN: dict[Form, str] = {
    "carried": "the edit holds the plate's, so both are compared as they are",
    "bare": "the edit holds none of the plate's, so it is compared with the plate without it",
}


def describe(found: FinishedShot) -> list[str]:
    """Say what would be done."""
    strength = found.settings.strength
    lines = [
        f"edit        {found.edit.pattern}, frames {FrameRange.of(found.shot)}",
        f"plate       {found.plate.pattern}",
        f"filtered    {', '.join(found.selection.rgb)} of {found.canvas.width}x"
        f"{found.canvas.height} pixels",
        f"strength    {found.asked.strength}: {strength.radius} frames before and after",
        f"grain       {_GRAIN[found.settings.form]}",
        f"motion      {found.flow_name}",
        f"writes      {found.output}, frames {FrameRange.of(found.written)}",
    ]
    return lines + [f"note: {message}" for message in found.warnings]


def _refuse_gaps(edit: Sequence, plate: Sequence) -> None:
    """Refuse holes: a frame that lacks a neighbour would come out otherwise than with it."""
    absent = {
        "edit": FrameRange.of(edit.missing),
        "plate": FrameRange.of(set(edit.frames) - set(plate.frames)),
    }
    for name, missing in absent.items():
        if missing:
            raise MissingFrames(
                f"the {name} lacks the frames {missing}",
                frames=missing,
                hint="The pass needs every frame of the shot; render them first.",
                path=str(edit.pattern if name == "edit" else plate.pattern),
            )


def _written(asked: Asked, edit: Sequence) -> tuple[int, ...]:
    if asked.frames is None:
        return edit.frames
    absent = FrameRange.of(set(asked.frames) - set(edit.frames))
    if absent:
        raise MissingFrames(
            f"the edit has no frames {absent}",
            frames=absent,
            hint=f"It has {FrameRange.of(edit.frames)}.",
            path=str(edit.pattern),
        )
    return tuple(asked.frames)


def _selection(
    asked: Asked, headers: Mapping[int, FrameHeader], plates: Mapping[int, FrameHeader]
) -> ChannelSelection:
    """Choose the edited channels, and hold the plate to the edit's format."""
    chosen = same_channels(headers, *asked.choice)
    for number, header in headers.items():
        other = select_channels(plates[number], *asked.choice)
        sizes = [
            (part.display_window, part.pixel_aspect)
            for part in (header.parts[chosen.part], plates[number].parts[other.part])
        ]
        if sizes[0] != sizes[1]:
            said = [f"{window.width}x{window.height}" for window, _ in sizes]
            raise FramesDiffer(
                f"frame {number} of the edit is {said[0]}, of the plate {said[1]}, or their pixel "
                "aspect differs",
                hint="bring both to one format",
                frame=number,
                path=header.path,
            )
    return chosen


def _settings(
    asked: Asked, header: FrameHeader, selection: ChannelSelection
) -> tuple[Settings, tuple[str, ...]]:
    """Choose the form by how the edit was merged, as its header tells."""
    part = header.parts[selection.part]
    merge = next(
        (
            str(one.attributes[PROVENANCE_PREFIX + "merge"].value)
            for one in header.parts
            if PROVENANCE_PREFIX + "merge" in one.attributes
        ),
        "",
    )
    term = asked.plate_term
    warnings = (UNKNOWN_GRAIN,) if term == "auto" and not merge else ()
    if term == "auto":
        term = "full" if merge.startswith(("delta", "replace with grain")) else "lowpass"
    form: Form = "carried" if term == "full" else "bare"
    return settings_named(asked.strength, form, part.display_window.width), warnings
