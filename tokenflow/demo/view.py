"""The display-referred picture that the model sees of the demo world."""

from __future__ import annotations

from functools import cache

from ocio.config import resolve_config
from ocio.encoding import Encoding
from tokenflow.demo.world import Floats


@cache
def _encoding() -> Encoding:
    return Encoding.build(resolve_config(), "ACEScg")


def to_display(linear: Floats) -> Floats:
    """Return scene-linear ACEScg (h, w, 3) through the built-in config's SDR view, 0 to 1."""
    return _encoding().encode(linear)
