"""Micro-batches of one size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .keyframes import blocks


@dataclass(frozen=True)
class Batch:
    """Frames that go through the UNet together.

    Attributes
    ----------
    frames
        Absolute frame numbers, ascending.
    size
        Number of samples per part: `frames` filled up with the last one, so that kernels always see
        one shape.
    """

    frames: tuple[int, ...]
    size: int

    @property
    def padded(self) -> tuple[int, ...]:
        """The frames with the last one repeated up to `size`."""
        return self.frames + self.frames[-1:] * (self.size - len(self.frames))


def in_order(frames: Sequence[int], size: int) -> Iterator[Batch]:
    """Cut frames into batches one after the other."""
    for start in range(0, len(frames), size):
        yield Batch(tuple(frames[start : start + size]), size)


def around_keyframes(
    frames: Sequence[int], keyframes: Sequence[int], interval: int, limit: int
) -> Iterator[Batch]:
    """Cut the frames that are no keyframes into batches of whole blocks, or of parts of one block.

    Which frames share a batch follows from absolute frame numbers, and a batch needs the keyframes
    of its own and the two neighbouring blocks only.

    Parameters
    ----------
    interval
        Frames per block; each block has one keyframe.
    limit
        Frames per batch at most.
    """
    others = interval - 1
    if others == 0:
        return
    together = max(1, limit // others)
    size = min(limit, together * others)
    for members in blocks(frames, interval * together).values():
        yield from in_order(sorted(set(members).difference(keyframes)), size)
