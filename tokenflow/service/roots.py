"""Where the service may read and write: folders that the user allowed, links resolved first."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ocio.errors import OcioError
from ocio.sequence import find_sequence
from tokenflow.earlier import frames_of, nearby
from tokenflow.errors import InvalidJob, PathNotAllowed, UnreadableJob
from tokenflow.job import EditJob
from tokenflow.job_file import find_job_file, read_job
from tokenflow.service.wanted import BUILT_IN

_BY_NAME = ("demo",)


class Roots:
    """The folders that requests may name.

    It keeps a mistake, or somebody else's program that got hold of the token, away from what is
    none of a shot's business. Against a program that runs as the same user it cannot help.

    Parameters
    ----------
    folders
        Links in them are resolved; those that do not exist allow nothing yet.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(dict.fromkeys(Path(os.path.realpath(folder)) for folder in folders))

    @classmethod
    def of_user(cls, more: Iterable[Path] = ()) -> Roots:
        """The home folder, the folder of ``$OCIO``, and those from the settings."""
        config = os.environ.get("OCIO", "")
        shows = [Path(config).parent] if config and "://" not in config else []
        return cls([Path.home(), *shows, *more])

    def check(self, path: str | Path, what: str = "the path") -> Path:
        """Return the path with links resolved, as far as it exists.

        Raises
        ------
        PathNotAllowed
            It is relative, or lies in none of the folders.
        """
        text = str(path)
        if "\0" in text or not os.path.isabs(text):  # noqa: PTH117 as text, before it is a path
            raise PathNotAllowed(
                f"{what} {_short(text)!r} is not a full path",
                hint="Begin at the root: the service's own folder means nothing to a request.",
            )
        try:
            resolved = Path(os.path.realpath(text))
        except (OSError, ValueError) as error:
            raise PathNotAllowed(f"{what} {_short(text)!r} cannot be followed: {error}") from error
        if not any(resolved.is_relative_to(folder) for folder in self.folders):
            raise PathNotAllowed(
                f"{what} {_short(text)!r} lies outside the folders that the service may use",
                hint="Allow its folder: `tokenflow serve stop`, then `tokenflow serve start --root "
                "DIR`, or for good `roots` in the settings.",
            )
        return resolved

    def check_sequence(self, path: str, what: str = "the plate") -> None:
        """Check a sequence, and where its frames that are on disk lead to.

        Raises
        ------
        PathNotAllowed
        """
        self.check(path, what)
        try:
            files = find_sequence(path).files.values()
        except OcioError:
            return  # no frame is there yet; what is wrong is said when the job runs
        self._check_links(files, what)

    def check_config(self, location: str | None) -> None:
        """Check an OCIO config that a request names; a built-in one lies nowhere.

        Raises
        ------
        PathNotAllowed
        """
        if location is not None and not location.startswith(BUILT_IN):
            self.check(location, "the OCIO config")

    def check_job(self, job: EditJob) -> None:
        """Check everything that a job names.

        Raises
        ------
        PathNotAllowed
        """
        self.check_sequence(job.plate.path)
        self.check(job.output.path, "the output")
        self.check_config(job.color.ocio)
        self._check_checkpoint(job.model.checkpoint)
        if job.model.decoder_checkpoint is not None:
            self.check(job.model.decoder_checkpoint, "the decoder")
        if job.model.motion is not None:
            self.check(job.model.motion, "the motion adapter")
        if job.deflicker.flow_weights is not None:
            self.check(job.deflicker.flow_weights, "the weights of the motion")
        for control in job.edit.controls:
            if not control.bundled:
                self.check(control.checkpoint, "the ControlNet")
        if job.matte is not None:
            self._check_matte(job.matte.source)
        if job.base is not None:
            self._check_base(job.base.job)

    def _check_checkpoint(self, name: str) -> None:
        """Let names pass that mean no place: the bundled checkpoint, and ids of a hub."""
        if name in _BY_NAME:
            return
        # As text: an unknown user or a name that is too long is no error here.
        expanded = os.path.expanduser(name)  # noqa: PTH111
        if not os.path.isabs(expanded) and not os.path.exists(expanded):  # noqa: PTH110, PTH117
            return
        self.check(expanded, "the checkpoint")

    def _check_base(self, path: str) -> None:
        """Check an earlier edit, where its frames lie, and everything below it.

        What its file says was written by a job, but anybody could have written it.
        """
        seen: set[Path] = set()
        while (place := self.check(path, "the base")) not in seen:
            seen.add(place)
            try:
                file = self.check(find_job_file(str(place)), "the base")
                earlier = read_job(file)
                frames = frames_of(earlier, file)
            except (OcioError, InvalidJob, UnreadableJob):
                return  # what is wrong is said when the job runs
            self.check(frames.folder, "the base")
            self._check_links(frames.frames_on_disk().values(), "the base")
            if earlier.base is None:
                return
            path = nearby(earlier.base.job, file)

    def _check_links(self, files: Iterable[Path], what: str) -> None:
        for file in files:
            if file.is_symlink():
                self.check(file, what)

    def _check_matte(self, source: str) -> None:
        """Check every way to read ``SEQUENCE[:CHANNEL]``: where it is cut is the reader's choice.

        ``:CHANNEL`` alone is a channel of the plate.
        """
        pieces = source.split(":")
        if not pieces[0]:
            return
        for end in range(1, len(pieces) + 1):
            self.check(":".join(pieces[:end]), "the matte")


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
