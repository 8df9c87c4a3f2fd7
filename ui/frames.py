"""Pictures of frames, kept decoded: what makes scrubbing and playing smooth.

Everything here belongs to the thread that draws. Asking the service and decoding happen in the
background; of what is asked for, only the newest wishes are ever begun.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from PySide6.QtCore import QByteArray, QDataStream, QIODevice
from PySide6.QtGui import QImage, QImageReader

from tokenflow.client import Client
from tokenflow.errors import ServiceMismatch
from ui.background import Runner, Ticket
from ui.observable import Event
from ui.pictures import Source

Asker: TypeAlias = Literal["viewer", "tries", "x_t"]
"""Who wishes for pictures, the most urgent first."""

Key: TypeAlias = tuple[Source, int, int | None, float | None]

MIB = 2**20
AT_ONCE = 3
"""Requests on their way at a time: the service decodes on as many cores at most."""


@dataclass(frozen=True)
class Wanted:
    """One picture of one frame.

    Attributes
    ----------
    width
        In pixels, as JPEG; None is the plate's own width, as PNG: every value as it is.
    gain
        How much a difference is amplified; None for everything else.
    """

    source: Source
    frame: int
    width: int | None
    gain: float | None = None

    @cached_property
    def key(self) -> Key:
        """What the picture is kept under: all that changes it, and nothing else of its source."""
        return bare(self.source), self.frame, self.width, self.gain

    def fetch(self, client: Client) -> QImage:
        """Ask for it and decode it; blocks."""
        picture: Literal["png", "jpg"] = "png" if self.width is None else "jpg"
        if self.gain is None:
            return decoded(self.source.fetch(client, self.frame, self.width, picture))
        job_id, what = self.source.job_id, self.source.what
        return decoded(
            client.frame(
                job_id, self.frame, what, width=self.width, gain=self.gain, picture=picture
            )
        )


class FrameCache:
    """Decoded pictures, the ones looked at last kept, as many as fit into `limit` bytes.

    Parameters
    ----------
    runner
        Does the asking and the decoding.
    client
        Gives the service's client; None while there is none: then nothing is asked for.
    limit
        Bytes of decoded pictures.

    Attributes
    ----------
    arrived
        Sent with each picture that is new here.
    failed
        Sent with each that could not be had; `error` has the reason, unless it may pass by itself.
    """

    def __init__(
        self,
        runner: Runner,
        client: Callable[[], Client | None],
        limit: int = 768 * MIB,
        at_once: int = AT_ONCE,
    ) -> None:
        self.arrived: Event[Wanted] = Event()
        self.failed: Event[Wanted] = Event()
        self.limit = limit
        self._runner, self._client, self._at_once = runner, client, at_once
        self._kept: OrderedDict[Key, QImage] = OrderedDict()
        self._bytes = 0
        self._wishes: dict[Asker, list[Wanted]] = {asker: [] for asker in get_args(Asker)}
        self._asked: dict[Key, Ticket] = {}
        self._errors: dict[Key, Exception] = {}

    @property
    def bytes(self) -> int:
        """How much is kept now."""
        return self._bytes

    @property
    def asked(self) -> int:
        """How many requests are on their way."""
        return len(self._asked)

    @property
    def can_ask(self) -> bool:
        """Whether there is a service to ask."""
        return self._client() is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way and nothing waits to be begun."""
        return not self._asked and not any(self._wishes.values())

    def find(self, wanted: Wanted) -> QImage | None:
        """Return a picture if it is here."""
        image = self._kept.get(wanted.key)
        if image is not None:
            self._kept.move_to_end(wanted.key)
        return image

    def find_like(self, wanted: Wanted, widths: Iterable[int | None]) -> QImage | None:
        """Return the same frame at the first of these widths that is here."""
        for width in widths:
            image = self.find(replace(wanted, width=width))
            if image is not None:
                return image
        return None

    def error(self, wanted: Wanted) -> Exception | None:
        """Return why a picture could not be had."""
        return self._errors.get(wanted.key)

    def ask(self, wanted: Sequence[Wanted], asker: Asker = "viewer") -> None:
        """Wish for pictures, the most urgent first, instead of all that this asker wished for.

        What is here, on its way or known not to be had is not asked for again. A wish that has not
        been begun when the next ones come is dropped.
        """
        self._wishes[asker] = list(reversed(wanted))
        self._begin()

    def forget(self, source: Source, frame: int | None = None) -> None:
        """Drop the pictures of a source, or of one frame of it: they have changed."""
        for key in [key for key in self._kept if _about(key, source, frame)]:
            self._bytes -= self._kept.pop(key).sizeInBytes()
        for key in [key for key in self._errors if _about(key, source, frame)]:
            del self._errors[key]
        for key in [key for key in self._asked if _about(key, source, frame)]:
            self._asked.pop(key).cancel()

    def forget_error(self, source: Source, frame: int) -> None:
        """Let a frame that could not be had be asked for again."""
        for key in [key for key in self._errors if _about(key, source, frame)]:
            del self._errors[key]

    def room(self, width: int, height: int) -> int:
        """Return how many pictures of this size fit."""
        return max(self.limit // (4 * max(width * height, 1)), 1)

    def close(self) -> None:
        """Drop everything and want nothing any more."""
        self._wishes = {asker: [] for asker in self._wishes}
        for ticket in self._asked.values():
            ticket.cancel()
        self._asked.clear()
        self._kept.clear()
        self._bytes = 0

    def _begin(self) -> None:
        """Ask for the most urgent wishes, as many as may be on their way."""
        client = self._client()
        while client is not None and len(self._asked) < self._at_once:
            wanted = self._next()
            if wanted is None:
                return
            self._start(wanted, client)

    def _next(self) -> Wanted | None:
        for wishes in self._wishes.values():
            while wishes:
                wanted = wishes.pop()
                key = wanted.key
                if not (key in self._kept or key in self._asked or key in self._errors):
                    return wanted
        return None

    def _start(self, wanted: Wanted, client: Client) -> None:
        def answer(image: QImage) -> None:
            self._asked.pop(wanted.key, None)
            self._keep(wanted, image)
            self._begin()
            self.arrived.send(wanted)

        def failed(error: Exception) -> None:
            self._asked.pop(wanted.key, None)
            if getattr(error, "retryable", False):
                # Nobody answers: the others would fail alike. Whoever looks asks again later.
                self._wishes = {asker: [] for asker in self._wishes}
            else:
                self._errors[wanted.key] = error
            self._begin()
            self.failed.send(wanted)

        self._asked[wanted.key] = self._runner.run(
            lambda: wanted.fetch(client), answer, failed, lane="pictures"
        )

    def _keep(self, wanted: Wanted, image: QImage) -> None:
        self._kept[wanted.key] = image
        self._bytes += image.sizeInBytes()
        # The newest stays even if it alone is too much: somebody is looking at it.
        while self._bytes > self.limit and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.sizeInBytes()


def decoded(content: bytes) -> QImage:
    """Decode a PNG or JPEG file to RGB32; may run in any thread.

    Raises
    ------
    ServiceMismatch
        It is no picture.
    """
    # The stream's own buffer knows nothing of Python. A QBuffer made here would ask Python at every
    # read whether somebody replaced it, also while Qt looks for the format under a lock of its own:
    # with another thread holding Python's lock and waiting for that one, both would wait for ever.
    stream = QDataStream(QByteArray(content))
    image = _read(stream.device())
    if image.isNull():
        raise ServiceMismatch("what the service sent for a frame is no picture")
    return image.convertToFormat(QImage.Format.Format_RGB32)


def _read(device: QIODevice) -> QImage:
    # A reader lets other Python threads run while it decodes; QImage.fromData holds them up.
    return QImageReader(device).read()


def prefetch_order(
    frames: Sequence[int], at: int, direction: int = 1, ahead: int = 48, behind: int = 8
) -> list[int]:
    """Return frames in the order in which they will be looked at.

    Parameters
    ----------
    frames
        What there is, ascending.
    at
        The playhead; it comes first, even where it is not among `frames`.
    direction
        1 forwards, -1 backwards; past the end the shot begins again.
    ahead, behind
        How many in the playing direction, and against it.
    """
    if not frames:
        return []
    count = len(frames)
    after = bisect_left(frames, at)
    near = [index for index in (after - 1, after) if 0 <= index < count]
    start = min(near, key=lambda index: abs(frames[index] - at))
    forward = [frames[(start + direction * step) % count] for step in range(1, ahead + 1)]
    backward = [frames[(start - direction * step) % count] for step in range(1, behind + 1)]
    # One look back for every four ahead: a scrub that turns round finds something there.
    mixed: list[int] = [frames[start]]
    for step in range(max(len(forward), len(backward) * 4)):
        mixed += forward[step : step + 1]
        if step % 4 == 3:
            mixed += backward[step // 4 : step // 4 + 1]
    return list(dict.fromkeys(mixed))


def bare(source: Source) -> Source:
    """Return the source without what changes none of its pictures."""
    if source.frames is None and not source.name:
        return source
    return replace(source, frames=None, name="")


def _about(key: Key, source: Source, frame: int | None) -> bool:
    # Pictures of earlier revisions are as stale as those of this one.
    same = replace(key[0], revision=0) == replace(bare(source), revision=0)
    return same and frame in (None, key[1])
