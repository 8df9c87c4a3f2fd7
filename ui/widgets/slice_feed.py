"""Fills the x-t slice with the columns of frames, from the cache and as they arrive."""

from __future__ import annotations

from ui.frames import FrameCache, Wanted, bare, prefetch_order
from ui.pictures import Source
from ui.presenters.viewer import Line, ViewerPresenter
from ui.widgets.bonds import Bonds
from ui.widgets.feed import has, label
from ui.widgets.x_t import XTView, window

WIDTH = 640
"""Of the pictures that columns are cut from: the same for all, so that no edge of a column is an
artefact of two widths."""


class SliceFeed:
    """Between a viewer, the picture cache and an x-t view.

    The rows are what the viewer compares: plate above edit, or one version above another.
    """

    def __init__(self, presenter: ViewerPresenter, cache: FrameCache, view: XTView) -> None:
        self._presenter, self._cache, self._view = presenter, cache, view
        self._sources: tuple[Source, ...] = ()
        self.bonds = bonds = Bonds(view)
        for value in (presenter.plate, presenter.edit):
            bonds.add(value.subscribe(lambda _: self.ask()))
        bonds.add(presenter.frames.subscribe(lambda _: self.ask()))
        bonds.bind(presenter.slice_line, lambda _: self.ask())
        bonds.add(cache.arrived.subscribe(self._arrived))

    def ask(self) -> None:
        """Fill in what is here and wish for the rest, from the playhead outwards."""
        line = self._presenter.slice_line.value
        facts = self._presenter.shot.facts.value
        if line is None or facts is None:
            self._cache.ask([], "x_t")
            self._view.show_line(None, (16, 9), [], [])
            return
        both = (self._presenter.plate.value, self._presenter.edit.value)
        self._sources = tuple(source for source in both if source is not None)
        frames = window(self._presenter.frames.value, self._presenter.frame.value)
        names = [label(source) for source in self._sources]
        keys = [Wanted(source, 0, WIDTH).key for source in self._sources]
        plate = (facts.width, facts.height)
        self._view.show_line(_in_pixels(line, plate), plate, frames, names, keys)
        self._cache.ask(self._wishes(frames), "x_t")

    def _wishes(self, frames: list[int]) -> list[Wanted]:
        order = prefetch_order(frames, self._presenter.frame.value, 1, len(frames), len(frames))
        wishes = []
        missing = [set(self._view.missing(row)) for row in range(len(self._sources))]
        keys = [bare(source) for source in self._sources]
        for frame in order:
            for row, source in enumerate(self._sources):
                if frame not in missing[row] or not has(source, frame):
                    continue
                wanted = Wanted(keys[row], frame, WIDTH)
                image = self._cache.find(wanted)
                if image is None:
                    wishes.append(wanted)
                else:
                    self._view.put(row, frame, image)
        return wishes

    def _arrived(self, wanted: Wanted) -> None:
        if self._presenter.slice_line.value is None or wanted.width != WIDTH:
            return
        for row, source in enumerate(self._sources):
            if bare(wanted.source) == bare(source):
                image = self._cache.find(wanted)
                if image is not None:
                    self._view.put(row, wanted.frame, image)


def _in_pixels(
    line: Line, plate: tuple[int, int]
) -> tuple[tuple[float, float], tuple[float, float]]:
    width, height = plate
    return (line.x1 * width, line.y1 * height), (line.x2 * width, line.y2 * height)
