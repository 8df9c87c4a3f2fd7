"""Overlapping windows of frames, from absolute frame numbers alone.

The windows are not in the paper, whose clips have 8 to 16 frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Frames that the model sees together.

    Attributes
    ----------
    frames
        Absolute numbers, ascending.
    start, length, overlap
        Of the whole window in absolute numbers, of which the shot may have a part only.
    """

    frames: tuple[int, ...]
    start: int
    length: int
    overlap: int

    def triangle(self, frame: int) -> float:
        """Weight of the window in the gradient of a frame: most in its middle."""
        place = frame - self.start
        return float(min(place + 1, self.length - place))

    def ramp(self, frame: int) -> float:
        """Weight of the window in a frame's cross-fade: linear over what windows share."""
        place = frame - self.start
        return min(
            1.0, (place + 1) / (self.overlap + 1), (self.length - place) / (self.overlap + 1)
        )


def cut(frames: Sequence[int], length: int, overlap: int) -> tuple[Window, ...]:
    """Cut a shot into windows.

    A shot that fits is one window. Windows of a longer one start at multiples of ``length −
    overlap`` in absolute numbers; one whose part of the shot lies wholly inside its neighbour's is
    left out.

    Parameters
    ----------
    frames
        All frames of the *job*, ascending; gaps are allowed.
    """
    first, last = frames[0], frames[-1]
    if last - first < length:
        return (Window(tuple(frames), first, last - first + 1, 0),)
    stride = length - overlap
    # The first that reaches into the shot.
    begin = -((length - 1 - first) // stride)
    windows: list[Window] = []
    for number in range(begin, last // stride + 1):
        start = number * stride
        inside = tuple(frame for frame in frames if start <= frame < start + length)
        if not inside or (windows and set(inside) <= set(windows[-1].frames)):
            continue
        while windows and set(windows[-1].frames) <= set(inside):
            windows.pop()
        windows.append(Window(inside, start, length, overlap))
    return tuple(windows)
