"""Where the result goes: path, version, merge, and whether frames that exist may be replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ocio.frame_range import FrameRange
from tokenflow.job import EditJob, Output
from ui.background import Latest, Runner
from ui.host import Host
from ui.observable import Subscriptions, Value
from ui.output_names import (
    default_output,
    frames_on_disk,
    next_version,
    version_of,
    version_root,
    with_version,
)
from ui.presenters.edit import check_fields
from ui.presenters.edit_words import output_fields
from ui.presenters.fields import Field
from ui.presenters.shot import ShotPresenter
from ui.presenters.shot_facts import ShotFacts


class OutputPresenter:
    """Where the result goes.

    Attributes
    ----------
    fields
        ``path``, ``merge``, ``strength``, ``compression``.
    overwrite
        Whether frames that exist are replaced; asked about before it happens.
    version
        The one that the path names; None without.
    existing
        Frames that stand under the path already.
    automatic
        Whether the path follows the shot; typing into it ends that.
    problems
        Sentences why nothing can be written there.
    taken
        Gives the paths of jobs that are still to be written.
    """

    def __init__(self, shot: ShotPresenter, host: Host, runner: Runner) -> None:
        self.fields: dict[str, Field] = output_fields()
        self.overwrite = Value(False)
        self.version: Value[int | None] = Value(None)
        self.existing = Value(FrameRange())
        self.automatic = Value(True)
        self.problems: Value[tuple[str, ...]] = Value(())
        self.taken: Callable[[], tuple[str, ...]] = tuple
        self._host = host
        self._shot = shot
        self._look = Latest(runner, "files")
        self._free = Latest(runner, "files")
        self._placing = False
        self._bound = Subscriptions()
        for key, field in self.fields.items():
            self._bound.add(field.value.subscribe(partial(self._set, key)))
        self._bound.bind(shot.facts, self._follow)
        self._check()

    def __getitem__(self, key: str) -> Field:
        return self.fields[key]

    @property
    def path(self) -> str:
        """The pattern of the frames to write."""
        return str(self.fields["path"].value.value)

    def version_up(self) -> None:
        """Take the first version that is free on disk; the folder is read elsewhere."""
        path = self.path
        if path:
            self.find_free(path, self._place_version)

    def find_free(self, path: str, found: Callable[[str], None]) -> None:
        """Find the first version that neither the disk nor a waiting job has, elsewhere."""
        taken = self.taken()
        self._free.run(lambda: free_version(path, taken), found)

    def move_on(self, path: str) -> None:
        """Take the next version once a job is to write this one.

        Not where the artist typed the path or wants to replace what is there.
        """
        if path == self.path and self.automatic.value and not self.overwrite.value:
            self.version_up()

    def set_version(self, number: int) -> None:
        """Take this version."""
        if number > 0 and self.path:
            self._place_version(with_version(self.path, number))

    def follow_shot(self) -> None:
        """Let the path follow the shot again."""
        self.automatic.set(True)
        self._follow(self._shot.facts.value)

    def look(self) -> None:
        """Look again which frames exist."""
        path = self.path
        self._look.run(lambda: frames_on_disk(path), self.existing.set)

    def part(self, path: str | None = None) -> Output:
        """Return the output as a job has it.

        Raises
        ------
        InvalidJob
        """
        values = {key: field.value.value for key, field in self.fields.items()}
        return Output(**values | ({"path": path} if path is not None else {}))

    def load(self, job: EditJob) -> None:
        """Take merge and strength of an earlier job; the path stays."""
        for key, field in self.fields.items():
            if key != "path":
                field.set(getattr(job.output, key))

    def values(self) -> dict[str, Any]:
        """Return what is kept between two sessions."""
        found = {key: field.value.value for key, field in self.fields.items()}
        return found | {"automatic": self.automatic.value, "overwrite": self.overwrite.value}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Take what `values` gave; a path that followed the shot goes on following it."""
        self.automatic.set(values.get("automatic") is not False)
        self.overwrite.set(values.get("overwrite") is True)
        self._placing = True
        for key, field in self.fields.items():
            if type(values.get(key)) is type(field.default):
                field.set(values[key])
        self._placing = False
        self._check()

    def close(self) -> None:
        """Want no more answers."""
        self._bound.cancel()
        self._look.cancel()
        self._free.cancel()

    def _follow(self, facts: ShotFacts | None) -> None:
        """Give a new shot its first free version; the folder is read elsewhere."""
        if facts is None or not self.automatic.value:
            return
        root = self._host.defaults().output_root
        first = default_output(facts.pattern, root)
        self._place_version(first)
        self.find_free(first, self._place_version)

    def _place_version(self, path: str) -> None:
        self._placing = True
        self.fields["path"].set(path)
        self._placing = False

    def _set(self, key: str, _: object) -> None:
        self._changed(key)

    def _changed(self, key: str) -> None:
        if key == "path":
            if not self._placing:
                self.automatic.set(False)
                self._free.cancel()
            self.version.set(version_of(self.path))
            self.look()
        self._check()

    def _check(self) -> None:
        problems = check_fields([*self.fields.values()], {"output": (Output, {"path": "x"})})
        if not self.path.strip():
            problems = ("Say where the result goes.", *problems)
        self.problems.set(problems)


def free_version(path: str, taken: Iterable[str] = ()) -> str:
    """Return the path of the first version that no folder holds yet. Reads a folder.

    Parameters
    ----------
    taken
        Paths that something else is going to be written to.
    """
    if version_of(path) is None:
        return path
    root = version_root(path)
    others = (version_of(each) or 0 for each in taken if version_root(each) == root)
    return with_version(path, max([next_version(path), *(other + 1 for other in others)]))
