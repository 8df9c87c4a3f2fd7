"""The versions of a result on disk: listed, shown, any two compared."""

from __future__ import annotations

from dataclasses import dataclass

from ocio.frame_range import FrameRange
from tokenflow.errors import InvalidJob, UnreadableJob
from tokenflow.job import EditJob
from tokenflow.job_file import read_job
from tokenflow.states import JobRecord
from ui.background import Latest, Runner
from ui.observable import Subscriptions, Value
from ui.output_names import FoundVersion, find_versions
from ui.pictures import Source
from ui.presenters.edit import EditPresenter
from ui.presenters.jobs import JobsPresenter
from ui.presenters.output import OutputPresenter
from ui.presenters.trouble import Trouble, of_error
from ui.presenters.viewer import ViewerPresenter


@dataclass(frozen=True)
class Version:
    """A version on disk.

    Attributes
    ----------
    number, name
        ``3``, ``v003``.
    path
        Its pattern.
    frames
        What is there of it.
    prompt
        What it was made with; empty where no record lies beside it.
    changed
        Seconds since the epoch.
    job
        The job as run; None where no record lies beside it.
    """

    number: int
    name: str
    path: str
    frames: FrameRange
    prompt: str
    changed: float
    job: EditJob | None = None


class VersionsPresenter:
    """The versions of the shot's result.

    Attributes
    ----------
    versions
        The newest first.
    shown
        Number of the version in the viewer; None without.
    against
        Number of the version that it is compared with; None is the plate.
    """

    def __init__(
        self,
        edit: EditPresenter,
        output: OutputPresenter,
        jobs: JobsPresenter,
        viewer: ViewerPresenter,
        runner: Runner,
    ) -> None:
        self.versions: Value[tuple[Version, ...]] = Value(())
        self.shown: Value[int | None] = Value(None)
        self.against: Value[int | None] = Value(None)
        self.trouble: Value[Trouble | None] = Value(None)
        self._edit, self._output, self._viewer = edit, output, viewer
        self._look = Latest(runner, "files")
        self._bound = Subscriptions()
        self._bound.add(output["path"].value.subscribe(self._moved))
        self._bound.add(jobs.ended.subscribe(self._job_ended))
        self._bound.add(viewer.edit.subscribe(self._viewer_changed))

    def refresh(self) -> None:
        """Look on disk again."""
        path = self._output.path
        self._look.run(lambda: read_versions(path), self.versions.set, self._failed)

    def show(self, number: int) -> None:
        """Show a version against the plate."""
        self.compare(number, None)

    def compare(self, number: int, against: int | None) -> None:
        """Show a version against another one; None is the plate."""
        version, other = self._find(number), self._find(against)
        if version is None:
            return
        self._viewer.show_edit(
            self._source(version), compare_with=self._source(other) if other else None
        )
        self.shown.set(number)
        self.against.set(other.number if other else None)
        if self._viewer.compare.value == "single" and other is not None:
            self._viewer.set_compare("wipe")

    def bring_back(self, number: int) -> None:
        """Take the settings that a version was made with."""
        version = self._find(number)
        if version is not None and version.job is not None:
            self._edit.load(version.job)
            self._output.load(version.job)

    def close(self) -> None:
        """Want no more answers."""
        self._bound.cancel()
        self._look.cancel()

    def _source(self, version: Version) -> Source:
        """Give a version's frames, read as the plate is: an edit is written in its space."""
        shot = self._viewer.shot
        return Source(
            path=version.path,
            reading=shot.reading,
            view=shot.color_part().view,
            frames=version.frames,
            name=version.name,
            revision=int(version.changed),
        )

    def _find(self, number: int | None) -> Version | None:
        return next((each for each in self.versions.value if each.number == number), None)

    def _moved(self, _: object) -> None:
        self.refresh()

    def _job_ended(self, record: JobRecord) -> None:
        self.refresh()

    def _viewer_changed(self, source: Source | None) -> None:
        """Forget which versions are shown once the viewer shows something else."""
        shown = self._find(self.shown.value)
        if shown is None or source is None or source.path != shown.path:
            self.shown.set(None)
            self.against.set(None)

    def _failed(self, error: Exception) -> None:
        self.trouble.set(of_error(error))


def read_versions(path: str) -> tuple[Version, ...]:
    """Find the versions of a result and read their records. Reads folders and files."""
    return tuple(_read(found) for found in find_versions(path))


def _read(found: FoundVersion) -> Version:
    job: EditJob | None = None
    if found.record is not None:
        try:
            job = read_job(found.record)
        except (InvalidJob, UnreadableJob):
            job = None  # of another version of ours, or half-written: the frames count
    prompt = job.edit.prompt if job else ""
    return Version(found.number, found.name, found.path, found.frames, prompt, found.changed, job)
