"""Frame ranges: the one parser of the product. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

from ocio.errors import InvalidFrameRange

MAX_FRAMES = 1_000_000
"""A longer range is a typing error, not a shot (at 24 fps it lasts eleven hours)."""

_CHUNK = re.compile(r"(-?\d+)(?:-(-?\d+)(?:[x:](\d+))?)?")


class FrameRange(Sequence[int]):
    """Sorted, unique frame numbers; immutable.

    Text form: ``1001-1050``, every second frame ``1001-1050x2`` (``:2`` is read as well), single
    frames, negative frames ``-8--5``, joined by commas. ``str()`` gives the canonical form, which
    parses back to an equal range.
    """

    __slots__ = ("_frames",)

    def __init__(self, frames: Iterable[int] = ()) -> None:
        self._frames: tuple[int, ...] = tuple(sorted(set(frames)))

    @classmethod
    def of(cls, frames: Iterable[int]) -> FrameRange:
        """Make a range of these frames, in any order."""
        return cls(frames)

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Read the text form.

        Raises
        ------
        InvalidFrameRange
            On anything that is not a range, and on a descending one.
        """
        frames: set[int] = set()
        for chunk in text.split(","):
            frames.update(_parse_chunk(chunk.strip(), text))
            if len(frames) > MAX_FRAMES:
                raise _too_long(text)
        return cls(frames)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> FrameRange: ...
    def __getitem__(self, index: int | slice) -> int | FrameRange:
        if isinstance(index, slice):
            return FrameRange(self._frames[index])
        return self._frames[index]

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameRange) and self._frames == other._frames

    def __hash__(self) -> int:
        return hash(self._frames)

    def __str__(self) -> str:
        return ",".join(_canonical_chunks(self._frames))

    def __repr__(self) -> str:
        return f"FrameRange.parse({str(self)!r})"


def _parse_chunk(chunk: str, text: str) -> range:
    match = _CHUNK.fullmatch(chunk)
    if match is None or not chunk.isascii():
        raise InvalidFrameRange(
            f"'{chunk}' in frame range '{text}' is not a frame or a range",
            hint="write for example 1001-1048x2,1060",
        )
    first = int(match[1])
    last = first if match[2] is None else int(match[2])
    step = 1 if match[3] is None else int(match[3])
    if step < 1:
        raise InvalidFrameRange(f"frame range '{chunk}' has a step of 0", hint="use 1 or more")
    if last < first:
        raise InvalidFrameRange(
            f"frame range '{chunk}' runs backwards", hint=f"write {last}-{first}"
        )
    if (last - first) // step >= MAX_FRAMES:
        raise _too_long(text)
    return range(first, last + 1, step)


def _too_long(text: str) -> InvalidFrameRange:
    return InvalidFrameRange(
        f"frame range '{text}' has more than {MAX_FRAMES} frames", hint="check the numbers"
    )


def _canonical_chunks(frames: tuple[int, ...]) -> Iterator[str]:
    """Yield the longest steady runs from the left; a pair counts as a run only when consecutive."""
    steps = [b - a for a, b in pairwise(frames)]
    index = 0
    while index < len(frames):
        end = index
        while end < len(steps) and steps[end] == steps[index]:
            end += 1
        first, last = frames[index], frames[end]
        step = steps[index] if end > index else 1
        if end == index or (end == index + 1 and step > 1):
            yield str(first)
            index += 1
            continue
        yield f"{first}-{last}" if step == 1 else f"{first}-{last}x{step}"
        index = end + 1
