"""Encodings: what the model sees of a plate, and the way back. Both ways in one object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio_library

from ocio.config import OCIO_ERRORS, ResolvedConfig
from ocio.errors import BrokenConfig, NonFiniteResult, UnusableView
from ocio.guard import GAIN_END, GAIN_START, HighlightGuard, guard_levels
from ocio.log_space import LogSpace, apply, log_space
from ocio.transfer import KINDS, Kind, Transfer, build_transfer, pinned_config

Float32 = npt.NDArray[np.float32]

CODE_ERROR = 0.01
"""Error of a model, in code, for which the gain is given."""


@dataclass(frozen=True)
class EncodingReport:
    """What an encoding keeps, measured when it is built.

    Attributes
    ----------
    darkest, brightest : float
        Neutral light that comes back within 1 % (or 1e-4).
    outside_percent : float
        Share of random AP1 colours (uniform, times an exposure of 2^-8 .. 2^5) that do not fit into
        0..1.
    round_trip_percent : float
        Share of the same colours that come back within 1 % (or 1e-4).
    gain_percent : mapping of light to percent
        Change of light for an error of 0.01 code.
    """

    darkest: float
    brightest: float
    outside_percent: float
    round_trip_percent: float
    gain_percent: dict[float, float]


@dataclass(frozen=True)
class Encoding:
    """Plate to display-referred picture and back, with the log space and guard of the merge.

    Attributes
    ----------
    kind : {"view", "log", "logc3", "logc4", "reinhard"}
    plate_space : str
    view : tuple of str, optional
        (display, view) of kind ``view``, followed by the config they belong to.
    gamut_compression : bool
        ACES Reference Gamut Compression comes before the view.
    log : LogSpace
        L of the merge.
    guard : HighlightGuard, optional
        G of the merge; None where it is the identity.
    """

    kind: Kind
    plate_space: str
    view: tuple[str, str, str] | None
    gamut_compression: bool
    log: LogSpace
    guard: HighlightGuard | None
    report: EncodingReport
    _transfer: Transfer = field(repr=False)

    @classmethod
    def build(
        cls,
        resolved: ResolvedConfig,
        plate_space: str,
        kind: Kind = "view",
        display_view: tuple[str, str] | None = None,
        *,
        gamut_compression: bool | None = None,
        guard_gains: tuple[float, float] = (GAIN_START, GAIN_END),
    ) -> Encoding:
        """Build an encoding and check it on a ramp of neutral light.

        Parameters
        ----------
        display_view : (display, view), optional
            For kind ``view``. Default: the config's own where it is an SDR view, else that of the
            pinned ACES 2.0 config.
        gamut_compression : bool, optional
            Default: with ACES 1.x views, which do not invert for wide colours.
        guard_gains : (float, float)
            Gain at which the highlight guard begins, and from which it is flat.

        Raises
        ------
        UnusableView
            When the view is HDR or raw, does not invert, or is not monotonic.
        BrokenConfig
            When the config has not what is needed.
        """
        try:
            transfer, view, compressed = build_transfer(
                resolved, plate_space, kind, display_view, gamut_compression
            )
        except OCIO_ERRORS as error:
            raise BrokenConfig(
                f"OCIO config '{resolved.name}' cannot make encoding '{kind}': {error}",
                hint="check its roles and the files that it refers to",
            ) from error
        log = log_space(resolved, plate_space)
        levels, gain = _check_ramp(transfer, kind, view)
        found = guard_levels(levels, gain, guard_gains) if kind in ("view", "reinhard") else None
        guard = None if found is None else _guard(log, *found)
        report = _measure(transfer, resolved, plate_space, levels, gain)
        return cls(kind, plate_space, view, compressed, log, guard, report, transfer)

    def encode(self, linear: npt.ArrayLike) -> Float32:
        """Return the picture the model sees, (h, w, 3) in 0..1, of finite plate values."""
        return np.clip(self._transfer.forward(linear), 0.0, 1.0)

    def encode_counted(self, linear: npt.ArrayLike) -> tuple[Float32, float]:
        """Return `encode` and the percentage of pixels whose colour does not fit into 0..1."""
        code = self._transfer.forward(linear)
        outside = _outside(code, np.asarray(linear))
        return np.clip(code, 0.0, 1.0), 100.0 * float(outside.mean()) if outside.size else 0.0

    def decode(self, display: npt.ArrayLike) -> Float32:
        """Return plate values of a picture; code outside 0..1 is clipped first.

        Raises
        ------
        NonFiniteResult
        """
        linear = self._transfer.inverse(np.clip(display, 0.0, 1.0))
        if not np.isfinite(linear).all():
            raise NonFiniteResult("decoding a picture gave values that are not finite")
        return linear

    @property
    def name(self) -> str:
        """The encoding in words, for log and report."""
        return self.kind if self.view is None else f"view {self.view[0]} / {self.view[1]}"


def _check_ramp(
    transfer: Transfer, kind: Kind, view: tuple[str, str, str] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return (levels, gain) of neutral light, or refuse the encoding."""
    what = kind if view is None else f"{view[0]}/{view[1]}"
    hint = "choose another view or encoding"
    levels = np.concatenate([np.linspace(-0.05, 0.001, 52), np.geomspace(0.0011, 65504.0, 2500)])
    neutral = np.repeat(levels[:, None], 3, axis=1)
    try:
        code = transfer.forward(neutral)
        gains = [_gain(transfer, neutral, code, error) for error in (CODE_ERROR, -CODE_ERROR)]
    except OCIO_ERRORS as error:
        raise UnusableView(f"'{what}' cannot be inverted: {error}", hint=hint) from error
    if not np.isfinite(code).all():
        raise UnusableView(f"'{what}' gives values that are not finite", hint=hint)
    if (np.diff(code, axis=0) < -1e-4).any() or code[-1].min() - code[0].max() < 0.1:
        raise UnusableView(f"'{what}' does not rise with the light", hint=hint)
    # An error upwards is lost where the code clips; there the one downwards tells the gain.
    return levels, np.where(code.max(axis=1) + CODE_ERROR <= 1.0, gains[0], np.maximum(*gains))


def _gain(
    transfer: Transfer, neutral: npt.NDArray[np.float64], code: Float32, error: float
) -> npt.NDArray[np.float64]:
    there = transfer.inverse(np.clip(code + error, 0.0, 1.0))
    floor = np.maximum(np.abs(neutral), 1e-6)
    return np.asarray((np.abs(there - neutral) / floor).max(axis=1), np.float64)


def _guard(log: LogSpace, start_level: float, end_level: float) -> HighlightGuard:
    start, end = log.forward([[start_level] * 3, [end_level] * 3]).tolist()
    return HighlightGuard(tuple(start), tuple(end), start_level, end_level)


def _measure(
    transfer: Transfer,
    resolved: ResolvedConfig,
    plate_space: str,
    levels: npt.NDArray[np.float64],
    gain: npt.NDArray[np.float64],
) -> EncodingReport:
    neutral = np.repeat(levels[:, None], 3, axis=1)
    kept = _comes_back(transfer, neutral)
    middle = int(np.searchsorted(levels, 0.18))
    low = middle - int(np.argmax(~kept[middle::-1])) + 1 if not kept[: middle + 1].all() else 0
    high = (
        middle + int(np.argmax(~kept[middle:])) - 1 if not kept[middle:].all() else len(levels) - 1
    )
    colours = _random_colours(resolved, plate_space)
    code = transfer.forward(colours)
    outside = _outside(code, colours)
    return EncodingReport(
        darkest=float(levels[low]),
        brightest=float(levels[high]),
        outside_percent=100.0 * float(outside.mean()),
        round_trip_percent=100.0 * float(_comes_back(transfer, colours).mean()),
        gain_percent={
            level: 100.0 * float(np.interp(level, levels, gain))
            for level in (0.18, 1.0, 4.0, 16.0, 32.0)
        },
    )


def _comes_back(transfer: Transfer, rgb: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    back = transfer.inverse(np.clip(transfer.forward(rgb), 0.0, 1.0))
    error = np.abs(back - rgb)
    return np.asarray((error <= np.maximum(0.01 * np.abs(rgb), 1e-4)).all(axis=-1))


def _outside(code: Float32, linear: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Find pixels on or beyond the faces of the code cube: some views clamp there themselves."""
    on_face = ((code <= 0.0) | (code >= 1.0)).any(axis=-1)
    return np.asarray(on_face & (linear != 0.0).any(axis=-1))


def _random_colours(resolved: ResolvedConfig, plate_space: str) -> Float32:
    random = np.random.default_rng(1)
    exposure = 2.0 ** random.uniform(-8.0, 5.0, (20_000, 1))
    colours = exposure * random.uniform(0.0, 1.0, (20_000, 3))
    across = ocio_library.Config.GetProcessorFromConfigs
    try:
        to_plate = across(pinned_config(), "ACEScg", resolved.config, plate_space)
    except OCIO_ERRORS:
        # A config without an interchange role has no AP1; its own primaries stand in.
        return colours.astype(np.float32)
    return apply(to_plate.getDefaultCPUProcessor(), colours)


__all__ = ["KINDS", "Encoding", "EncodingReport", "Kind"]
