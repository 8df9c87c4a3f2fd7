"""Writing EXR: to a temporary file beside the target, verified, then renamed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio

from ocio.attributes import JOB_HASH, output_attributes
from ocio.errors import (
    DiskFull,
    NoPermission,
    OcioError,
    OutputExists,
    OutputIsInput,
    UnreadableFrame,
    UnsupportedCompression,
    UnsupportedSamples,
    WriteFailed,
)
from ocio.exr import read_frame
from ocio.frame import Frame, Part
from ocio.header import Attribute, FrameHeader
from ocio.storage import failure_of
from ocio.temporary import remove_stale_temporaries, temporary_path

LOSSLESS = frozenset({"none", "rle", "zip", "zips", "piz"})
_OIIO_TYPES = {"float16": oiio.HALF, "float32": oiio.FLOAT, "uint32": oiio.UINT}


@dataclass(frozen=True)
class WriteCounts:
    """What was written.

    Attributes
    ----------
    nan, infinite : int
        Samples of all channels that are so.
    clamped : int
        Samples that were limited to the range of half.
    size : int
        Bytes of the file.
    """

    nan: int
    infinite: int
    clamped: int
    size: int


def write_frame(
    path: str | Path,
    frame: Frame,
    *,
    attributes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    compression: str | None = None,
) -> WriteCounts:
    """Write a frame so that a whole, verified file appears under its name, or none.

    Parameters
    ----------
    attributes : mapping, optional
        Added to the header of the first part; see `ocio.attributes.output_attributes`.
    overwrite : bool
        Replace a file that is there.
    compression : str, optional
        Default: as the source where that is lossless, else zip. ``"source"`` repeats a lossy one,
        and then only the pixels of the lossless parts are compared on reading back.

    Raises
    ------
    OutputExists, OutputIsInput, DiskFull, NoPermission, WriteFailed
    UnsupportedCompression
        When the library would silently write another one.
    UnsupportedSamples
        When a part mixes integers above 2^24 with real numbers.
    """
    path = Path(path)
    check_writable(frame)
    specs = [
        _spec(part, compression, attributes if index == 0 else None)
        for index, part in enumerate(frame.parts)
    ]
    try:
        _refuse_target(path, frame, overwrite)
        size = _write_whole(path, specs, frame, overwrite)
    except OSError as error:
        raise _explain(error, path, frame.frame) from error
    return _count(frame, size)


def _refuse_target(path: Path, frame: Frame, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise OutputExists(
            f"'{path}' is already there",
            hint="use --overwrite or --resume",
            frame=frame.frame,
            path=path,
        )
    if frame.path.exists() and path.samefile(frame.path):
        raise OutputIsInput(f"'{path}' is the plate itself", hint="write somewhere else", path=path)


def _write_whole(path: Path, specs: list[Any], frame: Frame, overwrite: bool) -> int:
    """Write, verify and rename; return the size in bytes. Leaves no temporary file behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        _write(temporary, specs, frame.parts)
        _sync(temporary)
        _verify(temporary, specs, frame)
        _refuse_target(path, frame, overwrite)  # another process may have been faster
        size = temporary.stat().st_size
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)
    return size


def frame_is_complete(path: str | Path, job_hash: str) -> bool:
    """Say whether a frame decodes fully and was made by the job with this hash."""
    try:
        frame = read_frame(path)
    except OcioError:
        return False
    return any(_job_hash(part) == job_hash for part in frame.parts)


def header_job_hash(header: FrameHeader) -> str | None:
    """Return the hash of the job that made a file, None if it is not one of ours."""
    return next((found for part in header.parts if (found := _job_hash(part))), None)


def _job_hash(part: Any) -> str | None:
    attribute = part.attributes.get(JOB_HASH)
    return None if attribute is None else str(attribute.value)


def _output_compression(part: Part, asked: str | None) -> tuple[str, float | None]:
    """Return the compression and, for DWA, its level."""
    if asked not in (None, "source"):
        return str(asked), None
    # pxr24 rounds floats to 24 bits, yet keeps half and integers whole.
    exact = part.compression in LOSSLESS or (
        part.compression == "pxr24" and "float32" not in part.channel_types.values()
    )
    if asked is None and not exact:
        return "zip", None
    level = part.attributes.get("openexr:dwaCompressionLevel")
    return part.compression, None if level is None else float(level.value)


def _spec(part: Part, asked: str | None, extra: Mapping[str, Any] | None) -> Any:
    data, display = part.data_window, part.display_window
    types = [_OIIO_TYPES[array.dtype.name] for array in part.channels.values()]
    spec = oiio.ImageSpec(data.width, data.height, len(types), _widest(part))
    spec.channelnames = tuple(part.channels)
    spec.channelformats = tuple(types)
    spec.x, spec.y = data.x, data.y
    spec.full_x, spec.full_y = display.x, display.y
    spec.full_width, spec.full_height = display.width, display.height
    if part.tile:
        spec.tile_width, spec.tile_height = part.tile
    for name, attribute in output_attributes(part.attributes, extra).items():
        spec.attribute(name, oiio.TypeDesc(attribute.type), attribute.value)
    if part.name:
        spec.attribute("name", part.name)
    spec.attribute("PixelAspectRatio", float(part.pixel_aspect))
    compression, level = _output_compression(part, asked)
    spec.attribute("compression", compression if level is None else f"{compression}:{level:g}")
    return spec


def _widest(part: Part) -> Any:
    kinds = {array.dtype.name for array in part.channels.values()}
    return _OIIO_TYPES[kinds.pop()] if len(kinds) == 1 else oiio.FLOAT


def check_writable(frame: Frame) -> None:
    """Refuse a frame that cannot be written without loss, before any work is done on it.

    The library scales integers to 0..1 when it converts them, as it does beside real numbers, and
    float32 brings back only those that it can hold.

    Raises
    ------
    UnsupportedSamples
    """
    for part in frame.parts:
        if len({array.dtype for array in part.channels.values()}) == 1:
            continue
        for name, array in part.channels.items():
            if array.dtype == np.uint32 and np.any(array > 2**24):
                raise UnsupportedSamples(
                    f"channel '{name}' holds integers above 16777216 beside real numbers, which "
                    "cannot be written without loss",
                    hint="store it in a part of its own or as float",
                    frame=frame.frame,
                    path=frame.path,
                )


def _pixels(part: Part) -> npt.NDArray[Any]:
    """Interleave the channels; float32 holds every half, so a mix of both loses nothing."""
    arrays = list(part.channels.values())
    kinds = {array.dtype for array in arrays}
    if len(kinds) == 1:
        return np.stack(arrays, axis=-1)
    planes = []
    for array in part.channels.values():
        if array.dtype == np.uint32:
            planes.append((array / np.float64(2**32 - 1)).astype(np.float32))
        else:
            planes.append(array.astype(np.float32))
    return np.stack(planes, axis=-1)


def _write(temporary: Path, specs: list[Any], parts: tuple[Part, ...]) -> None:
    # The writer is asked for by name: the library would choose it by the extension, here .tmp.
    output: Any = oiio.ImageOutput.create("exr")
    for index, (spec, part) in enumerate(zip(specs, parts, strict=True)):
        if index:
            opened = output.open(str(temporary), spec, "AppendSubimage")
        elif len(specs) > 1:
            opened = output.open(str(temporary), tuple(specs))
        else:
            opened = output.open(str(temporary), spec)
        if not opened or not output.write_image(_pixels(part)):
            _fail(output, temporary, parts)
    if not output.close():
        _fail(output, temporary, parts)


def _fail(output: Any, temporary: Path, parts: tuple[Part, ...]) -> None:
    """Raise with the system's own reason, which the library does not pass on."""
    message = output.geterror() or "no reason given"
    output.close()
    size = sum(array.nbytes for part in parts for array in part.channels.values())
    with temporary.open("wb") as probe:
        # Bytes that are really stored, so that quotas and file size limits speak up too.
        for _ in range(size // 2**20 + 1):
            probe.write(b"\1" * 2**20)
        probe.flush()
        os.fsync(probe.fileno())
    raise WriteFailed(f"'{temporary}' could not be written: {message.splitlines()[0]}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _verify(temporary: Path, specs: list[Any], frame: Frame) -> None:
    """Read the file back and compare: windows, compression, names, and every sample."""
    try:
        written = read_frame(temporary, frame.frame)
    except UnreadableFrame as error:
        raise WriteFailed(
            "the file did not read back", hint="check the disk", path=temporary
        ) from error
    if len(written.parts) != len(frame.parts):
        raise WriteFailed("parts were lost in writing", path=temporary)
    for spec, part, back in zip(specs, frame.parts, written.parts, strict=True):
        asked = spec.get_string_attribute("compression").partition(":")[0]
        if back.compression != asked:
            raise UnsupportedCompression(
                f"this build cannot write compression '{asked}'",
                hint="choose zip",
                frame=frame.frame,
            )
        same = (back.data_window, back.display_window, back.name, back.tile) == (
            part.data_window,
            part.display_window,
            part.name,
            part.tile,
        ) and set(back.channels) == set(part.channels)
        if not same or (asked in LOSSLESS and not _same_samples(part, back)):
            raise WriteFailed(
                "the file read back differs from what was written",
                hint="check the disk",
                frame=frame.frame,
                path=temporary,
            )


def _same_samples(part: Part, back: Part) -> bool:
    return all(
        array.dtype == back.channels[name].dtype
        and np.array_equal(_bits(array), _bits(back.channels[name]))
        for name, array in part.channels.items()
    )


def _bits(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View samples as integers, so that NaN equals NaN and -0.0 differs from 0.0."""
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def _count(frame: Frame, size: int) -> WriteCounts:
    arrays = [
        array for part in frame.parts for array in part.channels.values() if array.dtype.kind == "f"
    ]
    broken = [array[~np.isfinite(array)] for array in arrays]
    nan = sum(int(np.count_nonzero(np.isnan(samples))) for samples in broken)
    infinite = sum(samples.size for samples in broken) - nan
    return WriteCounts(nan=nan, infinite=infinite, clamped=frame.clamped, size=size)


def _explain(error: OSError, path: Path, frame: int | None) -> OcioError:
    kind = failure_of(error)
    if kind is DiskFull:
        return DiskFull(
            f"no space to write '{path}': {error.strerror}",
            hint="free some and continue with --resume",
            frame=frame,
            path=path,
        )
    if kind is NoPermission:
        return NoPermission(
            f"not allowed to write '{path}': {error.strerror}",
            hint="choose another folder or change its permissions",
            frame=frame,
            path=path,
        )
    return WriteFailed(f"'{path}' cannot be written: {error.strerror}", frame=frame, path=path)


__all__ = [
    "LOSSLESS",
    "Attribute",
    "WriteCounts",
    "check_writable",
    "frame_is_complete",
    "header_job_hash",
    "remove_stale_temporaries",
    "write_frame",
]
