"""The plate's motion between any two frames: the shot's own vectors where it has them, else DIS.

Vectors are read from `forward.u/v` and `backward.u/v` (pixels, y up, as Nuke writes them). Pairs
further apart than one frame follow them step by step. Without vectors the flow is that of the
deflicker: OpenCV's DIS of the plate in stops minus its median, which a flash leaves alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocio.exr import read_frame
from tokenflow.deflicker.flow import DisFlow
from tokenflow.metrics.clip import Clip, Viewing
from tokenflow.metrics.warp_error import Motion, warp

Float32 = npt.NDArray[np.float32]

VECTORS = ("forward.u", "forward.v", "backward.u", "backward.v")


class PlateMotion:
    """Motion between frames of a plate, each kept on disk once it is found.

    Parameters
    ----------
    plate
        The clip whose motion it is.
    files
        The plate's files by frame number.
    folder
        Where the motions are kept.
    own_vectors
        Whether to use the vectors of the files if they have them.
    """

    def __init__(
        self,
        plate: Clip,
        files: Mapping[int, Path],
        viewing: Viewing,
        folder: Path,
        *,
        own_vectors: bool = True,
    ) -> None:
        self.plate, self.files, self.viewing, self.folder = plate, files, viewing, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.exact = own_vectors and _has_vectors(files)
        self._dis = DisFlow()
        self.name = "the shot's motion vectors" if self.exact else self._dis.name

    def between(self, first: int, second: int) -> Motion:
        """Return the motion from frame `first` to frame `second`, both absolute numbers."""
        path = self.folder / f"{first}_{second}.npy"
        back = self.folder / f"{second}_{first}.npy"
        if not path.exists():
            forward, backward = self._find(first, second)
            np.save(path, forward)
            np.save(back, backward)
        return Motion(np.load(path), np.load(back))

    def _find(self, first: int, second: int) -> tuple[Float32, Float32]:
        if not self.exact:
            return self._estimated(first, second)
        numbers = self.plate.numbers
        steps = list(numbers[numbers.index(first) : numbers.index(second) + 1])
        if any(later - earlier != 1 for earlier, later in pairwise(steps)):
            # Vectors reach one frame; over a gap only the pictures tell.
            return self._estimated(first, second)
        forward = self._followed(steps, "forward")
        backward = self._followed(steps[::-1], "backward")
        return forward, backward

    def _estimated(self, first: int, second: int) -> tuple[Float32, Float32]:
        return self._dis.pair(first, second, self.plate.linear)

    def _followed(self, steps: list[int], way: str) -> Float32:
        """Add up the vectors along the way of each pixel."""
        motion = self._vectors(steps[0], way)
        for number in steps[1:-1]:
            motion = motion + warp(self._vectors(number, way), motion)
        return np.asarray(motion, np.float32)

    def _vectors(self, number: int, way: str) -> Float32:
        path = self.folder / f"{way}_{number}.npy"
        if not path.exists():
            frame = read_frame(self.files[number], number)
            part = frame.parts[0]
            planes = np.stack(
                [part.channels[f"{way}.{axis}"].astype(np.float32) for axis in "uv"], axis=-1
            )
            small = self.viewing.linear(frame, planes)
            width, height = self.viewing.size
            window = part.display_window
            # Files count upwards and in their own pixels, pictures downwards and in theirs.
            scale = np.array([width / window.width, -height / window.height], np.float32)
            np.save(path, small * scale)
        vectors: Float32 = np.load(path)
        return vectors


def _has_vectors(files: Mapping[int, Path]) -> bool:
    frame = read_frame(next(iter(files.values())))
    return set(VECTORS) <= frame.parts[0].channels.keys()
