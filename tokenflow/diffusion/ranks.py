"""Several processes, the ranks, that edit one shot together, each on a device of its own.

Batches are dealt out and never split, so every tensor goes through the same kernels in the same
shapes as in one process: the results are the same bits. Latents lie in files that all ranks of a
machine see; what the keyframes of a step have to know of each other goes from rank to rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import FileStore

from tokenflow.errors import WorkerDied

T = TypeVar("T")

_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_AXES = 6  # of a tensor that is handed round, at most

PATIENCE = timedelta(minutes=30)
"""How long a rank waits for another; one that dies is noticed at once by who started it."""


class Ranks:
    """The place of this process among those that work together; alone by default.

    Parameters
    ----------
    rank, size
        Number of this process, and of how many.
    device
        Where tensors lie while they go from rank to rank; the host's memory by default.

    Attributes
    ----------
    received
        Bytes of tensors that came from other ranks.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: str | torch.device = "cpu") -> None:
        self.rank, self.size, self.device = rank, size, torch.device(device)
        self.received = 0

    @property
    def alone(self) -> bool:
        """Whether there are no others."""
        return self.size == 1

    @property
    def leads(self) -> bool:
        """Whether this is the rank that finishes what all have written."""
        return self.rank == 0

    def dealt(self, items: Sequence[T]) -> Sequence[T]:
        """Give those of some items that are this rank's, by their numbers alone."""
        return items[self.rank :: self.size]

    def owner(self, number: int) -> int:
        """Tell whose an item is, by its number."""
        return number % self.size

    def wait(self) -> None:
        """Wait until all ranks are here."""
        self.gathered(None)

    def gathered(self, value: T) -> list[T]:
        """Give what every rank has, by rank; all are here when it returns.

        Raises
        ------
        WorkerDied
            If another rank has gone.
        """
        if self.alone:
            return [value]
        values: list[Any] = [None] * self.size
        with _together():
            dist.all_gather_object(values, value)
        return values

    def handed_round(self, tensor: torch.Tensor | None, owner: int) -> torch.Tensor:
        """Give the tensor that `owner` has, on the host or on `device`.

        Parameters
        ----------
        tensor
            Of the owner; what others give is not looked at.

        Raises
        ------
        WorkerDied
            If another rank has gone.
        """
        with _together():
            layout = torch.zeros(2 + _AXES, dtype=torch.int64)
            if owner == self.rank:
                assert tensor is not None
                whole = tensor.to(self.device).contiguous()
                numbers = [_DTYPES.index(whole.dtype), whole.ndim, *whole.shape]
                layout[: len(numbers)] = torch.tensor(numbers)
            dist.broadcast(layout, src=owner)
            if owner != self.rank:
                number, axes, *shape = layout.tolist()
                whole = torch.empty(shape[:axes], dtype=_DTYPES[number], device=self.device)
                self.received += whole.nbytes
            # Bits travel: gloo knows no bfloat16.
            dist.broadcast(whole.view(torch.uint8), src=owner)
        return whole


ALONE = Ranks()
"""One process that does everything."""


@contextmanager
def joined(meeting: Path, rank: int, size: int, device: torch.device) -> Iterator[Ranks]:
    """Join the other ranks, and leave them at the end.

    Parameters
    ----------
    meeting
        A file, not there yet, by which the ranks find each other.
    device
        Of this rank; CUDA devices talk by NCCL, all else by gloo.
    """
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.set_device(device)
    with _together():
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if cuda else "gloo",
            store=FileStore(str(meeting), size),
            rank=rank,
            world_size=size,
            timeout=PATIENCE,
        )
    try:
        yield Ranks(rank, size, device if cuda else "cpu")
    finally:
        dist.destroy_process_group()


@contextmanager
def _together() -> Iterator[None]:
    """Name the reason when the others are gone."""
    try:
        yield
    except (dist.DistError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise WorkerDied(
            f"another process of the job has gone: {str(error).splitlines()[0][:200]}",
            hint="Run the job again with --resume.",
        ) from error
