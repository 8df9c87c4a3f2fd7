"""Processors from plate to picture and back: views, log curves and Reinhard."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio_library

from ocio.config import PINNED_CONFIG, ResolvedConfig
from ocio.errors import UnusableView
from ocio.log_space import apply

Float32 = npt.NDArray[np.float32]
Kind = Literal["view", "log", "logc3", "logc4", "reinhard"]

KINDS: tuple[Kind, ...] = ("view", "log", "logc3", "logc4", "reinhard")
LOG_SPACES = {"log": "ACEScct", "logc3": "ARRI LogC3 (EI800)", "logc4": "ARRI LogC4"}

_FORWARD = ocio_library.TRANSFORM_DIR_FORWARD
_INVERSE = ocio_library.TRANSFORM_DIR_INVERSE


class Transfer:
    """Two processors, and for ``reinhard`` a curve between them."""

    def __init__(self, forward: Any, inverse: Any, *, reinhard: bool = False) -> None:
        self._forward = forward.getDefaultCPUProcessor()
        self._inverse = inverse.getDefaultCPUProcessor()
        self._reinhard = reinhard

    def forward(self, linear: npt.ArrayLike) -> Float32:
        """Return unclipped code of plate values."""
        code = apply(self._forward, linear)
        return _reinhard(code) if self._reinhard else code

    def inverse(self, display: npt.ArrayLike) -> Float32:
        """Return plate values of code."""
        code = np.asarray(display, np.float32)
        return apply(self._inverse, _inverse_reinhard(code) if self._reinhard else code)


def build_transfer(
    resolved: ResolvedConfig,
    plate_space: str,
    kind: Kind,
    display_view: tuple[str, str] | None,
    gamut_compression: bool | None,
) -> tuple[Transfer, tuple[str, str, str] | None, bool]:
    """Build the two processors of an encoding; see `ocio.encoding.Encoding.build`.

    Returns
    -------
    transfer : Transfer
    view : (display, view, config), optional
    gamut_compression : bool
        Whether it is part of the transfer.

    Raises
    ------
    UnusableView
    PyOpenColorIO.Exception, PyOpenColorIO.ExceptionMissingFile
        Of the config.
    """
    if kind == "view":
        return _view_transfer(resolved, plate_space, display_view, gamut_compression)
    if kind not in KINDS:
        raise UnusableView(f"unknown encoding '{kind}'", hint="use one of " + ", ".join(KINDS))
    target = LOG_SPACES.get(kind, "ACEScg")
    across = ocio_library.Config.GetProcessorFromConfigs
    forward = across(resolved.config, plate_space, pinned_config(), target)
    inverse = across(pinned_config(), target, resolved.config, plate_space)
    return Transfer(forward, inverse, reinhard=kind == "reinhard"), None, False


def _view_transfer(
    resolved: ResolvedConfig,
    plate_space: str,
    display_view: tuple[str, str] | None,
    gamut_compression: bool | None,
) -> tuple[Transfer, tuple[str, str, str], bool]:
    config = resolved.config
    display, view = display_view or _default_view(config)
    refusal = _refusal(config, display, view)
    if refusal and display_view is not None:
        raise UnusableView(
            f"view '{display}/{view}' cannot be what the model sees: {refusal}",
            hint="choose an SDR view of the config with --view DISPLAY/VIEW",
        )
    if refusal:
        pinned = pinned_config()
        display, view = _default_view(pinned)
        across = ocio_library.Config.GetProcessorFromConfigs
        forward = across(config, plate_space, pinned, display, view, _FORWARD)
        inverse = across(config, plate_space, pinned, display, view, _INVERSE)
        return Transfer(forward, inverse), (display, view, pinned.getName()), False
    compress = _is_aces_1(config, display, view) if gamut_compression is None else gamut_compression
    steps = ocio_library.GroupTransform()
    if compress:
        for step in _gamut_compression(plate_space):
            steps.appendTransform(step)
    steps.appendTransform(
        ocio_library.DisplayViewTransform(src=plate_space, display=display, view=view)
    )
    forward, inverse = config.getProcessor(steps), config.getProcessor(steps, _INVERSE)
    return Transfer(forward, inverse), (display, view, resolved.name), compress


@cache
def pinned_config() -> Any:
    """Return the built-in ACES 2.0 config."""
    return ocio_library.Config.CreateFromBuiltinConfig(PINNED_CONFIG.removeprefix("ocio://"))


def _default_view(config: Any) -> tuple[str, str]:
    display = config.getDefaultDisplay()
    return display, config.getDefaultView(display)


def _refusal(config: Any, display: str, view: str) -> str:
    """Say why a view cannot be an encoding; empty when it can."""
    if view not in config.getViews(display):
        return f"config '{config.getName()}' does not have it"
    name = config.getDisplayViewColorSpaceName(display, view)
    space = config.getColorSpace(display if name == "<USE_DISPLAY_NAME>" else name)
    if space is None or space.isData():
        return "it is raw data"
    encoding = space.getEncoding()
    # Older configs state no encoding, so names have to tell; an SDR transform on an HDR display is
    # an HDR signal all the same.
    words = f"{display} {view} {space.getName()}".lower()
    if encoding in ("hdr-video", "edr-video") or any(
        word in words for word in ("2084", "pq", "hlg", "hdr")
    ):
        return "it is an HDR signal"
    if encoding in ("scene-linear", "log", "data"):
        return f"its encoding is {encoding}, not a display"
    return ""


def _is_aces_1(config: Any, display: str, view: str) -> bool:
    return "ACES 1." in f"{view} {config.getDisplayViewTransformName(display, view)}"


def _gamut_compression(plate_space: str) -> tuple[Any, ...]:
    reference = "aces_interchange"
    return (
        ocio_library.ColorSpaceTransform(src=plate_space, dst=reference),
        ocio_library.BuiltinTransform("ACES-LMT - ACES 1.3 Reference Gamut Compression"),
        ocio_library.ColorSpaceTransform(src=reference, dst=plate_space),
    )


def _reinhard(linear: Float32) -> Float32:
    """Compress x / (1 + x), then the sRGB curve (IEC 61966-2-1)."""
    light = np.maximum(linear, 0.0)
    light = light / (1.0 + light)
    curve = 1.055 * np.power(light, 1.0 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, curve).astype(np.float32)


def _inverse_reinhard(code: Float32) -> Float32:
    light = np.where(code <= 0.04045, code / 12.92, np.power((code + 0.055) / 1.055, 2.4))
    # Code 1.0 means infinite light; the largest half is as far as a plate goes.
    light = np.minimum(light, 65504.0 / 65505.0)
    return (light / (1.0 - light)).astype(np.float32)
