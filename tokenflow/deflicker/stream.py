"""A shot filtered frame by frame, with a bounded window in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from tokenflow.deflicker.filter import Correction, Request, request
from tokenflow.deflicker.flow import FlowPair, PlateFlow
from tokenflow.deflicker.frame import Counts, Frame, Picture, prepare
from tokenflow.deflicker.settings import Settings
from tokenflow.deflicker.warp import Float32


@dataclass(frozen=True)
class Filtered:
    """A filtered frame.

    Attributes
    ----------
    frame : int
        Absolute number.
    edit : (h, w, 3) float32
        The corrected edit: stops in the form delta, otherwise scene-linear.
    counts : Counts
    dropped : tuple of int
        Neighbours that were taken for another shot.
    """

    frame: int
    edit: Float32
    counts: Counts
    dropped: tuple[int, ...]


def deflicker(
    frames: Iterable[int],
    shot: Sequence[int],
    read: Callable[[int], Picture],
    flow: PlateFlow,
    settings: Settings,
    *,
    workers: int = 2,
) -> Generator[Filtered, None, None]:
    """Filter frames of a shot.

    The result of a frame depends on the shot's frames within the window round it, and on nothing
    else: any cut of the shot into chunks gives the same bits.

    Parameters
    ----------
    frames
        Absolute numbers of the frames to filter; they come in ascending order.
    shot
        All frames of the shot, ascending. Neighbours are neighbours in this list, so a shot that
        has every second frame only is filtered too.
    read
        Gives the pictures of a frame; called once for each frame that is needed.
    flow
        Motion of the plate; an object of this shot's own.
    settings
    workers
        Neighbours that are looked at side by side; the result's bits do not depend on it.

    Raises
    ------
    ValueError
        If a frame is not in the shot, or the pictures differ in size.
    """
    place = {number: index for index, number in enumerate(shot)}
    window = _Window(read, flow, settings)
    radius = settings.strength.radius
    with ThreadPoolExecutor(workers) as pool:
        for number in sorted(frames):
            if number not in place:
                raise ValueError(f"frame {number} is not in the shot")
            index = place[number]
            around = shot[max(0, index - radius) : index + radius + 1]
            window.move_to(number, around)
            correction = Correction(window.frames[number], settings)
            dropped: list[int] = []
            neighbours = [other for other in around if other != number]
            for other, asked in window.requests(number, neighbours, pool, workers):
                if asked is None:
                    dropped.append(other)
                else:
                    correction.add(settings.strength.weight(place[other] - index), asked)
            counts = window.frames[number].counts
            yield Filtered(number, correction.applied(), counts, tuple(dropped))


class _Window:
    """The frames round the one that is filtered, and the motion between them."""

    def __init__(self, read: Callable[[int], Picture], flow: PlateFlow, settings: Settings) -> None:
        self.frames: dict[int, Frame] = {}
        self._pairs: dict[tuple[int, int], FlowPair] = {}
        self._read, self._flow, self._settings = read, flow, settings

    def move_to(self, frame: int, around: Sequence[int]) -> None:
        """Let go of what is no longer needed, and read what is new."""
        self.frames = {number: kept for number, kept in self.frames.items() if number in around}
        self._pairs = {
            (first, second): pair
            for (first, second), pair in self._pairs.items()
            if second >= frame and first in around
        }
        for number in around:
            if number not in self.frames:
                self.frames[number] = prepare(self._read(number), self._settings)

    def requests(
        self, number: int, neighbours: Sequence[int], pool: Executor, workers: int
    ) -> Iterator[tuple[int, Request | None]]:
        """Yield what each neighbour asks for, in their order; it is part of the result's bits.

        No more than `workers` are held at once: each is as large as a frame.
        """
        for start in range(0, len(neighbours), workers):
            group = neighbours[start : start + workers]
            yield from zip(
                group, pool.map(lambda other: self._request(number, other), group), strict=True
            )

    def _request(self, number: int, neighbour: int) -> Request | None:
        flow = self._flow_between(number, neighbour)
        return request(self.frames[number], self.frames[neighbour], flow, self._settings)

    def _flow_between(self, frame: int, neighbour: int) -> FlowPair:
        """Return the motion from a frame to a neighbour; each pair is computed once."""
        first, second = sorted((frame, neighbour))
        if (first, second) not in self._pairs:
            self._pairs[first, second] = self._flow.pair(first, second, self._plate)
        pair = self._pairs[first, second]
        return pair if frame == first else pair.reversed()

    def _plate(self, frame: int) -> Float32:
        return self.frames[frame].plate_low
