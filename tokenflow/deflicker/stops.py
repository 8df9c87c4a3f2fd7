"""Pictures in stops, and the correction put back into scene-linear light."""

from __future__ import annotations

import numpy as np

from tokenflow.deflicker.settings import TOE
from tokenflow.deflicker.warp import Float32


def to_stops(picture: Float32) -> Float32:
    """Return ℓ(x) = log2(max(x, 0) + ε)."""
    light = np.maximum(picture, 0)
    light += TOE
    return np.log2(light, out=light)


def expose(picture: Float32, correction: Float32) -> Float32:
    """Expose a scene-linear picture by a correction in stops.

    max(E + (max(E, 0) + ε)(2^C - 1), min(E, 0)): the same as shifting ℓ(E) by C, but negatives
    survive, and what was not negative does not become so. Where C is 0 the sample is kept bit for
    bit, NaN, infinities and -0 among them.
    """
    # In place where it can be: at full resolution, memory costs more than arithmetic.
    with np.errstate(invalid="ignore", over="ignore"):
        exposed = np.exp2(correction)
        exposed -= 1
        light = np.maximum(picture, 0)
        light += TOE
        exposed *= light
        exposed += picture
        np.maximum(exposed, np.minimum(picture, 0, out=light), out=exposed)
    np.copyto(exposed, picture, where=correction == 0)
    return exposed
