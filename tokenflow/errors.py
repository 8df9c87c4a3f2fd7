"""What can go wrong in the engine, in words a user can act on.

Every leaf is named after what went wrong and carries the sentence, the frame or file it happened
to, and the remedy. Its exit code is the one that the command line promises; service and panel show
the same text, so they cannot disagree. Anything that is not one of these errors (or of
``ocio.errors``) is a bug of ours.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from ocio.errors import OcioError


class TokenFlowError(Exception):
    """Root of the engine's errors.

    Parameters
    ----------
    message
        What happened, one sentence without a full stop.
    hint
        What the user can do about it.
    frame
        Absolute number of the frame it happened to.
    path
        The file or folder it happened to.
    """

    exit_code: ClassVar[int] = 70
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        frame: int | None = None,
        path: Path | str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.frame = frame
        self.path = path

    @property
    def code(self) -> str:
        """Name of the error in snake case, as the service reports it."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def __str__(self) -> str:
        """One line: the message, the frame and file unless it names them, the remedy."""
        text = self.message
        if self.frame is not None and not re.search(rf"(?<!\d){self.frame}(?!\d)", text):
            text += f" (frame {self.frame})"
        if self.path is not None and str(self.path) not in text:
            text += f" ({self.path})"
        if self.hint:
            text += f". {self.hint}"
        return " ".join(text.split())


def error_json(error: TokenFlowError | OcioError) -> dict[str, Any]:
    """Return an error as a JSON object: what service, history and event streams say of it."""
    where = {"frame": error.frame, "path": None if error.path is None else str(error.path)}
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        **{name: value for name, value in where.items() if value is not None},
        "exit_code": error.exit_code,
        "retryable": error.retryable,
    }


class InvalidJob(TokenFlowError):
    """A job, or one of its values, is not what the engine takes."""

    exit_code = 65


class InvalidPathMapping(TokenFlowError):
    """The rules that say where this machine sees the paths of others are not what we read."""

    exit_code = 65


class CheckpointRejected(TokenFlowError):
    """The checkpoint is there but cannot be used: a pickle, another layout, a missing key."""

    exit_code = 65


class UnreadableJob(TokenFlowError):
    """The job file is missing or cannot be read."""

    exit_code = 66


class UnreadablePathMapping(TokenFlowError):
    """The file of path mapping rules is missing or cannot be read."""

    exit_code = 66


class UnknownJob(TokenFlowError):
    """The service has no job of that id."""

    exit_code = 66


class NonFiniteResult(TokenFlowError):
    """The model produced NaN or infinite values from finite ones."""

    exit_code = 70


class ServiceRefused(TokenFlowError):
    """The service turned a request away for a reason that no other error here names."""

    exit_code = 70


class WorkspaceUnusable(TokenFlowError):
    """The folder for intermediate results cannot be written: full, or in the way of something."""

    exit_code = 73


class JobBusy(TokenFlowError):
    """The job is queued or running, and what was asked for needs one that has ended."""

    exit_code = 73


class DatabaseUnusable(TokenFlowError):
    """The queue's file cannot be opened or written: damaged, not ours, or the disk is full."""

    exit_code = 73


class OutOfMemory(TokenFlowError):
    """The device has too little memory, after every fallback."""

    exit_code = 75
    retryable = True


class ResultUnfinished(TokenFlowError):
    """Frames that the job writes are missing or not whole; their tasks have to run again."""

    exit_code = 75
    retryable = True


class WorkerDied(TokenFlowError):
    """The process that computed the job ended in the middle of it."""

    exit_code = 75
    retryable = True


class ServiceUnreachable(TokenFlowError):
    """The service does not answer, or did not come up."""

    exit_code = 75
    retryable = True


class ServiceBusy(TokenFlowError):
    """The service answers, but cannot do this now: a crowd, a full disk, one that is gone."""

    exit_code = 75
    retryable = True


class NoPermission(TokenFlowError):
    """The user may not read or write what the job names."""

    exit_code = 77


class PathNotAllowed(TokenFlowError):
    """The path lies outside the folders that the service may use."""

    exit_code = 77


class CheckpointMissing(TokenFlowError):
    """No checkpoint lies where the job says."""

    exit_code = 78


class CheckpointDamaged(TokenFlowError):
    """The weights differ from the checksum that is recorded for them."""

    exit_code = 78


class DeviceUnavailable(TokenFlowError):
    """The device that was asked for does not exist here, or cannot do what was asked of it."""

    exit_code = 78


class ServiceDidNotStart(TokenFlowError):
    """The service ended while it was starting, or could not be started at all."""

    exit_code = 78


class ServiceMismatch(TokenFlowError):
    """What answers is not a service of this protocol."""

    exit_code = 78


class SettingsUnusable(TokenFlowError):
    """The user's settings cannot be read, or a folder that they name cannot be used."""

    exit_code = 78


class DatabaseTooNew(TokenFlowError):
    """The queue was written by a newer version."""

    exit_code = 78


class EngineNotInstalled(TokenFlowError):
    """A library of the extra ``engine`` is missing."""

    exit_code = 78


class Cancelled(TokenFlowError):
    """The user stopped the job; what was written is whole."""

    exit_code = 130


class Terminated(Cancelled):
    """The system asked the job to end; what was written is whole."""

    exit_code = 143
