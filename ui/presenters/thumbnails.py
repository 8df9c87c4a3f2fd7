"""The strip of small pictures of a shot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from ocio.frame_range import FrameRange
from tokenflow.client import Client, Reading
from ui.background import Ticket
from ui.observable import Value
from ui.presenters.service import ServicePresenter
from ui.presenters.shot_facts import ShotFacts

THUMBNAILS = 15
THUMBNAIL_WIDTH = 96


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of a frame: PNG or JPEG bytes; None until it came, or for a hole."""

    frame: int
    missing: bool = False
    picture: bytes | None = None


class ThumbnailStrip:
    """Fetches the pictures of a strip, in the lane of pictures.

    Attributes
    ----------
    pictures
        At most fifteen, spread over the shot; a hole has none.
    """

    def __init__(self, service: ServicePresenter) -> None:
        self.pictures: Value[tuple[Thumbnail, ...]] = Value(())
        self._service = service
        self._asked: list[Ticket] = []
        self._shown: tuple[ShotFacts, Reading, str | None] | None = None

    def show(self, facts: ShotFacts, reading: Reading, view: str | None) -> None:
        """Show a shot through a view, ``DISPLAY/VIEW``; None is the default."""
        shown = (facts, reading, view)
        if shown == self._shown:
            return
        self.clear()
        self._shown = shown
        holes = set(facts.missing)
        picked = [
            Thumbnail(frame, frame in holes) for frame in spread_over(facts.whole, THUMBNAILS)
        ]
        self.pictures.set(tuple(picked))
        for each in picked:
            if not each.missing:
                where = (facts.pattern, each.frame, reading, view)
                fetch = partial(_fetch, where=where)
                came = partial(self._came, each.frame)
                ticket = self._service.ask(fetch, came, self._unreadable, lane="pictures")
                self._asked.append(ticket)

    def clear(self) -> None:
        """Show nothing, and want no more answers."""
        asked, self._asked = self._asked, []
        for ticket in asked:
            ticket.cancel()
        self._shown = None
        self.pictures.set(())

    def _came(self, frame: int, picture: bytes) -> None:
        self.pictures.set(
            tuple(
                replace(each, picture=picture) if each.frame == frame else each
                for each in self.pictures.value
            )
        )

    def _unreadable(self, _: Exception) -> None:
        """Leave the place empty: the frame's own trouble is told where it is looked at."""


def _fetch(client: Client, where: tuple[str, int, Reading, str | None]) -> bytes:
    path, frame, reading, view = where
    return client.plate_frame(path, frame, reading, view=view, width=THUMBNAIL_WIDTH, picture="jpg")


def spread_over(frames: FrameRange, count: int) -> FrameRange:
    """Pick `count` frames spread evenly, the first and the last among them."""
    if len(frames) <= count:
        return frames
    if count == 1:
        return FrameRange.of([frames[len(frames) // 2]])
    last = len(frames) - 1
    return FrameRange.of(frames[round(index * last / (count - 1))] for index in range(count))
