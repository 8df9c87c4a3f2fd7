"""Latents of a shot on disk: one memory-mapped file per noise level, read by frame number.

A shot's latents never lie in memory as a whole. A stack that is being written has another name than
one that is finished, so after a crash nobody takes the first for the second.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from filelock import FileLock

from tokenflow.errors import WorkspaceUnusable

from .host_memory import reserve

#: The level of a trajectory that carries no noise.
CLEAN = -1

#: How tensors lie in a file. NumPy has no bfloat16, so its bits are kept as integers.
_DTYPES: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype("<f4"),
    torch.float64: np.dtype("<f8"),
    torch.float16: np.dtype("<f2"),
    torch.bfloat16: np.dtype("<i2"),
    torch.uint16: np.dtype("<u2"),
    torch.int32: np.dtype("<i4"),
}


class LatentStack:
    """One tensor per frame of a shot, all of one shape, in one file.

    Parameters
    ----------
    folder
        Made on the first write. Holds ``latents.npy`` (``latents.partial.npy`` until finished) and
        ``frames.json``.
    frames
        Absolute frame numbers, ascending.
    shape
        Shape of one frame's tensor, `(channels, h, w)` for a latent.
    dtype
        float32, or float64 for a UNet in float64; other tensors than latents may have others.

    Attributes
    ----------
    shared
        Whether several processes write frames of it at the same time; one of them finishes it.

    Raises
    ------
    WorkspaceUnusable
        If the folder holds another stack, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        frames: Sequence[int],
        shape: Sequence[int],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.shared = False
        self.folder = Path(folder)
        self.frames = tuple(frames)
        self.shape = tuple(shape)
        self.dtype = dtype
        self._row = {frame: row for row, frame in enumerate(self.frames)}
        self._map: npt.NDArray[Any] | None = None

    @classmethod
    def stored(cls, folder: Path, frames: Sequence[int]) -> LatentStack:
        """Open a complete stack whose shape and type stand in its files.

        Raises
        ------
        WorkspaceUnusable
            If it cannot be read.
        """
        try:
            described = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
            shape = np.load(folder / "latents.npy", mmap_mode="r").shape[1:]
        except (OSError, ValueError) as error:
            raise WorkspaceUnusable(f"cannot open latents: {error}", path=folder) from error
        return cls(folder, frames, shape, getattr(torch, described["dtype"]))

    @property
    def complete(self) -> bool:
        """Whether every frame was written and the stack finished."""
        return self._finished.is_file()

    def write(self, frames: Sequence[int], latents: torch.Tensor) -> None:
        """Store `latents` of shape `(len(frames), *shape)`; visible to others after `finish`."""
        rows = [self._row[frame] for frame in frames]
        try:
            self._mapped(writing=True)[rows] = _bits(latents.detach().cpu().to(self.dtype))
        except OSError as error:
            raise self._unusable(error) from error

    def read(self, frames: Sequence[int]) -> torch.Tensor:
        """Copy the latents of `frames` into memory: `(len(frames), *shape)`, on the CPU."""
        rows = [self._row[frame] for frame in frames]
        bits = torch.from_numpy(self._mapped(writing=False)[rows])
        return bits.view(torch.bfloat16) if self.dtype == torch.bfloat16 else bits

    def finish(self) -> None:
        """Declare the stack complete: flushed to disk and renamed in one step."""
        mapped = self._mapped(writing=True)
        if not isinstance(mapped, np.memmap):
            raise TypeError("a stack is finished by whoever wrote it")
        try:
            mapped.flush()
            self._map = None
            del mapped
            self._partial.replace(self._finished)
        except OSError as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Let go of the file; the next access opens it again."""
        self._map = None

    def discard(self) -> None:
        """Delete the stack, finished or not."""
        self._map = None
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _finished(self) -> Path:
        return self.folder / "latents.npy"

    @property
    def _partial(self) -> Path:
        return self.folder / "latents.partial.npy"

    def _unusable(self, error: OSError) -> WorkspaceUnusable:
        reason = error.strerror or str(error)
        return WorkspaceUnusable(f"cannot keep latents: {reason}", path=self.folder)

    def _mapped(self, *, writing: bool) -> npt.NDArray[Any]:
        if self._map is not None:
            return self._map
        dtype, shape = _DTYPES[self.dtype], (len(self.frames), *self.shape)
        try:
            if self.complete:
                self._check_frames()
                self._map = np.load(self._finished, mmap_mode="r")
            elif writing:
                self._map = self._begun(dtype, shape)
            else:
                self._map = np.load(self._partial, mmap_mode="r+")
        except (OSError, ValueError) as error:
            raise WorkspaceUnusable(f"cannot open latents: {error}", path=self.folder) from error
        if self._map.shape != shape or self._map.dtype != dtype:
            raise WorkspaceUnusable(
                f"the latents have the shape {self._map.shape}, expected is {shape}",
                path=self.folder,
            )
        return self._map

    def _begun(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Make the file of a stack anew; of a shared one, or open what another process has made.

        What an interrupted run has left serves a shared one as well: every frame is written before
        a stack is finished.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".beginning") if self.shared else nullcontext():
            mapped: npt.NDArray[Any] | None = None
            if self.shared:
                with suppress(OSError, ValueError):
                    mapped = np.load(self._partial, mmap_mode="r+")
            if mapped is None or mapped.shape != shape or mapped.dtype != dtype:
                described = {"frames": self.frames, "dtype": str(self.dtype).rpartition(".")[2]}
                (self.folder / "frames.json").write_text(json.dumps(described), encoding="utf-8")
                mapped = np.lib.format.open_memmap(
                    self._partial, mode="w+", dtype=dtype, shape=shape
                )
            with self._partial.open("r+b") as file:
                reserve(file.fileno(), self._partial.stat().st_size)
        return mapped

    def __getstate__(self) -> dict[str, Any]:
        """Go to another process as a place on disk, without what is open."""
        return {**vars(self), "_map": None}

    def _check_frames(self) -> None:
        stored = json.loads((self.folder / "frames.json").read_text(encoding="utf-8"))
        if tuple(stored["frames"]) != self.frames:
            raise WorkspaceUnusable("the latents belong to other frames", path=self.folder)


def _bits(tensor: torch.Tensor) -> npt.NDArray[Any]:
    bits: npt.NDArray[Any] = (
        tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
    ).numpy()
    return bits


class Trajectory:
    """A shot's latents at several noise levels: one `LatentStack` per timestep.

    Parameters
    ----------
    folder
        Holds one folder per level.
    timesteps
        The levels; `CLEAN` is the one without noise.
    frames, shape, dtype
        As in `LatentStack`.
    """

    def __init__(
        self,
        folder: Path,
        timesteps: Sequence[int],
        frames: Sequence[int],
        shape: Sequence[int],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.folder = Path(folder)
        self.timesteps = tuple(timesteps)
        self.frames = tuple(frames)
        self.shape = tuple(shape)
        self.dtype = dtype
        self._levels = {
            t: LatentStack(self.folder / level_name(t), frames, shape, dtype)
            for t in self.timesteps
        }

    def at(self, timestep: int) -> LatentStack:
        """Give the latents at one of `timesteps`."""
        return self._levels[timestep]

    def share(self) -> None:
        """Let several processes write frames at the same time; one of them finishes each level."""
        for stack in self._levels.values():
            stack.shared = True

    @property
    def complete(self) -> bool:
        """Whether the stack of every level is complete."""
        return all(stack.complete for stack in self._levels.values())


def level_name(timestep: int) -> str:
    """Name of the folder of one noise level: ``t0981``, or ``clean``."""
    return "clean" if timestep == CLEAN else f"t{timestep:04d}"
