"""Tries: the look on three to five frames, before the whole shot is paid for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from ocio.errors import OcioError
from ocio.frame_range import FrameRange
from tokenflow.client import Client
from tokenflow.errors import TokenFlowError
from tokenflow.states import JobRecord, JobState, RunRequest
from ui.background import Ticket
from ui.observable import Subscriptions, Value
from ui.output_names import next_try, try_output
from ui.pictures import Source
from ui.presenters.edit import EditPresenter
from ui.presenters.jobs import JobsPresenter
from ui.presenters.output import OutputPresenter
from ui.presenters.render import RenderPresenter
from ui.presenters.service import ServicePresenter
from ui.presenters.shot import ShotPresenter
from ui.presenters.shot_facts import ShotFacts
from ui.presenters.thumbnails import spread_over
from ui.presenters.trouble import Trouble, of_error
from ui.presenters.viewer import ViewerPresenter

COUNTS = (3, 4, 5)
PICTURE_WIDTH = 320
KEPT = 30
"""So many tries of a shot are kept in the strip."""


@dataclass(frozen=True)
class Try:
    """One try.

    Attributes
    ----------
    number
        Of its folder: ``7`` of ``tries/007``.
    settings
        What `EditPresenter.values` said; picking the try brings them back.
    pictures
        By frame, as they come; JPEG or PNG bytes.
    """

    number: int
    job_id: str
    path: str
    prompt: str
    frames: tuple[int, ...]
    settings: Mapping[str, Any]
    state: JobState = "queued"
    pictures: Mapping[int, bytes] | None = None
    trouble: Trouble | None = None

    @property
    def name(self) -> str:
        """``try 7``."""
        return f"try {self.number}"


class TriesPresenter:
    """The strip of tries.

    Attributes
    ----------
    tries
        The newest first.
    count
        How many frames a try has, 3 to 5.
    frames
        The ones that the next try takes.
    chosen
        Id of the job of the try that the viewer shows; empty without one.
    running
        Whether one is under way.
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
        self.tries: Value[tuple[Try, ...]] = Value(())
        self.count = Value(5)
        self.frames = Value(FrameRange())
        self.chosen = Value("")
        self.running = Value(False)
        self.trouble: Value[Trouble | None] = Value(None)
        self._service, self._shot, self._edit = service, shot, edit
        self._output, self._jobs, self._render, self._viewer = output, jobs, render, viewer
        self._tickets: list[Ticket] = []
        self._pattern = ""
        self._last_number = 0
        self._bound = Subscriptions()
        self._bound.bind(shot.frames, self._spread)
        self._bound.add(shot.facts.subscribe(self._shot_changed))
        self._bound.add(jobs.rows.subscribe(self._jobs_changed))
        self._bound.add(viewer.edit.subscribe(self._viewer_changed))

    def set_count(self, count: int) -> None:
        """Choose how many frames a try has."""
        self.count.set(min(max(count, COUNTS[0]), COUNTS[-1]))
        self._spread(self._shot.frames.value)

    def run(self) -> None:
        """Try the edit on a few frames; the folder's number is found elsewhere."""
        if not self.can_run:
            return
        path = self._output.path
        self._tickets.append(
            self._service.runner.run(lambda: next_try(path), self._submit, lane="files")
        )

    @property
    def can_run(self) -> bool:
        """Whether a try can be made: what an existing result forbids, a try does not."""
        if self._service.client.value is None or not self.frames.value:
            return False
        try:
            self._render.job(self.frames.value)
        except (OcioError, TokenFlowError):
            return False
        return not self._shot.colorspace.value.problem

    def pick(self, job_id: str) -> None:
        """Show a try, and bring its settings back."""
        picked = self._find(job_id)
        if picked is None:
            return
        self._edit.set_values(picked.settings)
        self.show(job_id)

    def show(self, job_id: str) -> None:
        """Show a try's frames in the viewer."""
        picked = self._find(job_id)
        if picked is None:
            return
        frames = FrameRange.of(picked.frames)
        self._viewer.show_edit(
            Source(job_id=job_id, what="edit", frames=frames, name=picked.name), only_these=True
        )
        self.chosen.set(job_id)

    def remove(self, job_id: str) -> None:
        """Take a try out of the strip; its frames stay on disk."""
        self.tries.set(tuple(each for each in self.tries.value if each.job_id != job_id))
        if self.chosen.value == job_id:
            self.chosen.set("")
            self._viewer.show_edit(None)

    def save(self) -> dict[str, Any]:
        """Return what is kept of the tries between two sessions."""
        kept = []
        for each in self.tries.value[:KEPT]:
            record = asdict(replace(each, pictures=None, trouble=None))
            kept.append({**record, "settings": dict(each.settings)})
        return {"count": self.count.value, "pattern": self._pattern, "tries": kept}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take what `save` gave; pictures come again when the service is there."""
        if isinstance(kept.get("count"), int):
            self.set_count(kept["count"])
        pattern = str(kept.get("pattern") or "")
        if self._pattern not in ("", pattern):
            return
        self._pattern = pattern
        found = [_read_try(each) for each in kept.get("tries") or ()]
        self.tries.set(tuple(each for each in found if each is not None))

    def close(self) -> None:
        """Want no more answers."""
        self._bound.cancel()
        for ticket in self._tickets:
            ticket.cancel()

    def _submit(self, number: int) -> None:
        number = max(number, self._last_number + 1)
        frames, settings = self.frames.value, self._edit.values()
        path = try_output(self._output.path, number)
        try:
            job = self._render.job(frames, path, keyframe_interval=1)
        except (OcioError, TokenFlowError) as error:
            self.trouble.set(of_error(error))
            return
        self._last_number = number
        self.running.set(True)

        def queued(record: JobRecord) -> None:
            made = Try(number, record.id, path, job.edit.prompt, tuple(frames), settings)
            others = [each for each in self.tries.value if each.job_id != record.id]
            self.tries.set((made, *others)[:KEPT])
            self._follow()

        def refused(error: Exception) -> None:
            self.trouble.set(of_error(error))
            self._follow()

        self.trouble.set(None)
        self._jobs.submit(job, RunRequest(), queued, refused)

    def _spread(self, frames: FrameRange) -> None:
        self.frames.set(spread_over(frames, self.count.value))

    def _shot_changed(self, facts: ShotFacts | None) -> None:
        if facts is None or facts.pattern == self._pattern:
            return
        self._pattern = facts.pattern
        self.tries.set(())
        self.chosen.set("")
        self._last_number = 0

    def _viewer_changed(self, source: Source | None) -> None:
        shown = source.job_id if source else ""
        self.chosen.set(shown if self._find(shown) else "")

    def _jobs_changed(self, _: object) -> None:
        self._follow()

    def _follow(self) -> None:
        """Take over what became of the tries' jobs; show the newest when it is done."""
        rows = {row.id: row for row in self._jobs.rows.value}
        for each in self.tries.value:
            row = rows.get(each.job_id)
            if row is not None and row.state != each.state:
                self._change(each.job_id, state=row.state, trouble=row.trouble)
                if row.state == "done" and each.job_id == self.tries.value[0].job_id:
                    self.show(each.job_id)
            if row is not None and row.state == "done" and each.pictures is None:
                self._fetch(each)
        unfinished = ("queued", "running")
        self.running.set(any(each.state in unfinished for each in self.tries.value))

    def _fetch(self, made: Try) -> None:
        self._change(made.job_id, pictures={})
        for frame in made.frames:
            work = partial(_picture, job_id=made.job_id, frame=frame)
            came = partial(self._came, made.job_id, frame)
            self._tickets.append(self._service.ask(work, came, self._no_picture, lane="pictures"))

    def _came(self, job_id: str, frame: int, picture: bytes) -> None:
        made = self._find(job_id)
        if made is not None:
            self._change(job_id, pictures={**(made.pictures or {}), frame: picture})

    def _no_picture(self, _: Exception) -> None:
        """Leave the place empty: the viewer says what is wrong when it is looked at."""

    def _change(self, job_id: str, **changes: Any) -> None:
        self.tries.set(
            tuple(
                replace(each, **changes) if each.job_id == job_id else each
                for each in self.tries.value
            )
        )

    def _find(self, job_id: str) -> Try | None:
        return next((each for each in self.tries.value if each.job_id == job_id), None)


def _picture(client: Client, job_id: str, frame: int) -> bytes:
    return client.frame(job_id, frame, "edit", width=PICTURE_WIDTH, picture="jpg")


def _read_try(document: Mapping[str, Any]) -> Try | None:
    """Read a try that was kept; None for what another version wrote."""
    try:
        return Try(
            int(document["number"]),
            str(document["job_id"]),
            str(document["path"]),
            str(document["prompt"]),
            tuple(int(frame) for frame in document["frames"]),
            dict(document["settings"]),
            document["state"],
        )
    except (KeyError, TypeError, ValueError):
        return None
