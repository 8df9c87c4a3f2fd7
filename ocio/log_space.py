"""L: the log working space in which an edit is an exposure ratio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio_library

from ocio.config import OCIO_ERRORS, ResolvedConfig
from ocio.errors import BrokenConfig

Float32 = npt.NDArray[np.float32]

ROLE = "compositing_log"
ACESCCT = "ACEScct curve"


BAND_PIXELS = 1 << 15
"""Pixels converted at a time: what OCIO keeps beside them stays in a processor's cache."""


def apply(processor: Any, rgb: npt.ArrayLike) -> Float32:
    """Run a CPU processor over an array (..., 3); returns a new float32 array."""
    result = np.array(rgb, dtype=np.float32, order="C", copy=True)
    pixels = result.reshape(-1, 3)
    for start in range(0, len(pixels), BAND_PIXELS):
        processor.applyRGB(pixels[start : start + BAND_PIXELS])
    return result


@dataclass(frozen=True)
class LogSpace:
    """Plate values to log code and back, unclamped.

    Attributes
    ----------
    name : str
        For the report.
    stop : float
        One stop in code, measured from 1.0 to 2.0.
    """

    name: str
    stop: float
    _to_log: Any = field(repr=False)
    _from_log: Any = field(repr=False)

    def forward(self, rgb: npt.ArrayLike) -> Float32:
        """Return L of plate values (..., 3)."""
        return apply(self._to_log, rgb)

    def inverse(self, code: npt.ArrayLike) -> Float32:
        """Return plate values (..., 3) of log code."""
        return apply(self._from_log, code)


def log_space(resolved: ResolvedConfig, plate_space: str) -> LogSpace:
    """Choose L: the config's ``compositing_log`` where it is fit for it, else the ACEScct curve.

    Fit means per channel: finite, rising, and back within 1e-3 over -0.01 .. 1000.
    """
    config = resolved.config
    name = config.getCanonicalName(ROLE)
    if name:
        try:
            candidate = _space(
                str(name),
                config.getProcessor(plate_space, ROLE),
                config.getProcessor(ROLE, plate_space),
            )
        except OCIO_ERRORS as error:
            raise BrokenConfig(
                f"OCIO config '{resolved.name}' cannot reach its {ROLE} role: {error}",
                hint="check the files that the config refers to",
            ) from error
        if _is_fit(candidate):
            return candidate
    curve = _acescct_curve()
    inverse = ocio_library.TRANSFORM_DIR_INVERSE
    return _space(ACESCCT, config.getProcessor(curve), config.getProcessor(curve, inverse))


def _space(name: str, forward: Any, inverse: Any) -> LogSpace:
    to_log, from_log = forward.getDefaultCPUProcessor(), inverse.getDefaultCPUProcessor()
    one, two = apply(to_log, [[1.0] * 3, [2.0] * 3]).astype(np.float64)
    return LogSpace(name, float(np.mean(two - one)), to_log, from_log)


def _is_fit(space: LogSpace) -> bool:
    ramp = np.concatenate([np.linspace(-0.01, 0.02, 301), np.geomspace(0.021, 1000.0, 1000)])
    neutral = np.repeat(ramp[:, None], 3, axis=1)
    code = space.forward(neutral)
    back = space.inverse(code)
    if not (np.isfinite(code).all() and np.isfinite(back).all()):
        return False
    close = np.abs(back - neutral) <= 1e-3 * np.maximum(np.abs(neutral), 0.01)
    return bool((np.diff(code, axis=0) > 0).all() and close.all() and space.stop > 0)


def _acescct_curve() -> Any:
    """Return the curve alone, without a change of primaries (Academy S-2016-001, section 4.4)."""
    break_point = 0.0078125
    return ocio_library.LogCameraTransform(
        base=2.0,
        logSideSlope=[1 / 17.52] * 3,
        logSideOffset=[9.72 / 17.52] * 3,
        linSideSlope=[1.0] * 3,
        linSideOffset=[0.0] * 3,
        linSideBreak=[break_point] * 3,
        linearSlope=[10.5402377416545] * 3,
    )
