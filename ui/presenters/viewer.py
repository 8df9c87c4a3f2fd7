"""The viewer: which pictures, how they are compared, where the play-head is."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from ocio.frame_range import FrameRange
from tokenflow.client import What
from ui.observable import Subscriptions, Value
from ui.pictures import Source
from ui.presenters.shot import ShotPresenter
from ui.presenters.shot_facts import Fact, ShotFacts

Compare: TypeAlias = Literal["single", "wipe", "side"]
Zoom: TypeAlias = Literal["fit", "free"]

SPEEDS = (1, 2, 4, 8)
"""Times the shot's rate; J and L pressed again go to the next."""

EXPOSURES = (-8.0, 8.0)  # stops
GAMMAS = (0.2, 4.0)
GAINS = (1.0, 64.0)


@dataclass(frozen=True)
class Line:
    """A line across the picture, in shares of its width and height, 0 to 1 from the top left."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class PreviewPicture:
    """What a frame that is not written yet will roughly look like; `png` is a small PNG file."""

    frame: int
    png: bytes


@dataclass(frozen=True)
class Pixel:
    """The pixel under the pointer, and the display values of what is shown there, 0 to 255."""

    x: int
    y: int
    values: tuple[tuple[int, int, int], ...]


class ViewerPresenter:
    """What the viewer shows.

    Attributes
    ----------
    plate, edit
        The two sides that are compared: the shot, and the job, try or version. None without.
    what
        Which of the job's pictures is shown.
    compare
        One picture, a wipe of plate and edit, or both side by side.
    shown
        The sources to draw: one, or two for wipe and side by side; empty without a shot.
    wipe
        Where the wipe stands, as a share of the width.
    toggled
        Whether the other side is shown while a key is held.
    zoom, scale, centre
        Fit, or screen pixels per plate pixel around a centre in shares of the picture.
    exposure, gamma, gain
        For the display only: stops, exponent, and the factor of a difference.
    frame
        The play-head.
    frames
        The frames that it runs over: in to out.
    playing
        0 stands; else times the shot's rate, negative backwards.
    slice_line
        The line of the x-t slice; None without.
    preview
        What the running job told of a frame.
    pixel
        The read-out.
    message
        Why there is no picture; may be empty.
    """

    def __init__(self, shot: ShotPresenter) -> None:
        self.plate: Value[Source | None] = Value(None)
        self.edit: Value[Source | None] = Value(None)
        self.what: Value[What] = Value("plate")
        self.compare: Value[Compare] = Value("single")
        self.shown: Value[tuple[Source, ...]] = Value(())
        self.wipe = Value(0.5)
        self.toggled = Value(False)
        self.zoom: Value[Zoom] = Value("fit")
        self.scale = Value(1.0)
        self.centre = Value((0.5, 0.5))
        self.exposure = Value(0.0)
        self.gamma = Value(1.0)
        self.gain = Value(4.0)
        self.frame = Value(0)
        self.frames = Value(FrameRange())
        self.playing = Value(0)
        self.slice_line: Value[Line | None] = Value(None)
        self.preview: Value[PreviewPicture | None] = Value(None)
        self.pixel: Value[Pixel | None] = Value(None)
        self.message = Value("Pick a shot to begin.")
        self.shot = shot
        self._bound = Subscriptions()
        for value in (self.plate, self.edit):
            self._bound.add(value.subscribe(self._sources_changed))
        for choice in (self.what, self.compare, self.toggled):
            self._bound.add(choice.subscribe(self._show))
        self._bound.add(shot.colorspace.subscribe(self._space_changed))
        self._bound.bind(shot.frames, self._run_over)
        self._bound.bind(shot.facts, self._shot_changed)

    # What is shown.

    def show_what(self, what: What) -> None:
        """Show plate, edit, difference or matte; what does not exist is not chosen."""
        if what in self.choices():
            self.what.set(what)

    def choices(self) -> tuple[What, ...]:
        """Return which pictures exist now."""
        edit = self.edit.value
        if edit is None:
            return ("plate",)
        return ("plate", "edit", "difference", "matte") if edit.job_id else ("plate", "edit")

    def show_edit(
        self,
        source: Source | None,
        *,
        compare_with: Source | None = None,
        only_these: bool = False,
    ) -> None:
        """Show a job's, a try's or a version's frames against the plate, or against another one.

        Parameters
        ----------
        compare_with
            What stands in the plate's place; None is the plate.
        only_these
            Whether the play-head runs over its frames alone, as over the few of a try.
        """
        sparse = source.frames if source is not None and only_these else None
        self._run_over(sparse or self.shot.frames.value)
        self.plate.set(compare_with or self._plate_source(self.shot.facts.value))
        self.edit.set(source)
        if source is not None and self.what.value == "plate":
            self.what.set("edit")

    def toggle_wipe(self) -> None:
        """Begin or end the wipe."""
        self.set_compare("single" if self.compare.value == "wipe" else "wipe")

    def set_compare(self, compare: Compare) -> None:
        """Choose how two pictures are compared."""
        self.compare.set(compare)

    def set_wipe(self, place: float) -> None:
        """Move the wipe, 0 to 1."""
        self.wipe.set(_within(place, 0.0, 1.0))

    def hold_toggle(self, held: bool) -> None:
        """Show the other side while a key is held."""
        self.toggled.set(held)

    def set_slice(self, line: Line | None) -> None:
        """Show a line over time; None ends it."""
        self.slice_line.set(line)

    # How it is shown.

    def fit(self) -> None:
        """Show the whole picture."""
        self.zoom.set("fit")
        self.centre.set((0.5, 0.5))

    def zoom_to(self, scale: float, centre: tuple[float, float] | None = None) -> None:
        """Show this many screen pixels per plate pixel; 1 is 1:1."""
        self.scale.set(_within(scale, 1 / 64, 64.0))
        if centre is not None:
            self.centre.set(centre)
        self.zoom.set("free")

    def set_exposure(self, stops: float) -> None:
        """Brighten the display."""
        self.exposure.set(_within(stops, *EXPOSURES))

    def set_gamma(self, gamma: float) -> None:
        """Bend the display."""
        self.gamma.set(_within(gamma, *GAMMAS))

    def set_gain(self, gain: float) -> None:
        """Amplify a difference."""
        self.gain.set(_within(gain, *GAINS))

    def reset_display(self) -> None:
        """Show the pictures as they came."""
        self.exposure.set(0.0)
        self.gamma.set(1.0)

    # Where the play-head is.

    def go_to(self, frame: int) -> None:
        """Put the play-head on the frame of the range that is nearest; playing stops."""
        self.stop()
        self._place(frame)

    def step(self, count: int) -> None:
        """Go some frames on, negative back; stops at the ends."""
        self.stop()
        frames = self.frames.value
        if frames:
            place = nearest_index(frames, self.frame.value) + count
            self.frame.set(frames[int(_within(place, 0, len(frames) - 1))])

    def first(self) -> None:
        """Go to the first frame of the range."""
        if self.frames.value:
            self.go_to(self.frames.value[0])

    def last(self) -> None:
        """Go to the last frame of the range."""
        if self.frames.value:
            self.go_to(self.frames.value[-1])

    def play(self, direction: int = 1) -> None:
        """Play forwards (L) or backwards (J, -1); again in the same direction is faster."""
        now = self.playing.value
        if len(self.frames.value) < 2:
            return
        if now * direction > 0:
            faster = [speed for speed in SPEEDS if speed > abs(now)]
            self.playing.set((faster[0] if faster else SPEEDS[-1]) * direction)
        else:
            self.playing.set(direction)

    def stop(self) -> None:
        """Stop playing (K)."""
        self.playing.set(0)

    def toggle_play(self) -> None:
        """Play or stop (space)."""
        self.stop() if self.playing.value else self.play()

    def advance(self, count: int = 1) -> None:
        """Go `count` frames of the playing direction on, around the ends: one tick of playing."""
        frames, speed = self.frames.value, self.playing.value
        if frames and speed:
            sign = 1 if speed > 0 else -1
            place = nearest_index(frames, self.frame.value) + sign * count
            self.frame.set(frames[place % len(frames)])

    @property
    def tick_seconds(self) -> float:
        """Seconds between two frames at the speed that is played."""
        return float(1 / self.shot.rate.value) / max(abs(self.playing.value), 1)

    def set_in(self) -> None:
        """Begin the range at the play-head (I)."""
        self.shot.set_in(self.frame.value)

    def set_out(self) -> None:
        """End the range at the play-head (O)."""
        self.shot.set_out(self.frame.value)

    # What is kept.

    def save(self) -> dict[str, Any]:
        """Return what is kept between two sessions."""
        return {
            "frame": self.frame.value,
            "compare": self.compare.value,
            "wipe": self.wipe.value,
            "exposure": self.exposure.value,
            "gamma": self.gamma.value,
            "gain": self.gain.value,
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Take what `save` gave; what is not a number is passed over."""
        if kept.get("compare") in ("single", "wipe", "side"):
            self.compare.set(kept["compare"])
        setters = {
            "wipe": self.set_wipe,
            "exposure": self.set_exposure,
            "gamma": self.set_gamma,
            "gain": self.set_gain,
        }
        for name, setter in setters.items():
            if isinstance(kept.get(name), int | float):
                setter(float(kept[name]))
        if isinstance(kept.get("frame"), int):
            self._wished_frame = kept["frame"]
            self._place(kept["frame"])

    def close(self) -> None:
        """Look at nothing any more."""
        self.playing.set(0)
        self._bound.cancel()

    _wished_frame: int | None = None

    def _place(self, frame: int) -> None:
        frames = self.frames.value
        if frames:
            self.frame.set(frames[nearest_index(frames, frame)])

    def _run_over(self, frames: FrameRange) -> None:
        self.frames.set(frames)
        if frames:
            wished, self._wished_frame = self._wished_frame, None
            self._place(self.frame.value if wished is None else wished)

    def _shot_changed(self, facts: ShotFacts | None) -> None:
        self.edit.set(None)
        self.preview.set(None)
        self.slice_line.set(None)
        self.playing.set(0)
        self.what.set("plate")
        self.plate.set(self._plate_source(facts))
        self.message.set("" if facts else "Pick a shot to begin.")

    def _plate_source(self, facts: ShotFacts | None) -> Source | None:
        if facts is None:
            return None
        return Source(
            path=facts.pattern,
            reading=self.shot.reading,
            view=self.shot.color_part().view,
            frames=facts.frames,
            name="plate",
        )

    def _space_changed(self, _: Fact) -> None:
        """Read what is shown by the space that was chosen; jobs keep the one they were made in."""
        for side in (self.plate, self.edit):
            if side.value is not None and not side.value.job_id:
                side.set(replace(side.value, reading=self.shot.reading))

    def _sources_changed(self, _: Source | None) -> None:
        if self.what.value not in self.choices():
            self.what.set("plate" if self.edit.value is None else "edit")
        self._show(None)

    def _show(self, _: object) -> None:
        """Work out which sources are drawn."""
        plate, edit = self.plate.value, self._edit_of(self.what.value)
        both = [source for source in (plate, edit) if source is not None]
        if self.compare.value != "single" and len(both) == 2:
            self.shown.set((both[1], both[0]) if self.toggled.value else (both[0], both[1]))
            return
        wanted = plate if (self.what.value == "plate") != self.toggled.value else edit
        one = wanted or plate
        self.shown.set((one,) if one is not None else ())

    def _edit_of(self, what: What) -> Source | None:
        """Return the edit's side: its frames, or their difference or matte."""
        edit = self.edit.value
        if edit is None or not edit.job_id or what in ("plate", "edit"):
            return edit
        return Source(
            job_id=edit.job_id, what=what, frames=edit.frames, name=what, revision=edit.revision
        )


def nearest_index(frames: FrameRange, frame: int) -> int:
    """Return the place of the frame of a range that is nearest; of two, the earlier one's."""
    after = bisect_left(frames, frame)
    if after == len(frames):
        return after - 1
    before = max(after - 1, 0)
    return before if frame - frames[before] <= frames[after] - frame else after


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
