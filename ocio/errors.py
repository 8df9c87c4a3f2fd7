"""What can go wrong with frames and colour, one class per cause.

Exit codes follow the table of the command line: 65 bad data, 66 input missing or broken, 70 a fault
of ours, 73 output cannot be made, 77 no permission, 78 configuration.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path


class OcioError(Exception):
    """Root of every error of this package.

    Parameters
    ----------
    message : str
        What happened, one sentence.
    hint : str
        What the user can do about it.
    frame : int, optional
        The frame concerned.
    path : path-like, optional
        The file or folder concerned.
    """

    exit_code: int = 70
    retryable: bool = False

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
        self.path = None if path is None else Path(path)

    @property
    def code(self) -> str:
        """The class name in snake_case, for machines."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def __str__(self) -> str:
        text = self.message
        if self.frame is not None and not _mentions(text, self.frame):
            text += f" (frame {self.frame})"
        if self.path is not None and self.path.name not in text:
            text += f" ({self.path})"
        if self.hint:
            text += f" - {self.hint}"
        return " ".join(text.split())


def _mentions(text: str, frame: int) -> bool:
    """Say whether a number stands in the text, with or without padding, as a file name has it."""
    return re.search(rf"(?<!\d)0*{abs(frame)}(?!\d)", text) is not None


class InvalidFrameRange(OcioError):
    """A frame range that cannot be read, or that runs backwards."""

    exit_code = 65


class InvalidSequencePattern(OcioError):
    """A file name pattern with no, or more than one, place for the frame number."""

    exit_code = 65


class SequenceNotFound(OcioError):
    """No frame on disk matches."""

    exit_code = 66


class AmbiguousSequence(OcioError):
    """A folder that holds more than one sequence."""

    exit_code = 65


class MissingFrames(OcioError):
    """Frames that were asked for are not on disk.

    Attributes
    ----------
    frames : tuple of int
        All of them.
    """

    exit_code = 66

    def __init__(
        self,
        message: str,
        *,
        frames: Sequence[int] = (),
        hint: str = "",
        path: Path | str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, path=path)
        self.frames = tuple(frames)


class UnreadableFrame(OcioError):
    """A file that is missing, truncated, damaged, or no EXR."""

    exit_code = 66


class DeepImage(OcioError):
    """A deep EXR: several samples per pixel."""

    exit_code = 65


class SeveralResolutions(OcioError):
    """A part with smaller versions of its picture, as textures have."""

    exit_code = 65


class DataPlate(OcioError):
    """A plate that is labelled as data, not colour."""

    exit_code = 65


class FramesDiffer(OcioError):
    """Display window, pixel aspect or edited channels change within a range."""

    exit_code = 65


class UnknownLayer(OcioError):
    """A part, layer or channel that the frame does not have."""

    exit_code = 65


class UnsupportedSamples(OcioError):
    """Samples of a type that cannot be edited, or not be written without loss."""

    exit_code = 65


class UnsupportedCompression(OcioError):
    """A compression that this build of OpenImageIO does not write."""

    exit_code = 65


class UnknownColourSpace(OcioError):
    """The input space of a plate is not stated, or not in the config."""

    exit_code = 65


class MatteMismatch(OcioError):
    """A matte that does not lie over the plate, or has no such channel."""

    exit_code = 65


class BrokenConfig(OcioError):
    """An OCIO config that was named but does not load or cannot do what is asked of it."""

    exit_code = 78


class UnusableView(OcioError):
    """A display and view that cannot serve as an encoding."""

    exit_code = 78


class OutputExists(OcioError):
    """An output frame is already there, or stands among frames that are not ours."""

    exit_code = 73


class OutputIsInput(OcioError):
    """The output would be written over the plate."""

    exit_code = 73


class DiskFull(OcioError):
    """No space left, or a quota reached."""

    exit_code = 73


class WriteFailed(OcioError):
    """The file could not be written, or did not read back as written."""

    exit_code = 73


class NoPermission(OcioError):
    """The system does not let us write there."""

    exit_code = 77


class NonFiniteResult(OcioError):
    """We computed NaN or infinity from finite samples: a fault of ours."""

    exit_code = 70
