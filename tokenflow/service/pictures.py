"""Frames as a person sees them: through the view, at the size asked for, as PNG or JPEG.

The maths is the pipeline's own: area average in scene-linear light, then the view. What is shown is
the display window, so that frames stay in place whatever part of them their files hold.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ocio.config import OCIO_ERRORS, ResolvedConfig, input_space, resolve_config
from ocio.errors import BrokenConfig
from ocio.exr import inspect, read_frame
from ocio.frame import Frame
from ocio.header import FrameHeader, PartHeader
from ocio.matte import load_matte
from ocio.resample import proxy
from ocio.selection import select_channels
from ocio.temporary import temporary_path
from ocio.transfer import Transfer, build_transfer
from tokenflow.errors import InvalidJob
from tokenflow.service.wanted import WantedPicture

Float32 = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

PNG_LEVEL = 1
"""Ten times as fast as the smallest file, which on one machine nobody waits for."""

JPEG_QUALITY = 90


def make_picture(wanted: WantedPicture) -> Pixels:
    """Return one frame, (h, w, 3), display-referred.

    Raises
    ------
    OcioError, InvalidJob
        With the frame or file, and the remedy.
    """
    plate = inspect(wanted.plate, wanted.frame)
    if wanted.what == "matte":
        return _to_bytes(_matte(wanted))
    if wanted.what == "plate":
        return _to_bytes(_shown(wanted, wanted.plate, plate))
    edit = _shown(wanted, _edit_file(wanted), plate)
    if wanted.what == "edit":
        return _to_bytes(edit)
    return _to_bytes(np.abs(edit - _shown(wanted, wanted.plate, plate)) * np.float32(wanted.gain))


def write_picture(pixels: Pixels, path: Path) -> None:
    """Write a PNG or JPEG, by the end of its name, so that it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = temporary_path(path)
    try:
        with partial.open("wb") as file:
            picture = Image.fromarray(pixels)
            if path.suffix == ".png":
                picture.save(file, format="PNG", compress_level=PNG_LEVEL)
            else:
                picture.save(file, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _shown(wanted: WantedPicture, file: str, plate: FrameHeader) -> Float32:
    """Return a frame's edited channels through the view, 0..1.

    The colour space is the plate's: an edit is written in the same one.
    """
    selection = select_channels(plate, *wanted.choice)
    config = load_config(wanted.ocio)
    space = input_space(config, plate, wanted.colorspace, part=selection.part)
    frame = read_frame(file, wanted.frame)
    part = frame.parts[frame.select(*wanted.choice).part]
    small = proxy(
        frame.rgb(*wanted.choice),
        part.display_window,
        picture_size(part, wanted.width),
        data_window=part.data_window,
    )
    return np.clip(through_view(config, space, wanted.view).forward(small), 0.0, 1.0)


def _edit_file(wanted: WantedPicture) -> str:
    if wanted.edit is None:
        raise InvalidJob("there is no edit to show", hint="Name a job.")
    return wanted.edit


def _matte(wanted: WantedPicture) -> Float32:
    """Return the matte as grey, 0..1, black where the edit may not act."""
    if wanted.matte is None:
        raise InvalidJob("the job has no matte", hint="Ask for plate, edit or difference.")
    matte = load_matte(wanted.matte, invert=wanted.matte_invert, feather=wanted.matte_feather)
    frame: Frame = read_frame(wanted.plate, wanted.frame)
    number = frame.select(*wanted.choice).part
    part = frame.parts[number]
    small = proxy(
        matte.read(wanted.frame, frame, number)[..., None],
        part.display_window,
        picture_size(part, wanted.width),
        data_window=part.data_window,
    )
    return np.repeat(small, 3, axis=2)


def picture_size(part: PartHeader, width: int) -> tuple[int, int]:
    """Return (width, height) in square pixels that shows the display window at most `width` wide.

    A frame is not made larger than it is: the panel does that better.
    """
    window = part.display_window
    wide = window.width * part.pixel_aspect
    scale = min(1.0, width / wide)
    return max(1, round(wide * scale)), max(1, round(window.height * scale))


def load_config(location: str | None) -> ResolvedConfig:
    """Return the config, read again only when its file has changed."""
    changed = 0
    if location is not None and Path(location).is_file():
        changed = Path(location).stat().st_mtime_ns
    return _load_config(location, changed)


@lru_cache(maxsize=8)
def _load_config(location: str | None, changed: int) -> ResolvedConfig:
    return resolve_config(location)


def through_view(config: ResolvedConfig, space: str, view: str | None) -> Transfer:
    """Return the way from a colour space to a display.

    Parameters
    ----------
    view
        ``DISPLAY/VIEW``; None is the config's own default, or the pinned config's if that is no
        SDR view, as in an edit.

    Raises
    ------
    UnusableView, BrokenConfig, InvalidJob
    """
    return _through_view(_Config(config), space, view)


class _Config:
    """A config that counts as the same when OCIO says so."""

    def __init__(self, config: ResolvedConfig) -> None:
        self.config = config
        self._key = (config.cache_id, config.sha256)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Config) and self._key == other._key


@lru_cache(maxsize=32)
def _through_view(config: _Config, space: str, view: str | None) -> Transfer:
    try:
        transfer, _, _ = build_transfer(config.config, space, "view", split_view(view), None)
    except OCIO_ERRORS as error:
        raise BrokenConfig(
            f"OCIO config '{config.config.name}' cannot show {view or 'its default view'}: {error}",
            hint="choose another view",
        ) from error
    return transfer


def split_view(view: str | None) -> tuple[str, str] | None:
    """Read ``DISPLAY/VIEW``."""
    if view is None:
        return None
    display, slash, name = view.partition("/")
    if not (display and slash and name):
        raise InvalidJob(
            f"the view must be DISPLAY/VIEW, not {view!r}",
            hint="For example 'sRGB - Display/ACES 2.0 - SDR 100 nits (Rec.709)'.",
        )
    return display, name


def _to_bytes(picture: Float32) -> Pixels:
    pixels: Pixels = np.rint(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
    return pixels
