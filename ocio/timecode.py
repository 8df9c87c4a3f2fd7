"""SMPTE timecode as EXR headers hold it: two 32-bit words, the first with the time in BCD."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ocio.header import Attribute

TIMECODE = "smpte:TimeCode"
_DROP_FRAME = 1 << 6
# Lowest bit and number of bits of frames, seconds, minutes and hours (SMPTE ST 12-1); the bits
# between them are flags.
_FIELDS = ((0, 6), (8, 7), (16, 7), (24, 6))


def timecode_at(frame: int, known: Mapping[int, Attribute], rate: Fraction) -> Attribute | None:
    """Return the timecode of a frame: its own, else that of the nearest neighbour, shifted.

    Parameters
    ----------
    known : mapping of frame to attribute
        Timecodes of the frames that have one.
    rate : Fraction
        Frames per second.
    """
    if frame in known or not known:
        return known.get(frame)
    nearest = min(known, key=lambda other: (abs(other - frame), other))
    time, user = known[nearest].value
    return Attribute("timecode", (shifted(int(time), frame - nearest, rate), int(user)))


def shifted(time: int, frames: int, rate: Fraction) -> int:
    """Return the time word moved by a number of frames; it wraps at 24 hours, flags stay."""
    base = round(rate)
    drop = 2 * base // 30 if time & _DROP_FRAME else 0
    day = 24 * 3600 * base - drop * (24 * 60 - 24 * 6)
    count = (_to_count(time, base, drop) + frames) % day
    return _from_count(count, base, drop) | _flags(time)


def _to_count(time: int, base: int, drop: int) -> int:
    frames, seconds, minutes, hours = (_decimal(time, *field) for field in _FIELDS)
    minutes += 60 * hours
    return (60 * minutes + seconds) * base + frames - drop * (minutes - minutes // 10)


def _from_count(count: int, base: int, drop: int) -> int:
    if drop:
        # Numbers 0 and 1 (0 to 3 at 60) are left out in every minute but each tenth.
        tens, rest = divmod(count, 600 * base - 9 * drop)
        minutes = max(0, rest - drop) // (60 * base - drop)
        count += drop * (9 * tens + minutes)
    seconds, frames = divmod(count, base)
    values = (frames, seconds % 60, seconds // 60 % 60, seconds // 3600)
    return sum(
        (value // 10 << 4 | value % 10) << low
        for value, (low, _) in zip(values, _FIELDS, strict=True)
    )


def _decimal(time: int, low: int, bits: int) -> int:
    field = time >> low & ((1 << bits) - 1)
    return 10 * (field >> 4) + (field & 15)


def _flags(time: int) -> int:
    digits = sum((1 << bits) - 1 << low for low, bits in _FIELDS)
    return time & ~digits & 0xFFFFFFFF
