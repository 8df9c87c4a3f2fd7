from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocio.header import Attribute
from ocio.timecode import shifted, timecode_at

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("time", "frames", "rate", "expected"),
    [
        (0x10203023, 1, Fraction(24), 0x10203100),
        (0x10203100, -1, Fraction(24), 0x10203023),
        (0x23595923, 1, Fraction(24), 0x00000000),
        (0x00000000, 90, Fraction(24000, 1001), 0x00000318),
        (0x00005929 | 1 << 6, 1, NTSC, 0x00010002 | 1 << 6),  # two numbers are dropped ...
        (0x00095929 | 1 << 6, 1, NTSC, 0x00100000 | 1 << 6),  # ... but not in the tenth minute
        (0x00010002 | 1 << 6, -1, NTSC, 0x00005929 | 1 << 6),
    ],
)
def test_a_timecode_moves_by_frames(time: int, frames: int, rate: Fraction, expected: int) -> None:
    assert f"{shifted(time, frames, rate):08x}" == f"{expected:08x}"


@given(st.integers(-5_000_000, 5_000_000), st.sampled_from([0, 1 << 6]))
def test_there_and_back_is_the_same_time(frames: int, drop: int) -> None:
    start = 0x01020304 | drop
    assert shifted(shifted(start, frames, NTSC), -frames, NTSC) == start


def test_flags_stay() -> None:
    flags = 1 << 7 | 1 << 15 | 1 << 31
    assert shifted(0x01020304 | flags, 1, Fraction(25)) == 0x01020305 | flags


def test_a_frame_without_a_timecode_takes_its_neighbours() -> None:
    known = {10: Attribute("timecode", (0x01000000, 7)), 20: Attribute("timecode", (0x02000000, 7))}
    assert timecode_at(10, known, Fraction(24)) == known[10]
    assert timecode_at(12, known, Fraction(24)) == Attribute("timecode", (0x01000002, 7))
    assert timecode_at(19, known, Fraction(24)) == Attribute("timecode", (0x01595923, 7))
    assert timecode_at(1, {}, Fraction(24)) is None
