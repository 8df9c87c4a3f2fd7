"""Image sequences on disk: name patterns, discovery, and what to do about missing frames."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal

from ocio.errors import (
    AmbiguousSequence,
    InvalidSequencePattern,
    MissingFrames,
    OcioError,
    SequenceNotFound,
)
from ocio.frame_range import FrameRange

MissingPolicy = Literal["error", "skip", "hold", "black"]

NAMED = 3
"""Sequences of a folder that an error names."""

_TOKEN = re.compile(r"#+|%0?(\d*)d|\$F(\d*)")
# A minus sign belongs to the number only after a separator: shot-1001.exr is frame 1001. A number
# after a lone v is a version, never a frame.
_FRAME_IN_NAME = re.compile(r"(?:(?<=[._ -])-)?(?<![0-9])\d+")
_VERSION = re.compile(r"(?:^|[^A-Za-z])[vV]$")


@dataclass(frozen=True)
class SequencePattern:
    """The name of a sequence: folder, text before and after the frame number, and its padding.

    Attributes
    ----------
    folder : Path
    prefix, suffix : str
        File name before and after the number.
    padding : int
        Least number of characters of the number, 1 for none; 0 means a single file without number.
    sign_counts : bool
        Whether the minus sign of a negative frame is part of the padding: ``-008`` as C formats
        it (True), or ``-0008`` as some tools do.
    """

    folder: Path
    prefix: str
    suffix: str
    padding: int
    sign_counts: bool = True

    @classmethod
    def parse(cls, text: str | Path) -> SequencePattern:
        """Read ``####``, ``%04d``, ``%d``, ``$F4`` or a plain file name.

        Raises
        ------
        InvalidSequencePattern
            When the number stands twice, or in a folder name.
        """
        path = Path(text)
        tokens = list(_TOKEN.finditer(path.name))
        if len(tokens) > 1 or _TOKEN.search(str(path.parent)):
            raise InvalidSequencePattern(
                f"'{text}' must name the frame number once, in the file name",
                hint="write for example shot.####.exr",
            )
        if not path.name:
            raise InvalidSequencePattern(
                f"'{text}' names no file", hint="write for example shot.####.exr"
            )
        if not tokens:
            return cls(path.parent, path.name, "", 0)
        token = tokens[0]
        width = len(token[0]) if token[0][0] == "#" else int(token[1] or token[2] or 1)
        return cls(path.parent, path.name[: token.start()], path.name[token.end() :], max(width, 1))

    def name(self, frame: int) -> str:
        """Return the file name of a frame."""
        if self.padding == 0:
            return self.prefix
        width = self.padding + (frame < 0 and not self.sign_counts)
        return f"{self.prefix}{frame:0{width}d}{self.suffix}"

    def path(self, frame: int) -> Path:
        """Return the path of a frame."""
        return self.folder / self.name(frame)

    def __str__(self) -> str:
        number = "" if self.padding == 0 else "#" * self.padding if self.padding > 1 else "%d"
        return str(self.folder / f"{self.prefix}{number}{self.suffix}")

    def frames_on_disk(self) -> dict[int, Path]:
        """List the files that this pattern names, by frame; both styles of a negative number."""
        if self.padding == 0:
            file = self.folder / self.prefix
            return {0: file} if file.name in _file_names(self.folder) else {}
        found: dict[int, Path] = {}
        for name in _file_names(self.folder):
            frame = self._frame_of(name)
            if frame is not None and (frame not in found or name == self.name(frame)):
                found[frame] = self.folder / name
        return dict(sorted(found.items()))

    def _frame_of(self, name: str) -> int | None:
        if not (name.startswith(self.prefix) and name.endswith(self.suffix)):
            return None
        number = name[len(self.prefix) : len(name) - len(self.suffix)]
        if not re.fullmatch(r"-?\d+", number, re.ASCII):
            return None
        frame = int(number)
        styles = (replace(self, sign_counts=True), replace(self, sign_counts=False))
        return frame if name in {style.name(frame) for style in styles} else None


@dataclass(frozen=True)
class Sequence:
    """A sequence that was found on disk.

    Attributes
    ----------
    pattern : SequencePattern
    frames : tuple of int
        What is there, ascending.
    missing : tuple of int
        What is not there although its neighbours, or the range asked for, say that it should be.
    """

    pattern: SequencePattern
    frames: tuple[int, ...]
    missing: tuple[int, ...] = ()
    files: dict[int, Path] = field(default_factory=dict, repr=False, compare=False)

    def path(self, frame: int) -> Path:
        """Return the file of a frame: the one on disk, else the one the pattern would name."""
        return self.files.get(frame, self.pattern.path(frame))

    def select(self, wanted: FrameRange | None) -> Sequence:
        """Limit the sequence to a range; frames asked for and not on disk become ``missing``."""
        if wanted is None:
            return self
        there = set(self.frames)
        return replace(
            self,
            frames=tuple(frame for frame in wanted if frame in there),
            missing=tuple(frame for frame in wanted if frame not in there),
        )


@dataclass(frozen=True)
class PlannedFrame:
    """One frame of a job and the file that the model sees for it (None: black)."""

    frame: int
    source: Path | None
    on_disk: bool

    @property
    def written(self) -> bool:
        """Whether the frame is delivered: one that is not on disk feeds the model only."""
        return self.on_disk


def find_sequence(path: str | Path) -> Sequence:
    """Find a sequence from its pattern, from a folder that holds just one, or from one file of it.

    Raises
    ------
    SequenceNotFound
        When no file matches.
    AmbiguousSequence
        When a folder holds several sequences.
    """
    location = Path(path)
    try:
        is_folder, is_file = location.is_dir(), location.is_file()
    except OSError as error:
        raise _unlistable(location, error) from error
    if is_folder:
        return _sequence_in_folder(location)
    pattern = SequencePattern.parse(location)
    if pattern.padding == 0 and is_file:
        pattern = _pattern_of_file(location)
    files = pattern.frames_on_disk()
    if not files:
        raise SequenceNotFound(
            f"no frame found for '{path}'",
            hint=_what_is_there(location.parent),
            path=location,
        )
    return _sequence(pattern, files)


def plan_frames(
    sequence: Sequence,
    wanted: FrameRange | None = None,
    policy: MissingPolicy = "error",
    *,
    broken: Collection[int] = (),
) -> tuple[PlannedFrame, ...]:
    """Decide what the model sees for every frame, before any work is done.

    Parameters
    ----------
    wanted : FrameRange, optional
        Default: all frames on disk and the gaps between them.
    policy : {"error", "skip", "hold", "black"}
        For a frame that is not there: stop, go on without it, show the nearest one (of two equally
        near the earlier), or show black.
    broken : collection of int
        Frames that are on disk but do not decode; they count as missing.

    Raises
    ------
    MissingFrames
        Naming every missing frame, or when no frame at all is there.
    """
    chosen = sequence.select(wanted)
    usable = [frame for frame in sequence.frames if frame not in broken]
    lost = FrameRange.of(frame for frame in chosen.frames if frame in broken)
    gone = FrameRange.of((*chosen.missing, *lost))
    frames = FrameRange.of((*chosen.frames, *chosen.missing))
    if gone and (policy == "error" or not usable or len(gone) == len(frames)):
        raise MissingFrames(
            f"{'a frame is' if len(gone) == 1 else 'frames are'} missing or broken: {gone}",
            frames=gone,
            hint="render what is missing, choose other --frames, or go on with --missing hold, "
            "black or skip",
            path=str(sequence.pattern),
        )
    if not frames:
        raise MissingFrames("no frame to work on", hint="check --frames", path=chosen.path(0))
    absent = set(gone)
    if policy == "skip":
        return tuple(
            PlannedFrame(frame, sequence.path(frame), True)
            for frame in frames
            if frame not in absent
        )
    return tuple(
        PlannedFrame(frame, sequence.path(frame), True)
        if frame not in absent
        else PlannedFrame(frame, _stand_in(sequence, frame, usable, policy), False)
        for frame in frames
    )


def _stand_in(
    sequence: Sequence, frame: int, usable: list[int], policy: MissingPolicy
) -> Path | None:
    if policy == "black":
        return None
    return sequence.path(min(usable, key=lambda other: (abs(other - frame), other)))


def _sequence(pattern: SequencePattern, files: dict[int, Path]) -> Sequence:
    frames = tuple(files)
    expected = range(frames[0], frames[-1] + 1, _step(frames))
    missing = tuple(frame for frame in expected if frame not in files)
    negative = [frame for frame in frames if frame < 0]
    own_style = [frame for frame in negative if files[frame].name == pattern.name(frame)]
    if negative and not own_style:
        pattern = replace(pattern, sign_counts=not pattern.sign_counts)
    return Sequence(pattern, frames, missing, files)


def _step(frames: tuple[int, ...]) -> int:
    """Find the step of a shot on twos, threes, ...; two frames alone tell no step."""
    return math.gcd(*(b - a for a, b in pairwise(frames))) if len(frames) > 2 else 1


def _pattern_of_file(file: Path) -> SequencePattern:
    """Take the last number before the extension as the frame, with the padding of its siblings."""
    stem, _, extension = file.name.rpartition(".")
    if not stem:
        return SequencePattern(file.parent, file.name, "", 0)
    numbers = [
        match
        for match in _FRAME_IN_NAME.finditer(stem)
        if not _VERSION.search(stem[: match.start()])
    ]
    if not numbers:
        return SequencePattern(file.parent, file.name, "", 0)
    number = numbers[-1]
    prefix, suffix = stem[: number.start()], f"{stem[number.end() :]}.{extension}"
    return SequencePattern(file.parent, prefix, suffix, _padding(file.parent, prefix, suffix))


def _padding(folder: Path, prefix: str, suffix: str) -> int:
    """Infer the padding: the length of zero-padded numbers, else that of the shortest number.

    The shortest number is right either way: 999 and 1001 come out alike with no padding and
    with 3.
    """
    expression = re.compile(re.escape(prefix) + r"(-?)(\d+)" + re.escape(suffix), re.ASCII)
    found = [match for name in _file_names(folder) if (match := expression.fullmatch(name))]
    padded = [len(match[2]) for match in found if match[2].startswith("0") and not match[1]]
    positive = [len(match[2]) for match in found if not match[1]]
    signed = [len(match[0]) - len(prefix) - len(suffix) for match in found]
    return min(padded or positive or signed)


def _sequence_in_folder(folder: Path) -> Sequence:
    names = [name for name in _file_names(folder) if name.lower().endswith(".exr")]
    patterns = {str(pattern): pattern for pattern in _patterns(folder, names)}
    if not patterns:
        raise SequenceNotFound(
            f"folder '{folder}' holds no EXR file", hint="name the sequence", path=folder
        )
    if len(patterns) > 1:
        listed = ", ".join(Path(name).name for name in sorted(patterns)[:6])
        raise AmbiguousSequence(
            f"folder '{folder}' holds {len(patterns)} sequences: {listed}",
            hint="name one of them",
            path=folder,
        )
    pattern = next(iter(patterns.values()))
    return _sequence(pattern, pattern.frames_on_disk())


def _what_is_there(folder: Path) -> str:
    """Help with a path that leads nowhere: say whether its folder is there, and what it holds."""
    if not folder.is_dir():
        return f"there is no folder '{folder}'"
    names = [name for name in _file_names(folder) if name.lower().endswith(".exr")]
    held = [Path(str(pattern)).name for pattern in islice(_patterns(folder, names), NAMED)]
    if held:
        return f"the folder holds {', '.join(held)}"
    return "check the path; a pattern looks like shot.####.exr"


def _patterns(folder: Path, names: Iterable[str]) -> Iterable[SequencePattern]:
    rest = sorted(names)
    while rest:
        pattern = _pattern_of_file(folder / rest[0])
        own = {file.name for file in pattern.frames_on_disk().values()} | {rest[0]}
        rest = [name for name in rest if name not in own]
        yield pattern


def _file_names(folder: Path) -> list[str]:
    """Names of the files in a folder without hidden ones, which include our temporary files."""
    try:
        with os.scandir(folder) as entries:
            return [e.name for e in entries if not e.name.startswith(".") and e.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unlistable(folder, error) from error


def _unlistable(folder: Path, error: OSError) -> OcioError:
    return SequenceNotFound(
        f"'{folder}' cannot be looked at: {error.strerror}",
        hint="check its permissions",
        path=folder,
    )
