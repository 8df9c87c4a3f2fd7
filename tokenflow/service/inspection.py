"""What a plate is, for a person who is about to edit it: from names on disk and from headers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from ocio.config import ResolvedConfig, input_space
from ocio.errors import DataPlate, OcioError, UnknownColourSpace
from ocio.exr import inspect
from ocio.frame_range import FrameRange
from ocio.header import FrameHeader, PartHeader
from ocio.selection import select_channels
from ocio.sequence import find_sequence
from ocio.timecode import TIMECODE
from ocio.window import Window
from tokenflow.service.errors import describe
from tokenflow.service.pictures import load_config

RATE = "framesPerSecond"


def inspect_plate(
    path: str,
    ocio: str | None = None,
    colorspace: str | None = None,
    layer: str | None = None,
    part: str | None = None,
    stereo_view: str | None = None,
) -> dict[str, Any]:
    """Describe a sequence by its names on disk and the header of its first readable frame.

    Parameters
    ----------
    path
        A sequence as a job names it.
    ocio, colorspace, layer, part, stereo_view
        As in a job.

    Raises
    ------
    OcioError
        Nothing is there, or nothing of it can be read.
    """
    sequence = find_sequence(path)
    header = _first_readable([sequence.path(frame) for frame in sequence.frames[:3]])
    selection = select_channels(header, layer, part, stereo_view)
    edited = header.parts[selection.part]
    config = load_config(ocio)
    return {
        "pattern": str(sequence.pattern),
        "frames": str(FrameRange.of(sequence.frames)),
        "missing": str(FrameRange.of(sequence.missing)),
        "first": sequence.frames[0],
        "last": sequence.frames[-1],
        "size": [edited.display_window.width, edited.display_window.height],
        "display_window": _window(edited.display_window),
        "data_window": _window(edited.data_window),
        "pixel_aspect": edited.pixel_aspect,
        "compression": edited.compression,
        "parts": [_part(number, one) for number, one in enumerate(header.parts)],
        "edited": {"part": selection.part, "channels": [*selection.rgb], "alpha": selection.alpha},
        "color": _color(config, header, colorspace, selection.part),
        "frame_rate": _frame_rate(edited),
        "timecode": _timecode(edited),
    }


def _first_readable(files: list[Path]) -> FrameHeader:
    for file in files[:-1]:
        try:
            return inspect(file)
        except OcioError:
            continue
    return inspect(files[-1])


def _window(window: Window) -> list[int]:
    return [window.x, window.y, window.width, window.height]


def _part(number: int, part: PartHeader) -> dict[str, Any]:
    return {
        "number": number,
        "name": part.name,
        "layers": [*part.layers],
        "channels": dict(part.channel_types),
    }


def _color(
    config: ResolvedConfig, header: FrameHeader, colorspace: str | None, part: int
) -> dict[str, Any]:
    """Say which colour space the plate is in, or why nothing says it; and what there is to choose.

    A plate that does not say it can still be shown facts about, so this is no error here.
    """
    found: dict[str, Any] = {"colorspace": None, "error": None}
    try:
        found["colorspace"] = input_space(config, header, colorspace, part=part)
    except (UnknownColourSpace, DataPlate) as error:
        found["error"] = describe(error)
    library = config.config
    display = library.getDefaultDisplay()
    return found | {
        "config": config.name,
        "config_source": config.source,
        "config_location": config.location,
        "colorspaces": [*map(str, library.getColorSpaceNames())],
        "default_view": f"{display}/{library.getDefaultView(display)}",
        "views": [
            f"{screen}/{view}"
            for screen in library.getDisplays()
            for view in library.getViews(screen)
        ],
    }


def _frame_rate(part: PartHeader) -> list[int] | None:
    """Return the rate as numerator and denominator, as the header has it."""
    stated = part.attributes.get(RATE)
    value = stated.value if stated is not None else None
    if isinstance(value, int | float) and value > 0:
        rate = Fraction(value).limit_denominator(1001)
        return [rate.numerator, rate.denominator]
    if isinstance(value, tuple | list) and len(value) == 2 and value[1]:
        return [int(value[0]), int(value[1])]
    return None


def _timecode(part: PartHeader) -> str | None:
    """Return the first frame's timecode, ``hh:mm:ss:ff``; a semicolon before dropped frames."""
    stated = part.attributes.get(TIMECODE)
    if stated is None:
        return None
    word = int(stated.value[0])
    frames, seconds, minutes, hours = (
        10 * (word >> low + 4 & mask) + (word >> low & 15)
        for low, mask in ((0, 3), (8, 7), (16, 7), (24, 3))
    )
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if word & 1 << 6 else ':'}{frames:02}"
