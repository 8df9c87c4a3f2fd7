"""The shot: picked, inspected, its facts with where they come from, its thumbnails."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal, TypeAlias, get_args

from ocio.frame_range import FrameRange
from tokenflow.client import Client, Reading
from tokenflow.errors import ServiceUnreachable
from tokenflow.job import Color, Plate, Range
from ui.background import Latest
from ui.host import Host, HostPlate
from ui.observable import Value
from ui.presenters.service import ServicePresenter
from ui.presenters.shot_facts import Fact, Origin, ShotFacts, read_facts
from ui.presenters.thumbnails import ThumbnailStrip
from ui.presenters.trouble import Trouble, of_error, of_json

Missing: TypeAlias = Literal["error", "skip", "hold", "black"]
ShotCondition: TypeAlias = Literal["empty", "reading", "ready", "failed"]

DEFAULT_RATE = Fraction(24)

WAITING = Trouble("the shot cannot be read without the service", "It is read when one is there.")


class ShotPresenter:
    """The shot that is edited.

    Attributes
    ----------
    condition
        empty, reading, ready, failed.
    path
        What was picked: a pattern, a folder or a file.
    facts
        What it is, once inspected.
    trouble
        Why it cannot be used.
    colorspace, rate
        Facts that the artist may change; `set_colorspace`, `set_rate`.
    missing
        What the model sees in place of a missing frame.
    frames
        The frames that a render is about: what lies between in and out on disk.
    thumbnails
        At most fifteen, spread over the shot.
    """

    def __init__(self, service: ServicePresenter, host: Host) -> None:
        self.condition: Value[ShotCondition] = Value("empty")
        self.path = Value("")
        self.facts: Value[ShotFacts | None] = Value(None)
        self.trouble: Value[Trouble | None] = Value(None)
        self.colorspace = Value(Fact(""))
        self.rate: Value[Fraction] = Value(DEFAULT_RATE)
        self.rate_origin: Value[Origin] = Value("")
        self.missing: Value[Missing] = Value("error")
        self.frames = Value(FrameRange())
        self._strip = ThumbnailStrip(service)
        self.thumbnails = self._strip.pictures
        self._service = service
        self._host = host
        self._picked = HostPlate("")
        self._header: dict[str, Any] = {}
        self._chosen_space: str | None = None
        self._kept_range: FrameRange | None = None
        self._inspection = Latest(service.runner)
        self._unread = False
        self._client_seen = service.client.subscribe(self._connected)

    @property
    def can_pick_selection(self) -> bool:
        """Whether the host can say what is selected."""
        return "selection" in self._host.capabilities

    def pick_selection(self) -> None:
        """Take the sequence that is selected in the host."""
        plates = self._host.plates() if self.can_pick_selection else ()
        if plates:
            self.pick(plates[0])
            return
        self.trouble.set(Trouble("no sequence is selected", "Select a plate and try again."))

    def open(self, path: str) -> None:
        """Take a sequence by its path: a pattern, a folder or one of its files."""
        self.pick(HostPlate(path.strip()))

    def pick(self, plate: HostPlate) -> None:
        """Take a sequence that a host describes."""
        self._forget()
        self._picked = plate
        self.path.set(plate.path)
        if plate.missing is not None:
            self.missing.set(plate.missing)
        if not plate.path:
            self.condition.set("empty")
            return
        self.inspect()

    def inspect(self) -> None:
        """Read the shot again: names on disk, headers."""
        path = self.path.value
        if not path:
            return
        self._unread = self._service.client.value is None
        if self._unread:
            lost = self._service.state.value.condition in ("gone", "wrong_version")
            self.condition.set("failed" if lost else "reading")
            self.trouble.set(WAITING if lost else None)
            return
        self.condition.set("reading")
        self.trouble.set(None)
        # By the config alone: what the files say of their space is asked for, not what was chosen.
        reading = Reading(ocio=self.color_part().ocio)
        self._service.ask(
            lambda client: client.inspect(path, reading),
            self._inspected,
            self._failed,
            latest=self._inspection,
        )

    def set_colorspace(self, name: str | None) -> None:
        """Choose the plate's colour space; None leaves it to node, header and config."""
        self._chosen_space = name or None
        self._show_colour()
        if self.facts.value is not None:
            self._show_strip(self.facts.value)

    def set_rate(self, rate: Fraction | None) -> None:
        """Choose the rate in frames per second; None leaves it to header and host."""
        self._show_rate(rate)

    def set_missing(self, policy: Missing) -> None:
        """Choose what the model sees in place of a missing frame."""
        self.missing.set(policy)

    def set_in(self, frame: int) -> None:
        """Begin the range here."""
        self._set_range(frame, max(frame, self._last()))

    def set_out(self, frame: int) -> None:
        """End the range here."""
        self._set_range(min(frame, self._first()), frame)

    def set_range(self, first: int, last: int) -> None:
        """Choose the range; both ends belong to it."""
        self._set_range(min(first, last), max(first, last))

    def reset_range(self) -> None:
        """Take the whole shot."""
        facts = self.facts.value
        if facts is not None:
            self.frames.set(facts.frames)

    @property
    def whole_range(self) -> bool:
        """Whether the range is the whole shot."""
        facts = self.facts.value
        return facts is not None and self.frames.value == facts.frames

    def plate_part(self) -> Plate:
        """Return the plate as a job has it.

        Raises
        ------
        InvalidJob
            No shot is picked.
        """
        facts = self.facts.value
        return Plate(facts.pattern if facts else self.path.value)

    def color_part(self, encoding: str = "view") -> Color:
        """Return the colour management as a job has it: the host's, the artist's, the header's."""
        colour = self._host.colour()
        space = self._chosen_space
        if space is None and self._picked.explicit:
            space = self._picked.colorspace
        return Color(
            ocio=colour.config if colour else None,
            colorspace=space,
            view=colour.display_view if colour else None,
            encoding=encoding,  # type: ignore[arg-type]
        )

    @property
    def reading(self) -> Reading:
        """How pictures of the plate are read: by the config and space that a job would have."""
        color = self.color_part()
        return Reading(ocio=color.ocio, colorspace=color.colorspace)

    def range_part(self, frames: FrameRange | None = None) -> Range:
        """Return the range as a job has it."""
        return Range(
            frames if frames is not None else self.frames.value or None, self.missing.value
        )

    def save(self) -> dict[str, Any]:
        """Return what is kept of the shot between two sessions."""
        facts = self.facts.value
        if not self.path.value:
            return {}
        return {
            "path": self.path.value,
            "pattern": facts.pattern if facts else "",
            "colorspace": self._chosen_space,
            "rate": str(self.rate.value) if self.rate_origin.value == "you" else None,
            "missing": self.missing.value,
            "frames": None if facts is None or self.whole_range else str(self.frames.value),
        }

    def close(self) -> None:
        """Want no more answers."""
        self._client_seen.cancel()
        self._inspection.cancel()
        self._strip.clear()

    def restore(self, kept: dict[str, Any]) -> None:
        """Take what `save` gave."""
        facts = self.facts.value
        if not kept.get("path") or (facts is not None and facts.pattern != kept.get("pattern")):
            return
        if facts is None and self.path.value not in ("", kept["path"]):
            return
        if not self.path.value:
            self.open(str(kept["path"]))
        self._take_choices(kept)

    def _take_choices(self, kept: dict[str, Any]) -> None:
        self._chosen_space = kept.get("colorspace")
        if kept.get("rate"):
            self._show_rate(Fraction(str(kept["rate"])))
        if kept.get("missing") in get_args(Missing):
            self.missing.set(kept["missing"])
        self._kept_range = FrameRange.parse(kept["frames"]) if kept.get("frames") else None
        if self.facts.value is not None:
            self._show_colour()
            self._show_strip(self.facts.value)
            self.frames.set(self._first_range(self.facts.value))

    def _connected(self, client: Client | None) -> None:
        """Read a shot that was picked while no service was there."""
        if client is not None and self._unread:
            self.inspect()

    def _inspected(self, document: dict[str, Any]) -> None:
        self._unread = False
        self._header = document
        facts = read_facts(document, self._picked.name)
        self.facts.set(facts)
        self._show_colour()
        if self.rate_origin.value != "you":
            self._show_rate(None)
        self.frames.set(self._first_range(facts))
        self.condition.set("ready")
        self._strip.clear()  # files that were read anew may look otherwise
        self._show_strip(facts)

    def _failed(self, error: Exception) -> None:
        self._unread = isinstance(error, ServiceUnreachable)
        if self._unread and self._service.client.value is not None:
            self.inspect()  # it was lost, and found again before we heard of it
            return
        self.trouble.set(of_error(error))
        self.condition.set("failed")

    def _first_range(self, facts: ShotFacts) -> FrameRange:
        wished, self._kept_range = self._kept_range or self._picked.frames, None
        there = FrameRange.of(set(wished) & set(facts.frames)) if wished else FrameRange()
        return there or facts.frames

    def _forget(self) -> None:
        self._inspection.cancel()
        self._strip.clear()
        self._chosen_space, self._kept_range = None, None
        self._unread = False
        self._header = {}
        self.trouble.set(None)
        self.facts.set(None)
        self.colorspace.set(Fact(""))
        self.rate_origin.set("")
        self.frames.set(FrameRange())

    def _show_colour(self) -> None:
        """Say the colour space and who says so: the artist, the node, the header, in this order."""
        said = self._header.get("color") or {}
        if self._chosen_space:
            self.colorspace.set(Fact(self._chosen_space, "you"))
        elif self._picked.explicit and self._picked.colorspace:
            self.colorspace.set(Fact(self._picked.colorspace, "node"))
        elif said.get("colorspace"):
            self.colorspace.set(Fact(str(said["colorspace"]), "header"))
        else:
            why = of_json(said["error"]) if said.get("error") else None
            self.colorspace.set(Fact("", "", why.sentence if why else "nothing says it"))

    def _show_strip(self, facts: ShotFacts) -> None:
        self._strip.show(facts, self.reading, self.color_part().view)

    def _show_rate(self, chosen: Fraction | None) -> None:
        header = self._header.get("frame_rate")
        timeline = self._host.timeline()
        if chosen is not None and chosen > 0:
            self.rate.set(chosen)
            self.rate_origin.set("you")
        elif header:
            self.rate.set(Fraction(int(header[0]), int(header[1])))
            self.rate_origin.set("header")
        else:
            self.rate.set(timeline.fps if timeline else DEFAULT_RATE)
            self.rate_origin.set("node" if timeline else "")

    def _first(self) -> int:
        frames = self.frames.value
        return frames[0] if frames else 0

    def _last(self) -> int:
        frames = self.frames.value
        return frames[-1] if frames else 0

    def _set_range(self, first: int, last: int) -> None:
        facts = self.facts.value
        if facts is None:
            return
        there = FrameRange.of(frame for frame in facts.frames if first <= frame <= last)
        if there:
            self.frames.set(there)
