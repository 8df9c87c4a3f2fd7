"""What all measures share: the pictures of plate and edits, the plate's motion, the matte."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocio.errors import DiskFull
from ocio.exr import read_frame
from ocio.matte import Matte
from tokenflow.metrics.clip import Clip, read_clip
from tokenflow.metrics.plate_motion import PlateMotion
from tokenflow.metrics.subject import PLATE, Subject
from tokenflow.metrics.warp_error import Mask, Motion, visible

Float32 = npt.NDArray[np.float32]


class Measured:
    """A subject in small pictures.

    Parameters
    ----------
    folder
        Where pictures and motion are kept.
    step
        Called after each frame that is read.
    own_vectors
        Whether the plate's own motion vectors are used where it has them.

    Attributes
    ----------
    plate : Clip
    edits : tuple of Clip
    motion : PlateMotion
    """

    def __init__(
        self, subject: Subject, folder: Path, step: Callable[[], None], *, own_vectors: bool = True
    ) -> None:
        self.subject, self.numbers = subject, subject.numbers
        self._folder, self._step = folder, step
        _check_room(subject, folder)
        self.plate = self._read(PLATE, subject.plate.path, 0)
        self.edits = tuple(
            self._read(name, edit.path, place)
            for place, (name, edit) in enumerate(subject.edits.items(), 1)
        )
        files = {number: subject.plate.path(number) for number in self.numbers}
        self.motion = PlateMotion(
            self.plate, files, subject.viewing, folder / "motion", own_vectors=own_vectors
        )
        # Neighbours are asked for by several measures in turn.
        self.followed = lru_cache(maxsize=2)(self._followed)

    def each(self, measure: Callable[[Clip], float | None]) -> dict[str, float | None]:
        """Measure every edit, by its name."""
        return {edit.name: measure(edit) for edit in self.edits}

    def small(self, matte: Matte) -> dict[int, Float32]:
        """Return a matte at the size of the pictures, (h, w) by frame."""
        viewing, small = self.subject.viewing, {}
        for number in self.numbers:
            frame = read_frame(self.subject.plate.path(number), number)
            whole = matte.read(number, frame, frame.select(*viewing.choice).part)
            small[number] = viewing.linear(frame, whole[..., None])[..., 0]
        return small

    def _read(self, name: str, path: Callable[[int], Path], place: int) -> Clip:
        files = {number: path(number) for number in self.numbers}
        folder = self._folder / f"clip{place}"
        return read_clip(name, files, self.subject.viewing, folder, self._step)

    def _followed(self, first: int, second: int) -> tuple[Motion, Mask]:
        motion = self.motion.between(first, second)
        return motion, visible(motion)


def _check_room(subject: Subject, folder: Path) -> None:
    """Refuse a disk too small for pictures and motion: a memory map on a full one ends the process.

    Raises
    ------
    DiskFull
    """
    width, height = subject.viewing.size
    frames = len(subject.numbers)
    # Two pictures of each frame of each sequence; motion both ways for up to five kinds of pairs.
    samples = frames * (6 * (len(subject.edits) + 1) + 4 * 5)
    needed = 4 * samples * width * height
    if shutil.disk_usage(folder).free < needed:
        raise DiskFull(
            f"measuring {frames} frames needs {needed / 1e9:.1f} GB for a while",
            hint="Free some space, choose fewer --frames, or a smaller --width.",
            path=folder,
        )
