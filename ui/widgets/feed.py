"""What the viewer puts on its canvas, and which pictures it asks for next.

The picture at the playhead comes first, then those that will be looked at soonest. While the
playhead moves, pictures are as wide as the screen needs them; once it rests, the frame is asked for
as it is, if every pixel of it is in sight.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

from PySide6.QtGui import QImage

from ocio.errors import MissingFrames
from tokenflow.errors import ServiceMismatch
from ui.frames import FrameCache, Wanted, bare, decoded, prefetch_order
from ui.pictures import WIDTHS, Source, width_for
from ui.presenters.viewer import ViewerPresenter
from ui.widgets.canvas_drawing import Shown

MOST_AHEAD = 160
SHARE_AHEAD = 0.7
"""Of the cache that may be filled ahead of the playhead; the rest remembers where it was."""


class Feed:
    """Between a viewer and the picture cache.

    Attributes
    ----------
    pixels
        How wide a picture of the whole plate is on the screen.
    resting
        Whether the playhead has stood still for a moment.
    """

    def __init__(self, presenter: ViewerPresenter, cache: FrameCache) -> None:
        self.pixels = WIDTHS[0]
        self.resting = False
        self._presenter = presenter
        self._cache = cache
        self._last: dict[Source, tuple[int, QImage]] = {}

    @property
    def plate(self) -> tuple[int, int]:
        """Width and height of the plate; some shape while there is none."""
        facts = self._presenter.shot.facts.value
        return (facts.width, facts.height) if facts is not None else (16, 9)

    @property
    def moving_width(self) -> int:
        """How wide pictures are while the playhead moves."""
        return width_for(min(self.pixels, self.plate[0]))

    @property
    def own_width(self) -> bool:
        """Whether the screen has a pixel for every one of the plate."""
        return self.pixels >= self.plate[0] or self.pixels > WIDTHS[-1]

    def ask_now(self) -> None:
        """Wish for what is shown and not here; the rest can wait until the hand rests a little."""
        missing = [
            wanted
            for source in self._presenter.shown.value
            for wanted in (self._wanted(source, self._presenter.frame.value),)
            if has(source, wanted.frame) and self._best(wanted) is None
        ]
        if missing:
            self._cache.ask(missing)

    def ask(self) -> None:
        """Wish for what is shown, and for what will be looked at next."""
        presenter = self._presenter
        frame = presenter.frame.value
        shown = [(bare(source), _known(source)) for source in presenter.shown.value]
        wishes = [self._wanted(source, frame) for source, known in shown if _in(known, frame)]
        if self.own_width and self.resting and not presenter.playing.value:
            # Where the frame is here already, narrow or exact, nothing has to come before it.
            exact = [replace(wish, width=None) for wish in wishes]
            wishes = [wish for wish in wishes if self._best(wish) is None] + exact
        # The side that a held key shows, so that it is there at once.
        both = (presenter.plate.value, presenter.edit.value)
        others = [side for side in both if side is not None and side not in presenter.shown.value]
        wishes += [self._wanted(side, frame) for side in others if has(side, frame)]
        direction = -1 if presenter.playing.value < 0 else 1
        order = prefetch_order(presenter.frames.value, frame, direction, self._ahead())
        for each in order[1:]:
            wishes += [self._wanted(source, each) for source, known in shown if _in(known, each)]
        self._cache.ask(wishes)

    def ready(self, frame: int) -> bool:
        """Whether all that is shown of a frame is here, or will not come."""
        return all(
            not has(source, frame)
            or self._best(wanted) is not None
            or self._cache.error(wanted) is not None
            for source in self._presenter.shown.value
            for wanted in (self._wanted(source, frame),)
        )

    @property
    def whole(self) -> bool:
        """Whether there is nothing at the playhead that is still waited for."""
        frame = self._presenter.frame.value
        return all(
            not has(source, frame) or self._best(self._wanted(source, frame)) is not None
            for source in self._presenter.shown.value
        )

    def pictures(self) -> list[Shown]:
        """Return what is to be seen now, one for each source."""
        return [self._shown(source) for source in self._presenter.shown.value]

    def exact(self) -> bool:
        """Whether the values of what is seen are those of the service, not of a JPEG."""
        frame = self._presenter.frame.value
        sources = self._presenter.shown.value
        return bool(sources) and all(
            self._cache.find(replace(self._wanted(source, frame), width=None)) is not None
            for source in sources
        )

    def _wanted(self, source: Source, frame: int) -> Wanted:
        gain = self._presenter.gain.value if source.what == "difference" else None
        return Wanted(source, frame, self.moving_width, gain)

    def _shown(self, source: Source) -> Shown:
        frame = self._presenter.frame.value
        name = label(source)
        if not has(source, frame):
            self._last.pop(source, None)
            return Shown(None, name, why_not(source, frame))
        wanted = self._wanted(source, frame)
        image = self._best(wanted)
        if image is not None:
            self._last = {
                kept: last
                for kept, last in self._last.items()
                if kept in self._presenter.shown.value
            }
            self._last[source] = (frame, image)
            return Shown(image, f"{name} · {frame}")
        error = self._cache.error(wanted)
        if error is not None:
            unwritten = source.job_id and isinstance(error, MissingFrames)
            return Shown(None, name, why_not(source, frame) if unwritten else str(error))
        coming = f"{frame} is coming" if self._cache.can_ask else f"{frame} waits for the service"
        if source in self._last:
            # The frame before stays until this one is here; it says which one it is.
            before, image = self._last[source]
            return Shown(image, f"{name} · {before}, {coming}")
        return Shown(None, name, f"Frame {coming}.")

    def _best(self, wanted: Wanted) -> QImage | None:
        """Return the frame as sharp as it is here: exact, as wide as needed, wider, narrower."""
        wider = [width for width in WIDTHS if width > (wanted.width or 0)]
        narrower = [width for width in reversed(WIDTHS) if width < (wanted.width or 0)]
        exact = [None] if self.own_width else []
        widths = [*exact, wanted.width, *wider, *([] if exact else [None]), *narrower]
        return self._cache.find_like(wanted, widths)

    def _ahead(self) -> int:
        width, height = self.plate
        wide = min(self.moving_width, width)
        sides = max(len(self._presenter.shown.value), 1)
        room = self._cache.room(wide, wide * height // max(width, 1))
        return min(int(SHARE_AHEAD * room) // sides, MOST_AHEAD)


def has(source: Source, frame: int) -> bool:
    """Whether a source has a frame, as far as anybody knows."""
    frames = source.frames
    if frames is None:
        return True
    index = bisect_left(frames, frame)  # they are sorted
    return index < len(frames) and frames[index] == frame


def _known(source: Source) -> frozenset[int] | None:
    return None if source.frames is None else frozenset(source.frames)


def _in(known: frozenset[int] | None, frame: int) -> bool:
    return known is None or frame in known


def label(source: Source) -> str:
    """Return what a source is called on the canvas."""
    name = source.name or source.what
    # A version keeps its name as it is written on disk: v003.
    return name[:1].upper() + name[1:] if name.split()[0].isalpha() else name


def why_not(source: Source, frame: int) -> str:
    """Say why a source has no picture of a frame."""
    if not source.job_id:
        return f"Frame {frame} is missing on disk."
    if source.frames is not None and 0 < len(source.frames) <= 8:
        known = ", ".join(str(each) for each in source.frames)
        return f"Frame {frame} was not edited; there are {known}."
    return f"Frame {frame} is not rendered yet."


def preview_image(png: bytes) -> QImage | None:
    """Decode the small picture that a running job sends; None if it is none."""
    try:
        return decoded(png)
    except ServiceMismatch:
        return None
