"""What is evaluated: a plate, its edits, and how to look at them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Listed
from dataclasses import dataclass

from ocio.config import OCIO_ERRORS, ResolvedConfig, input_space, resolve_config
from ocio.errors import BrokenConfig
from ocio.exr import inspect
from ocio.frame_range import FrameRange
from ocio.header import FrameHeader, PartHeader
from ocio.matte import Matte, load_matte
from ocio.selection import select_channels
from ocio.sequence import Sequence, find_sequence
from ocio.transfer import build_transfer
from tokenflow.errors import InvalidJob
from tokenflow.job import Color, Plate
from tokenflow.job import Matte as MatteOfJob
from tokenflow.metrics.clip import Viewing, picture_size
from tokenflow.pipeline.record import record_name

WIDTH = 640
"""Width in pixels at which edits are measured, unless the plate is smaller."""

PLATE = "plate"
"""What the plate is called beside its edits."""

_RATE = 24.0  # frames per second of a plate that does not say


@dataclass(frozen=True)
class Subject:
    """A plate and its edits as found on disk.

    Attributes
    ----------
    edits
        By the name that the report uses.
    numbers
        Frames that plate and all edits have, and that were asked for: what is measured.
    shown
        Those that the plate and the first edit have: what is looked at.
    rate
        Frames per second.
    space
        The plate's colour space, which is taken for that of the edits too.
    matte
        Where the edits were to act.
    object
        Whose outline is watched; the matte, where nothing else is named.
    """

    plate: Sequence
    edits: dict[str, Sequence]
    numbers: tuple[int, ...]
    shown: tuple[int, ...]
    rate: float
    config: ResolvedConfig
    space: str
    viewing: Viewing
    matte: Matte | None
    object: Matte | None

    @property
    def range(self) -> FrameRange:
        """The frames that are measured."""
        return FrameRange.of(self.numbers)


def find_subject(
    plate: Plate,
    edits: Listed[str] | Mapping[str, str],
    color: Color,
    *,
    frames: FrameRange | None = None,
    matte: MatteOfJob | None = None,
    outlined: MatteOfJob | None = None,
    width: int = WIDTH,
) -> Subject:
    """Find everything that an evaluation names.

    Parameters
    ----------
    edits
        Sequences, named after their files; or sequences by name.
    matte, outlined
        Where the edits were to act, and whose outline is watched; default: the same.
    width
        Of the pictures that are measured, at most.

    Raises
    ------
    OcioError
        What is missing or unusable.
    InvalidJob
        When plate and edits have no frame in common, or an edit is the plate itself.
    """
    sequence = find_sequence(plate.path)
    if isinstance(edits, Mapping):
        found = {name: find_sequence(edit) for name, edit in edits.items()}
    else:
        found = named([find_sequence(edit) for edit in edits])
    for name, edit in found.items():
        if edit.pattern == sequence.pattern:
            raise InvalidJob(f"the edit {name!r} is the plate itself", path=str(edit.pattern))
    first = next(iter(found.values()))
    shown = tuple(
        number
        for number in sequence.frames
        if number in first.frames and (frames is None or number in frames)
    )
    numbers = tuple(n for n in shown if all(n in edit.frames for edit in found.values()))
    if not numbers:
        raise InvalidJob(
            "plate and edits have no frame in common",
            hint=f"The plate has {FrameRange.of(sequence.frames)}; choose other --frames.",
        )
    header = inspect(sequence.path(numbers[0]), numbers[0])
    selection = select_channels(header, *plate.choice)
    config = resolve_config(color.ocio)
    space = input_space(config, header, color.colorspace, part=selection.part)
    part = header.parts[selection.part]
    return Subject(
        sequence,
        found,
        numbers,
        shown,
        _rate(header, selection.part),
        config,
        space,
        _viewing(config, space, color.view, plate, part, width),
        _matte(matte, numbers),
        _matte(outlined or matte, numbers),
    )


def named(sequences: Listed[Sequence]) -> dict[str, Sequence]:
    """Name sequences so that no two are alike: their own name, else their folder's, else both.

    None is called plate, as the plate is.
    """
    files = [record_name(one.pattern) for one in sequences]
    folders = [one.pattern.folder.resolve().name for one in sequences]
    both = [f"{folder}/{file}" for folder, file in zip(folders, files, strict=True)]
    for names in (files, folders, both):
        if len({*names, PLATE}) == len(names) + 1:
            return dict(zip(names, sequences, strict=True))
    return {
        f"{name} {number}": one
        for number, (name, one) in enumerate(zip(both, sequences, strict=True), 1)
    }


def _matte(named: MatteOfJob | None, numbers: tuple[int, ...]) -> Matte | None:
    if named is None:
        return None
    matte = load_matte(named.source, invert=named.invert, feather=named.feather)
    matte.check(numbers)
    return matte


def _viewing(
    config: ResolvedConfig,
    space: str,
    view: str | None,
    plate: Plate,
    part: PartHeader,
    width: int,
) -> Viewing:
    display, _, name = (view or "").partition("/")
    try:
        transfer, found, _ = build_transfer(
            config, space, "view", (display, name) if view else None, None
        )
    except OCIO_ERRORS as error:
        raise BrokenConfig(
            f"OCIO config '{config.name}' cannot show {view or 'its default view'}: {error}",
            hint="choose another view",
        ) from error
    said = f"{found[0]}, {found[1]}" if found else "the view"
    window = part.display_window
    size = picture_size(window, part.pixel_aspect, width)
    return Viewing(transfer, said, window, size, plate.choice)


def _rate(header: FrameHeader, part: int) -> float:
    """Return the frames per second that a header states."""
    stated = header.parts[part].attributes.get("framesPerSecond")
    if stated is None:
        return _RATE
    value = stated.value
    rate = value[0] / value[1] if isinstance(value, tuple) and value[1] else float(value)
    return rate if rate > 0 else _RATE
