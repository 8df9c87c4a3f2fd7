"""Tensors that wait beside the device.

What grows with the length of a shot (tokens of keyframes, skip connections of waiting batches) must
not lie on the device. With a GPU it waits in pinned memory of the host; on the CPU, where host and
device are one, in memory-mapped files that the system can write out, and from which kernels read in
place.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import torch

from tokenflow.errors import WorkspaceUnusable


def reserve(file: int, size: int) -> None:
    """Give the open file `size` bytes on the disk now.

    Writing through a mapping into a hole of a file ends the process when the disk is full; asking
    first is an error that names the reason.

    Raises
    ------
    OSError
        If the disk is full.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)


class HostMemory:
    """Named buffers outside the device's memory, reused by name.

    Use it as a context manager: its files are gone when it closes.

    Parameters
    ----------
    folder
        Where memory-mapped files are made; unused with a CUDA device.
    device
        The device whose memory is to be spared.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.device = device
        self._pinned = device.type == "cuda"
        self._folder = Path(folder)
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self._bytes: dict[str, torch.Tensor] = {}
        self._made = 0

    def __enter__(self) -> HostMemory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bytes.clear()
        if self._files is not None:
            self._files.cleanup()

    def buffer(self, name: str, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """Give the buffer `name` with this shape; its content is kept as long as the shape is.

        Raises
        ------
        WorkspaceUnusable
            If its file cannot be made.
        """
        size = math.prod(shape) * dtype.itemsize
        held = self._bytes.get(name)
        if held is None or held.numel() < size:
            held = self._bytes[name] = self._allocate(size)
        return held[:size].view(dtype).view(*shape)

    def put(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """Copy `tensor` into the buffer `name` and give the copy."""
        host = self.buffer(name, tensor.shape, tensor.dtype)
        host.copy_(tensor, non_blocking=self._pinned)
        return host

    def fetch(self, host: torch.Tensor) -> torch.Tensor:
        """Give a buffer, or a part of one, on the device: a copy, or on the CPU itself."""
        if host.device == self.device:
            return host
        if host.is_contiguous() or host.ndim < 2:
            return host.to(self.device, non_blocking=True)
        # A copy of a strided tensor would be packed on the host first, and wait for it.
        return torch.stack([self.fetch(part) for part in host])

    def _allocate(self, size: int) -> torch.Tensor:
        if self._pinned:
            return torch.empty(size, dtype=torch.uint8, pin_memory=True)
        try:
            if self._files is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._files = tempfile.TemporaryDirectory(dir=self._folder, prefix="waiting-")
            self._made += 1
            path = Path(self._files.name) / str(self._made)
            with path.open("wb") as file:
                reserve(file.fileno(), size)
            return torch.from_file(str(path), shared=True, size=size, dtype=torch.uint8)
        except (OSError, RuntimeError) as error:
            raise WorkspaceUnusable(
                f"cannot keep {size >> 20} MiB of tokens: {error}", path=self._folder
            ) from error
