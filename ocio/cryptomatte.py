"""Cryptomatte: the matte of one object out of identifier and coverage channels.

Friedman and Jones, "Fully Automatic ID Mattes with Support for Motion Blur and Transparency",
SIGGRAPH 2015, and the Cryptomatte Specification 1.2.0: an object's identifier is the 32-bit
MurmurHash3 of its name, taken as the bits of a float; each pair of channels holds an identifier and
the share of the pixel that it covers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ocio.errors import MatteMismatch
from ocio.frame import Frame, Part

Float32 = npt.NDArray[np.float32]

_PAIRS = (("r", "g"), ("b", "a"), ("R", "G"), ("B", "A"), ("red", "green"), ("blue", "alpha"))


def cryptomatte(frame: Frame, layer: str, names: Sequence[str]) -> tuple[Part, Float32]:
    """Return the part that has a Cryptomatte layer, and the joint coverage of some objects.

    Parameters
    ----------
    layer : str
        For example ``CryptoObject``.
    names : sequence of str
        Objects.

    Returns
    -------
    part : Part
    coverage : (h, w) float32 in 0..1

    Raises
    ------
    MatteMismatch
        When there is no such layer. An object that the frame does not show has no coverage.
    """
    pairs = [(part, *pair) for part in frame.parts for pair in _pairs(part, layer)]
    if not pairs:
        raise MatteMismatch(
            f"'{frame.path.name}' has no Cryptomatte layer '{layer}'",
            hint="there are: " + (", ".join(_layers(frame)) or "none"),
            frame=frame.frame,
            path=frame.path,
        )
    wanted = np.array([object_id(name) for name in names], np.uint32)
    total = np.zeros(pairs[0][1].shape, np.float32)
    for _, identifier, coverage in pairs:
        hit = np.isin(np.ascontiguousarray(identifier).view(np.uint32), wanted)
        total += np.where(hit, coverage, np.float32(0.0))
    return pairs[0][0], np.clip(total, 0.0, 1.0)


def object_id(name: str) -> int:
    """Return the bits of an object's identifier; never those of a NaN, infinity or subnormal."""
    bits = _murmur3(name.encode())
    exponent = bits >> 23 & 255
    return bits ^ (1 << 23) if exponent in (0, 255) else bits


def _pairs(part: Part, layer: str) -> Iterator[tuple[Float32, Float32]]:
    channel = re.compile(re.escape(layer) + r"\d\d\.")
    prefixes = sorted({match[0] for name in part.channels if (match := channel.match(name))})
    for prefix in prefixes:
        for identifier, coverage in _PAIRS:
            one = part.channels.get(prefix + identifier)
            other = part.channels.get(prefix + coverage)
            # Identifiers are bits: stored as half they are lost.
            if one is not None and other is not None and one.dtype == np.float32:
                yield one, other.astype(np.float32)


def _layers(frame: Frame) -> list[str]:
    return sorted(
        {
            str(attribute.value)
            for part in frame.parts
            for name, attribute in part.attributes.items()
            if re.fullmatch(r"cryptomatte/[^/]+/name", name)
        }
    )


def _murmur3(data: bytes) -> int:
    """MurmurHash3_x86_32 with seed 0 (Appleby, public domain)."""
    mask, state = 0xFFFFFFFF, 0
    padded = data + bytes(-len(data) % 4)
    for start in range(0, len(padded), 4):
        block = int.from_bytes(padded[start : start + 4], "little") * 0xCC9E2D51 & mask
        state ^= _rotated(block, 15) * 0x1B873593 & mask
        if start + 4 <= len(data):
            state = (_rotated(state, 13) * 5 + 0xE6546B64) & mask
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & mask
    state = (state ^ state >> 13) * 0xC2B2AE35 & mask
    return state ^ state >> 16


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> 32 - by) & 0xFFFFFFFF
