"""The timeline: what became of each frame, the stretch that is selected, editing it again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ocio.errors import OcioError
from ocio.frame_range import FrameRange
from tokenflow.errors import TokenFlowError
from tokenflow.job import Base
from tokenflow.states import JobRecord, RunRequest
from ui.observable import Subscriptions, Value
from ui.output_names import job_of
from ui.presenters.edit import EditPresenter
from ui.presenters.job_rows import NO_FRAMES, kind_of
from ui.presenters.jobs import JobsPresenter
from ui.presenters.output import OutputPresenter
from ui.presenters.render import RenderPresenter, Submission
from ui.presenters.service import ServicePresenter
from ui.presenters.shot import ShotPresenter
from ui.presenters.trouble import Trouble, of_error
from ui.presenters.viewer import ViewerPresenter


@dataclass(frozen=True)
class Marks:
    """What the timeline draws; every range is a part of first to last.

    Attributes
    ----------
    first, last
        Of the shot.
    inside
        In to out.
    keyframes
        One per block: those of the last step where a report tells them, else the blocks' middles.
    done, running, failed, missing
        Frames by what became of them in the job that is shown.
    """

    first: int = 0
    last: int = 0
    inside: FrameRange = NO_FRAMES
    keyframes: FrameRange = NO_FRAMES
    done: FrameRange = NO_FRAMES
    running: FrameRange = NO_FRAMES
    failed: FrameRange = NO_FRAMES
    missing: FrameRange = NO_FRAMES


@dataclass(frozen=True)
class Stretch:
    """Frames that were selected, both ends included, and the neighbours that stay as they are."""

    first: int
    last: int
    pins: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """``1020-1031``, or one number."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


class TimelinePresenter:
    """The range of the shot and what became of it.

    Attributes
    ----------
    marks
        What is drawn.
    stretch
        What is selected; None without.
    trouble
        Why it could not be edited again.
    """

    def __init__(
        self,
        service: ServicePresenter,
        shot: ShotPresenter,
        edit: EditPresenter,
        output: OutputPresenter,
        jobs: JobsPresenter,
        render: RenderPresenter,
        viewer: ViewerPresenter,
    ) -> None:
        self.marks = Value(Marks())
        self.stretch: Value[Stretch | None] = Value(None)
        self.trouble: Value[Trouble | None] = Value(None)
        self._service, self._shot, self._edit, self._output = service, shot, edit, output
        self._jobs, self._render, self._viewer = jobs, render, viewer
        self._bound = Subscriptions()
        for value in (shot.facts, shot.frames, jobs.rows, jobs.chosen, viewer.edit):
            self._bound.add(value.subscribe(self._look))
        self._bound.add(edit["keyframe_interval"].value.subscribe(self._look))
        self._bound.add(shot.frames.subscribe(self._shorten))
        self._look(None)

    def select(self, first: int, last: int) -> None:
        """Select a stretch; what lies outside in and out is cut off."""
        frames = self._shot.frames.value
        inside = [frame for frame in frames if min(first, last) <= frame <= max(first, last)]
        if not inside:
            self.stretch.set(None)
            return
        pins = neighbours(frames, inside[0], inside[-1])
        self.stretch.set(Stretch(inside[0], inside[-1], pins))

    def clear(self) -> None:
        """Select nothing."""
        self.stretch.set(None)

    def use_as_range(self) -> None:
        """Make the stretch the range: in and out."""
        stretch = self.stretch.value
        if stretch is not None:
            self._shot.set_range(stretch.first, stretch.last)

    @property
    def can_re_edit(self) -> bool:
        """Whether the stretch can be edited again now."""
        there = self._service.client.value is not None
        return there and self.stretch.value is not None and not self._edit.problems.value

    def re_edit(self) -> None:
        """Edit the stretch again, into the next version; the folder is read elsewhere."""
        path = self._output.path
        if self.can_re_edit:
            self._output.find_free(path, self._submit)

    def re_edit_job(self, path: str) -> Submission:
        """Make the job that edits the stretch again.

        Where the timeline tells of a finished edit, the stretch grows out of it: the new version
        has all its frames, and those outside the stretch as they are. Else it is the whole range's
        job with the words as they stand now, of which the stretch alone is written.

        Parameters
        ----------
        path
            Where the new version goes.

        Raises
        ------
        InvalidJob, OcioError
            A field is wrong.
        """
        stretch, base = self.stretch.value, self._base()
        wanted = stretch.text if stretch else None
        if wanted and base:
            job = self._render.job(FrameRange.parse(wanted), path)
            return Submission(replace(job, base=base), RunRequest())
        return Submission(self._render.job(path=path), RunRequest(frames=wanted))

    def close(self) -> None:
        """Look at nothing any more."""
        self._bound.cancel()

    def _submit(self, path: str) -> None:
        try:
            submission = self.re_edit_job(path)
        except (OcioError, TokenFlowError) as error:
            self.trouble.set(of_error(error))
            return
        self.trouble.set(None)
        self._jobs.submit(submission.job, submission.request)

    def _shorten(self, _: FrameRange) -> None:
        stretch = self.stretch.value
        if stretch is not None:
            self.select(stretch.first, stretch.last)

    def _look(self, _: object) -> None:
        facts, frames = self._shot.facts.value, self._shot.frames.value
        if facts is None:
            self.marks.set(Marks())
            return
        record = self._record()
        done, running, failed = self._became(record, frames)
        interval = self._edit["keyframe_interval"].value.value
        interval = record.job.edit.keyframe_interval if record else interval
        whole = (record.job.range.frames if record else None) or frames
        told = _told_keyframes(record)
        self.marks.set(
            Marks(
                facts.whole[0],
                facts.whole[-1],
                frames,
                told or middles(whole, interval if isinstance(interval, int) else 1),
                done,
                running,
                failed,
                facts.missing,
            )
        )

    def _base(self) -> Base | None:
        """Return the finished edit that the timeline tells of, as what a stretch grows out of."""
        record = self._record()
        if record is None or record.state != "done" or kind_of(record) == "try":
            return None
        edit = record.job.edit
        if edit.method != "tokenflow" or edit.mode != "paper":
            return None  # no other method keeps what a stretch could grow out of
        return Base(str(job_of(record.job.output.path)))

    def _record(self) -> JobRecord | None:
        """Return the job that the timeline tells of: the viewer's, else the chosen one."""
        facts, source = self._shot.facts.value, self._viewer.edit.value
        for job_id in (source.job_id if source else "", self._jobs.chosen.value):
            record = self._jobs.record(job_id)
            if record is not None and facts is not None and record.job.plate.path == facts.pattern:
                return record
        return None

    def _became(
        self, record: JobRecord | None, frames: FrameRange
    ) -> tuple[FrameRange, FrameRange, FrameRange]:
        nothing = FrameRange()
        source = self._viewer.edit.value
        if record is None:
            return (source.frames or nothing if source else nothing), nothing, nothing
        wanted = frames_of_record(record, frames)
        written = self._jobs.live(record.id).written
        if record.state == "done":
            return wanted, nothing, nothing
        if record.state == "running":
            return written, FrameRange.of(set(wanted) - set(written)), nothing
        frame = (record.error or {}).get("frame")
        failed = FrameRange.of([frame] if isinstance(frame, int) else ())
        if record.state == "failed" and not failed:
            failed = FrameRange.of(set(wanted) - set(written))
        return written, nothing, failed


def frames_of_record(record: JobRecord, shot: FrameRange) -> FrameRange:
    """Return the frames that a job is to write, of a shot's where it does not name them."""
    if record.request.frames is not None:
        return FrameRange.parse(record.request.frames)
    return record.job.range.frames or shot


def neighbours(frames: FrameRange, first: int, last: int) -> tuple[int, ...]:
    """Return the frames beside a stretch: the last one before it, the first one after it."""
    before = [frame for frame in frames if frame < first]
    after = [frame for frame in frames if frame > last]
    return (*before[-1:], *after[:1])


def middles(frames: Iterable[int], interval: int) -> FrameRange:
    """Return the middle frame of each block of frames; block b holds bB ... bB + B - 1."""
    blocks: dict[int, list[int]] = {}
    for frame in frames:
        blocks.setdefault(frame // max(interval, 1), []).append(frame)
    return FrameRange.of(block[len(block) // 2] for block in blocks.values())


def _told_keyframes(record: JobRecord | None) -> FrameRange:
    """Return the keyframes of a report's last step."""
    steps = ((record.report or {}).get("edit") or {}).get("keyframes") if record else None
    return FrameRange.of(int(frame) for frame in steps[-1]) if steps else FrameRange()
