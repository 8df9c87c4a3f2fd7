"""The panel as a whole: makes the presenters, wires them, keeps their state per project."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

from tokenflow.client import Client
from tokenflow.states import JobRecord
from ui.background import Latest, Runner
from ui.host import FolderHost, Host
from ui.observable import Event, Subscriptions, Value
from ui.pictures import Source
from ui.presenters.edit import EditPresenter
from ui.presenters.farm import FarmPresenter
from ui.presenters.job_rows import kind_of
from ui.presenters.jobs import JobsPresenter
from ui.presenters.output import OutputPresenter
from ui.presenters.presets import PresetsPresenter, read_json, write_json
from ui.presenters.render import RenderPresenter
from ui.presenters.service import ServicePresenter
from ui.presenters.shot import ShotPresenter
from ui.presenters.shot_facts import ShotFacts
from ui.presenters.timeline import TimelinePresenter, frames_of_record
from ui.presenters.tries import TriesPresenter
from ui.presenters.versions import VersionsPresenter
from ui.presenters.viewer import ViewerPresenter

STATE_VERSION = 1
SAVE_SECONDS = 1.0


class PanelPresenter:
    """Owns everything that the panel knows; widgets come and go, this stays.

    Parameters
    ----------
    connect
        Finds or starts the service; blocks, runs elsewhere.
    runner
        Does the work; closed with the panel.
    host
        The program around it; default: none.

    Attributes
    ----------
    service, shot, edit, output, jobs, render, farm, viewer, tries, timeline, versions, presets
        The parts.
    layout
        What widgets want kept: splitters, folds. JSON values by name.
    notices
        Sentences to show in passing.
    """

    def __init__(
        self, connect: Callable[[], Client], runner: Runner, host: Host | None = None
    ) -> None:
        self.host: Host = host or FolderHost()
        self.runner = runner
        self.service = ServicePresenter(connect, runner)
        self.shot = ShotPresenter(self.service, self.host)
        self.edit = EditPresenter(self.service)
        self.output = OutputPresenter(self.shot, self.host, runner)
        self.jobs = JobsPresenter(self.service, self.host)
        self.render = RenderPresenter(self.service, self.shot, self.edit, self.output, self.jobs)
        self.farm = FarmPresenter(self.service, self.render, self.output)
        self.output.taken = self.jobs.unfinished_outputs
        self.viewer = ViewerPresenter(self.shot)
        parts = (self.service, self.shot, self.edit, self.output, self.jobs, self.render)
        self.tries = TriesPresenter(*parts, self.viewer)
        self.timeline = TimelinePresenter(*parts, self.viewer)
        self.versions = VersionsPresenter(self.edit, self.output, self.jobs, self.viewer, runner)
        settings = self.host.defaults().settings
        self.presets = PresetsPresenter(self.edit, settings, runner)
        self.layout: Value[dict[str, Any]] = Value({})
        self.notices: Event[str] = Event()
        self._states = settings / "panel"
        self._keeping = Latest(runner, "files")
        self._due = Latest(runner)
        self._restoring = Latest(runner, "files")
        self._recalling = False
        self._closed = False
        self._bound = Subscriptions()
        self._wire()

    def start(self) -> None:
        """Connect, and read presets and the project's state."""
        self.presets.load()
        self.service.connect()
        project = self.host.defaults().project
        if project:
            self._recall(project)

    def save(self) -> dict[str, Any]:
        """Return the state of the project as a JSON object."""
        return {
            "version": STATE_VERSION,
            "shot": self.shot.save(),
            "edit": self.edit.values(),
            "output": self.output.values(),
            "viewer": self.viewer.save(),
            "tries": self.tries.save(),
            "render": self.render.save(),
            "farm": self.farm.save(),
            "layout": self.layout.value,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `save` gave; what another version wrote is passed over.

        Where the artist has picked another shot meanwhile, that one stays.
        """
        if state.get("version") != STATE_VERSION:
            return
        self.edit.set_values(state.get("edit") or {})
        self.output.set_values(state.get("output") or {})
        self.render.restore(state.get("render") or {})
        self.farm.restore(state.get("farm") or {})
        self.tries.restore(state.get("tries") or {})
        self.viewer.restore(state.get("viewer") or {})
        self.layout.set({**self.layout.value, **(state.get("layout") or {})})
        self.shot.restore(state.get("shot") or {})

    def set_layout(self, layout: Mapping[str, Any]) -> None:
        """Keep what a widget wants kept: splitters, folds. JSON values by name."""
        self.layout.set({**self.layout.value, **layout})
        self.keep_soon()

    def keep_soon(self) -> None:
        """Write the state of the project, elsewhere and in a moment."""
        if not self._closed:
            self._due.later(SAVE_SECONDS, self.keep)

    def keep(self) -> None:
        """Write the state of the project, elsewhere."""
        key = self.project
        if key and not self._recalling:
            state, path = self.save(), self.state_file(key)
            self._keeping.run(lambda: write_json(path, state), _nothing, self._not_kept)

    @property
    def project(self) -> str:
        """What the state is kept by: the host's project, else the shot's folder."""
        facts = self.shot.facts.value
        folder = str(PurePath(facts.pattern).parent) if facts else ""
        return self.host.defaults().project or folder

    def state_file(self, key: str) -> Path:
        """Return where the state of a project lies."""
        return self._states / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"

    def show_job(self, job_id: str) -> None:
        """Show a job's frames in the viewer."""
        record = self.jobs.record(job_id)
        if record is not None:
            self.jobs.choose(job_id)
            self._show(record)

    def close(self) -> None:
        """Keep the state and let go of everything; jobs go on, and a second call is harmless."""
        if self._closed:
            return
        self.keep()
        self._closed = True
        self._bound.cancel()
        self._due.cancel()
        self._restoring.cancel()
        shown = (self.versions, self.timeline, self.tries, self.viewer)
        for part in (*shown, self.farm, self.render):
            part.close()
        for each in (self.presets, self.jobs, self.output, self.edit, self.shot, self.service):
            each.close()
        self.runner.close()

    def _wire(self) -> None:
        bound = self._bound
        bound.add(self.shot.facts.subscribe(self._shot_changed))
        bound.add(self.farm.said.subscribe(self.notices.send))
        bound.add(self.jobs.submitted.subscribe(self._submitted))
        bound.add(self.jobs.heard.subscribe(self._heard))
        bound.add(self.jobs.ended.subscribe(self._ended))
        kept = (self.shot.frames, self.tries.tries, self.viewer.frame, self.viewer.compare)
        for value in (*kept, self.farm.folder):
            bound.add(value.subscribe(self._changed))
        for form in (self.edit.fields, self.output.fields):
            for field in form.values():
                bound.add(field.value.subscribe(self._changed))

    def _changed(self, _: object) -> None:
        self.keep_soon()

    def _shot_changed(self, facts: ShotFacts | None) -> None:
        if facts is not None and not self.host.defaults().project:
            self._recall(self.project)

    def _recall(self, key: str) -> None:
        """Read the state of a project, elsewhere, and take it."""
        path = self.state_file(key)

        def came(state: dict[str, Any]) -> None:
            self._recalling = False
            self.restore(state)

        def unreadable(error: Exception) -> None:
            self._recalling = False
            self._not_kept(error)

        self._recalling = True  # nothing may be written over it before it is read
        self._restoring.run(lambda: read_json(path), came, unreadable)

    def _not_kept(self, error: Exception) -> None:
        self.notices.send(f"The panel's state cannot be kept: {error}")

    def _submitted(self, record: JobRecord) -> None:
        self.presets.remember(record.job.edit.prompt)
        if kind_of(record) != "try":
            self._show(record)
            self.output.move_on(record.job.output.path)

    def _show(self, record: JobRecord) -> None:
        frames = frames_of_record(record, self.shot.frames.value)
        name = "edit" if kind_of(record) != "try" else "try"
        revision = int(record.ended or 0)
        self.viewer.show_edit(
            Source(job_id=record.id, what="edit", frames=frames, name=name, revision=revision)
        )
        self._heard(record.id)

    def _heard(self, job_id: str) -> None:
        shown = self.viewer.edit.value
        if shown is not None and shown.job_id == job_id:
            record = self.jobs.record(job_id)
            ended = record is None or record.final
            # The last events may come after the end: by then the frames themselves are there.
            self.viewer.preview.set(None if ended else self.jobs.live(job_id).preview)

    def _ended(self, record: JobRecord) -> None:
        shown = self.viewer.edit.value
        if shown is not None and shown.job_id == record.id:
            self.viewer.preview.set(None)
            self._show(record)
        self.jobs.reload(record.id)
        self.output.look()


def _nothing(_: None) -> None:
    """Want no answer but its coming."""
