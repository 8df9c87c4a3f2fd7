"""Reading EXR: every part and channel in its own type, every attribute with its own type."""

from __future__ import annotations

import threading
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio

from ocio.errors import DeepImage, SeveralResolutions, UnreadableFrame
from ocio.frame import Frame, Part
from ocio.header import Attribute, FrameHeader, PartHeader
from ocio.window import Window

_DTYPES = {"half": "float16", "float": "float32", "uint": "uint32"}
_OIIO_TYPES = {"float16": oiio.HALF, "float32": oiio.FLOAT, "uint32": oiio.UINT}
_STRUCTURE = {"compression", "PixelAspectRatio", "name"}
"""Attributes that are fields of a part."""

# OpenImageIO keeps its last error in a thread; the lock guards only its global error for files
# that do not open.
_opening = threading.Lock()


def inspect(path: str | Path, frame: int | None = None) -> FrameHeader:
    """Read the headers of a file without its pixels.

    Raises
    ------
    UnreadableFrame
        When it is missing or no EXR. A truncated file passes: only `read_frame` finds that.
    DeepImage, SeveralResolutions
    """
    source = _open(Path(path), frame)
    try:
        return FrameHeader(Path(path), tuple(_part_headers(source, Path(path), frame)))
    finally:
        source.close()


def read_frame(path: str | Path, frame: int | None = None) -> Frame:
    """Read a whole file.

    Returns
    -------
    Frame
        Channels as (height, width) arrays of the data window in the type of the file.

    Raises
    ------
    UnreadableFrame
        When it is missing, truncated, damaged, or no EXR.
    DeepImage, SeveralResolutions
    """
    path = Path(path)
    source = _open(path, frame)
    try:
        headers = list(_part_headers(source, path, frame))
        parts = [
            Part(**vars(header), channels=_read_channels(source, index, header, path, frame))
            for index, header in enumerate(headers)
        ]
    finally:
        source.close()
    return Frame(path, frame, tuple(parts))


def _open(path: Path, frame: int | None) -> Any:
    """Open a file as EXR, whatever its name ends with."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise UnreadableFrame(
            f"'{path}' cannot be read: {error.strerror}",
            hint="check the path and its permissions",
            frame=frame,
            path=path,
        ) from error
    with _opening:
        source = oiio.ImageInput.open(str(path))
        problem = "" if source else _message(oiio)
    if source is None or source.format_name() != "openexr":
        raise UnreadableFrame(
            f"'{path}' cannot be read as EXR" + (f": {_reason(problem, path)}" if problem else ""),
            hint="render or copy the file again",
            frame=frame,
            path=path,
        )
    return source


def _part_headers(source: Any, path: Path, frame: int | None) -> list[PartHeader]:
    headers: list[PartHeader] = []
    while source.seek_subimage(len(headers), 0):
        spec = source.spec()
        if spec.deep:
            raise DeepImage(
                f"'{path}' is a deep image",
                hint="flatten it first (DeepToImage in Nuke)",
                frame=frame,
                path=path,
            )
        try:
            headers.append(_part_header(spec))
        except UnicodeError as error:
            raise UnreadableFrame(
                f"'{path}' has names of parts or channels that are no text",
                hint="render or copy the file again",
                frame=frame,
                path=path,
            ) from error
        if source.seek_subimage(len(headers) - 1, 1):
            raise SeveralResolutions(
                f"'{path}' holds its picture at several resolutions, as a texture does",
                hint="write it without mipmaps",
                frame=frame,
                path=path,
            )
    _message(source)  # seeking past the last part leaves a message that is none
    return headers


def _part_header(spec: Any) -> PartHeader:
    types = [str(one) for one in spec.channelformats] or [str(spec.format)] * spec.nchannels
    attributes = {
        item.name: Attribute(str(item.type), _text(item.value)) for item in spec.extra_attribs
    }
    "".join([spec.get_string_attribute("name"), *spec.channelnames, *attributes]).encode("utf-8")
    return PartHeader(
        name=spec.get_string_attribute("name"),
        channel_types=dict(zip(spec.channelnames, (_DTYPES[one] for one in types), strict=True)),
        data_window=Window(spec.x, spec.y, spec.width, spec.height),
        display_window=Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        pixel_aspect=spec.get_float_attribute("PixelAspectRatio", 1.0),
        compression=spec.get_string_attribute("compression", "none"),
        tile=(spec.tile_width, spec.tile_height) if spec.tile_width else None,
        attributes={name: one for name, one in attributes.items() if name not in _STRUCTURE},
    )


def _text(value: Any) -> Any:
    """Take text of older programs for Latin-1 where it is not UTF-8: it cannot be written so."""
    if isinstance(value, tuple):
        return tuple(_text(one) for one in value)
    if not isinstance(value, str) or value.isascii():
        return value
    stored = value.encode("utf-8", "surrogateescape")
    try:
        return stored.decode("utf-8")
    except UnicodeDecodeError:
        return stored.decode("latin-1")


def _read_channels(
    source: Any, part: int, header: PartHeader, path: Path, frame: int | None
) -> dict[str, npt.NDArray[Any]]:
    """Read runs of neighbouring channels of one type: a mixed read would change samples."""
    channels: dict[str, npt.NDArray[Any]] = {}
    for dtype, run in groupby(header.channel_types.items(), key=lambda item: item[1]):
        names = [name for name, _ in run]
        first = len(channels)
        pixels = source.read_image(part, 0, first, first + len(names), _OIIO_TYPES[dtype])
        problem = _message(source)
        if pixels is None:
            raise UnreadableFrame(
                f"'{path}' is truncated or damaged: {_reason(problem, path)}",
                hint="render or copy the file again",
                frame=frame,
                path=path,
            )
        for index, name in enumerate(names):
            channels[name] = np.ascontiguousarray(pixels[..., index])
    return channels


def _message(library: Any) -> str:
    """Fetch and clear the library's last error, which may quote bytes of a damaged header."""
    try:
        return str(library.geterror())
    except UnicodeDecodeError:
        return "its header is damaged"


def _reason(problem: str, path: Path) -> str:
    """Take the first line of the library's message, without the path that we name ourselves."""
    line = next((line for line in problem.splitlines() if line.strip()), "no reason given")
    return line.replace(f"EXR Error ({path}): ", "").strip()
