"""Mattes: where, and how much, an edit may change the plate."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio

from ocio.cryptomatte import cryptomatte
from ocio.errors import MatteMismatch, MissingFrames, UnreadableFrame
from ocio.exr import read_frame
from ocio.frame import Frame
from ocio.frame_range import FrameRange
from ocio.sequence import Sequence, find_sequence
from ocio.window import Window

Float32 = npt.NDArray[np.float32]

FEATHER_REACH = 1.5
"""The feather ends after so many times its width (three standard deviations of half of it)."""

_CRYPTOMATTE = re.compile(r"(?P<path>.*?):(?P<layer>[^:/\\=]+)=(?P<names>.+)")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Layer:
    """One channel with its place in the picture."""

    samples: Float32
    data_window: Window
    display_window: Window


@dataclass(frozen=True)
class Matte:
    """A matte of a shot, read frame by frame.

    Attributes
    ----------
    sequence : Sequence, optional
        None for a channel of the plate itself. A single file without frame number serves all
        frames.
    channel : str, optional
        Default: ``A``, else the only channel of the file. ``LAYER=OBJECT`` for a Cryptomatte.
    invert : bool
    feather : float
        Width of the feather in plate pixels: twice the standard deviation of a Gaussian.
    """

    sequence: Sequence | None
    channel: str | None
    invert: bool = False
    feather: float = 0.0

    def check(self, frames: Iterable[int]) -> None:
        """Raise MissingFrames, naming all frames that the matte lacks."""
        if self.sequence is None or self.sequence.pattern.padding == 0:
            return
        there = set(self.sequence.frames)
        missing = FrameRange.of(frame for frame in frames if frame not in there)
        if missing:
            raise MissingFrames(
                f"the matte lacks frames {missing}",
                frames=missing,
                hint="render them or limit --frames",
                path=str(self.sequence.pattern),
            )

    def read(self, frame: int, plate: Frame, part: int = 0) -> Float32:
        """Return the matte over the data window of a plate frame, (h, w) float32 in 0..1.

        Beyond its own data window the matte is 0 (1 when inverted). Where the feathered matte ends
        it is exactly 0.

        Parameters
        ----------
        part : int
            The part of the plate that is edited.

        Raises
        ------
        MatteMismatch
            When it has no such channel, or another display window than the plate.
        UnreadableFrame, MissingFrames
        """
        layer = self._layer(frame, plate)
        edited = plate.parts[part]
        if layer.display_window != edited.display_window:
            ours, theirs = edited.display_window, layer.display_window
            raise MatteMismatch(
                f"the matte is {theirs.width}x{theirs.height} at {theirs.x},{theirs.y}, "
                f"the plate {ours.width}x{ours.height} at {ours.x},{ours.y}",
                hint="bring the matte to the format of the plate",
                frame=frame,
            )
        kernel = _gaussian(self.feather)
        reach = len(kernel) // 2
        matte = _over(layer, edited.data_window.grown(reach, reach))
        if self.invert:
            matte = np.float32(1.0) - matte
        if reach:
            matte = _convolve(_convolve(matte, kernel).T, kernel).T
        return np.ascontiguousarray(np.clip(matte, 0.0, 1.0))

    def source(self, frame: int) -> Path | None:
        """Return the file that the matte of a frame is read from; None if it is the plate's own.

        Raises
        ------
        MissingFrames
        """
        if self.sequence is None:
            return None
        if self.sequence.pattern.padding == 0:
            return self.sequence.pattern.path(frame)
        self.check([frame])
        return self.sequence.path(frame)

    def _layer(self, frame: int, plate: Frame) -> _Layer:
        path = self.source(frame)
        if path is None:
            return _channel(plate, self.channel)
        if path.suffix.lower() == ".exr":
            return _channel(read_frame(path, frame), self.channel)
        return _other_format(path, self.channel, frame)


def load_matte(spec: str, *, invert: bool = False, feather: float = 0.0) -> Matte:
    """Find the matte that ``SEQUENCE[:CHANNEL]`` names; ``:CHANNEL`` is one of the plate itself.

    ``:LAYER=OBJECT,OBJECT`` takes objects out of a Cryptomatte: ``:CryptoObject=ball``.

    Raises
    ------
    SequenceNotFound
    MatteMismatch
        When the spec is empty, or the feather negative.
    """
    path, channel = _split(spec)
    if not path and not channel:
        raise MatteMismatch("the matte has no name", hint="write SEQUENCE[:CHANNEL] or :CHANNEL")
    if not 0.0 <= feather < 1000.0:
        raise MatteMismatch(
            f"a feather of {feather:g} pixels is not possible", hint="use 0 to 1000"
        )
    return Matte(find_sequence(path) if path else None, channel, invert, feather)


def _split(spec: str) -> tuple[str, str | None]:
    """Split at the last colon, unless that is the one of a Windows drive.

    Names of Cryptomatte objects may hold colons and slashes themselves.
    """
    if objects := _CRYPTOMATTE.fullmatch(spec):
        return objects["path"], f"{objects['layer']}={objects['names']}"
    path, colon, channel = spec.rpartition(":")
    if not colon or "/" in channel or "\\" in channel:
        return spec, None
    return path, channel or None


def _channel(frame: Frame, name: str | None) -> _Layer:
    """Take a channel of any part; the matte of a file without a name given must be obvious."""
    if name and "=" in name:
        layer, _, objects = name.partition("=")
        owner, coverage = cryptomatte(frame, layer, objects.split(","))
        return _Layer(_usable(coverage, frame.path), owner.data_window, owner.display_window)
    for part in frame.parts:
        wanted = name or ("A" if "A" in part.channels else None)
        if wanted is None and len(part.channels) == 1:
            wanted = next(iter(part.channels))
        found = part.channels.get(wanted or "")
        if found is None and name and name.startswith(f"{part.name}."):
            found = part.channels.get(name.removeprefix(f"{part.name}."))
        if found is not None:
            return _Layer(_usable(found, frame.path), part.data_window, part.display_window)
    names = [channel for part in frame.parts for channel in part.channels]
    raise _no_channel(name, names, frame.path, frame.frame)


def _other_format(path: Path, name: str | None, frame: int) -> _Layer:
    """Read a matte that is no EXR; integers become 0..1."""
    source = oiio.ImageInput.open(str(path))
    pixels: Any = None
    if source is not None:
        spec = source.spec()
        pixels = source.read_image(0, 0, 0, spec.nchannels, oiio.FLOAT)
        source.close()
    if source is None or pixels is None:
        reason = oiio.geterror() if source is None else source.geterror()
        raise UnreadableFrame(
            f"matte '{path}' cannot be read: {reason}",
            hint="render or copy the file again",
            frame=frame,
            path=path,
        )
    names = list(spec.channelnames)
    wanted = name or ("A" if "A" in names else names[0] if len(names) == 1 else None)
    if wanted not in names:
        raise _no_channel(name, names, path, frame)
    data = Window(spec.x, spec.y, spec.width, spec.height)
    display = Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    return _Layer(_usable(pixels[..., names.index(wanted)], path), data, display)


def _no_channel(name: str | None, names: list[str], path: Path, frame: int | None) -> MatteMismatch:
    what = f"no channel '{name}'" if name else "no alpha, and more than one channel"
    return MatteMismatch(
        f"matte '{path.name}' has {what}",
        hint="there are: " + ", ".join(names),
        frame=frame,
        path=path,
    )


def _usable(samples: npt.NDArray[Any], path: Path) -> Float32:
    matte = samples.astype(np.float32)
    broken = ~np.isfinite(matte)
    if broken.any():
        _log.warning("%s: %d samples of the matte are no numbers: 0 there", path, broken.sum())
        matte[broken] = 0.0
    return np.clip(matte, 0.0, 1.0)


def _over(layer: _Layer, window: Window) -> Float32:
    result = np.zeros((window.height, window.width), np.float32)
    shared = layer.data_window.intersection(window)
    if shared.width and shared.height:
        result[shared.slices_in(window)] = layer.samples[shared.slices_in(layer.data_window)]
    return result


def _gaussian(feather: float) -> Float32:
    reach = int(np.ceil(FEATHER_REACH * feather))
    if reach == 0:
        return np.ones(1, np.float32)
    distance = np.arange(-reach, reach + 1, dtype=np.float64)
    weights = np.exp(-0.5 * (distance / (feather / 2.0)) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


def _convolve(image: Float32, kernel: Float32) -> Float32:
    """Convolve rows; the result keeps only what the whole kernel covers."""
    length = image.shape[1] - len(kernel) + 1
    result = np.zeros((image.shape[0], length), np.float32)
    for start, weight in enumerate(kernel):
        result += weight * image[:, start : start + length]
    return result
