"""What the deflicker pass can be told, and its fixed numbers with the reason for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Form = Literal["delta", "carried", "bare"]
"""What is filtered.

delta
    The edit as a log difference in stops, before the merge.
carried
    A finished picture that holds the plate's grain.
bare
    A finished picture without the plate's grain.
"""

TOE = np.float32(2**-8)
"""ε: added before logarithms, so that noise in the blacks does not dominate."""

WIDTH = 320
"""Width that radii are given for, in pixels; they scale with the full format."""

GLOBAL_FILL, GAIN_FILLS = 12.0, (4.0, 2.0)
"""Blurs of the gain, coarse to fine. The first alone is the gain of the mode `gain_only`."""

PLATE_TERM_BLUR = 6.0
"""Of the plate's own change in the form `bare`."""

MATCH_BLUR, MATCH_STOPS = 1.0, 0.1
"""A plate that differs by so many stops over so many pixels is not the same thing."""

OUTLIER_BLUR, OUTLIER_STOPS = 1.0, 0.25
"""An excess that leaves the gain round it by so many stops is a wrong match, not flicker."""

CONTRAST_STOPS = 4.0
"""Where a picture changes by so many stops within nine pixels, detail is not looked at."""

PAIR_STOPS, PAIR_SHARE = 0.25, 0.15
"""Less than this share of the frame matched, more generously: another shot."""

LIMIT, DIFFERENCE_LIMIT = 0.5, 1.0
"""τ: most that a neighbour may ask for, in stops; of a picture, and of a difference."""


@dataclass(frozen=True)
class Strength:
    """A temporal window: neighbours up to `radius` frames away, Gaussian of `sigma` frames."""

    radius: int
    sigma: float

    def weight(self, distance: int) -> float:
        """Return g of a neighbour so many frames away; the frame itself counts 1."""
        return float(np.exp(-(distance**2) / (2 * self.sigma**2)))


STRENGTHS = {
    "light": Strength(2, 1.4),
    "normal": Strength(3, 2.0),
    "strong": Strength(5, 4.0),
}


@dataclass(frozen=True)
class Settings:
    """How a shot is filtered.

    Attributes
    ----------
    form : Form
    strength : Strength
        One of `STRENGTHS`.
    gain_only : bool
        Correct only a smooth gain: no blur and no ghost is possible, texture shimmer stays.
    limit : float
        τ, in stops; 0 changes nothing.
    full_width : int, optional
        Width of the full format in pixels of the pictures that are filtered; default: their own.
        For pictures of a region of interest, so that radii do not depend on the region.
    """

    form: Form
    strength: Strength = STRENGTHS["normal"]
    gain_only: bool = False
    limit: float = LIMIT
    full_width: int | None = None

    @property
    def guarded(self) -> bool:
        """Whether detail is held back where the signal has contrast of its own.

        A picture has, at every edge, and a wrong match shows as an excess there. In a difference
        from the plate edges cancel: what is left at them is mostly error (decision 14).
        """
        return self.form == "bare"


GAIN_ONLY = "gain-only"
"""The name of what corrects only a smooth gain, in the window of `normal`."""


def settings_named(name: str, form: Form, full_width: int | None = None) -> Settings:
    """Return the settings of a name of `STRENGTHS`, or of `GAIN_ONLY`."""
    gain_only = name == GAIN_ONLY
    strength = STRENGTHS["normal" if gain_only else name]
    limit = LIMIT if form == "bare" else DIFFERENCE_LIMIT
    return Settings(form, strength, gain_only=gain_only, limit=limit, full_width=full_width)
