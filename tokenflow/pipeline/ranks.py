"""The stages that several processes do together: one leads, the others do what it asks for.

The leader goes through the job as a single process does. When it comes to the inversion or the edit
of the shot it leaves word in a folder, the others take it, and all do their share.
"""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch

from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.source import CheckpointSource
from tokenflow.checkpoints.verify import CheckpointInfo
from tokenflow.diffusion.editor import EditReport, edit
from tokenflow.diffusion.inversion import InversionReport, invert
from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.model import Model, Progress, no_progress
from tokenflow.diffusion.ranks import ALONE, Ranks
from tokenflow.diffusion.settings import EditSettings, InversionSettings
from tokenflow.diffusion.source_features import SourceFeatures
from tokenflow.errors import OutOfMemory
from tokenflow.pipeline.control_load import Hold, load_controls
from tokenflow.pipeline.device import is_out_of_memory

POLL = 0.05
"""Seconds between two looks for a task."""

Report = TypeVar("Report", covariant=True)


class Task(Protocol[Report]):
    """Work that every rank calls with the same values."""

    def work(self, model: Model, ranks: Ranks, progress: Progress) -> Report:
        """Do this rank's share."""
        ...


@dataclass(frozen=True)
class Inverting:
    """The inversion of a shot; fields as in `tokenflow.diffusion.inversion.invert`."""

    x0: LatentStack
    out: Trajectory
    settings: InversionSettings
    prompt: str

    def work(self, model: Model, ranks: Ranks, progress: Progress) -> InversionReport:
        """Do this rank's share."""
        return invert(model, self.x0, self.out, self.settings, self.prompt, progress, ranks)


@dataclass(frozen=True)
class Editing:
    """The edit of a whole shot; fields as in `tokenflow.diffusion.editor.edit`."""

    trajectory: Trajectory
    x0: LatentStack
    out: Trajectory
    settings: EditSettings
    features: SourceFeatures | None

    def work(self, model: Model, ranks: Ranks, progress: Progress) -> EditReport:
        """Do this rank's share."""
        given = (self.trajectory, self.x0, self.out, self.settings, progress)
        return edit(model, *given, features=self.features, ranks=ranks)


@dataclass(frozen=True)
class _Order(Generic[Report]):
    """A task, and the checkpoint and ControlNets that it needs."""

    source: CheckpointSource
    dtype: torch.dtype
    info: CheckpointInfo
    holds: tuple[Hold, ...]
    task: Task[Report]


class Team:
    """The leader's end.

    Parameters
    ----------
    ranks
        The leader's place among them.
    folder
        Where it leaves word for the others; they look there alone.
    devices
        Of all ranks, for the report.
    """

    def __init__(
        self, ranks: Ranks = ALONE, folder: Path = Path(), devices: tuple[str, ...] = ()
    ) -> None:
        self.ranks, self.devices = ranks, devices
        self._folder = folder
        self._numbers = count()

    def carry_out(
        self,
        task: Task[Report],
        model: Model,
        source: CheckpointSource,
        dtype: torch.dtype,
        info: CheckpointInfo,
        progress: Progress,
        holds: tuple[Hold, ...] = (),
    ) -> Report:
        """Let all ranks do a task, and do the leader's share.

        Parameters
        ----------
        model
            The leader's; the others load theirs as `load_model` does with the next three.
        progress
            Told of the leader's share.
        holds
            ControlNets that the leader's model has beside it.
        """
        self._leave(pickle.dumps(_Order(source, dtype, info, holds, task)))
        return task.work(model, self.ranks, progress)

    def end(self) -> None:
        """Let the others go."""
        self._leave(pickle.dumps(None))

    def _leave(self, word: bytes) -> None:
        name = f"task {next(self._numbers)}"
        partial = self._folder / f"{name}.partial"
        partial.write_bytes(word)
        partial.rename(self._folder / name)


def follow(ranks: Ranks, folder: Path, device: torch.device) -> None:
    """Do what the leader asks for, until it lets go.

    Raises
    ------
    OutOfMemory
        If this rank's device has too little memory for its share.
    TokenFlowError
        From the work.
    """
    model: Model | None = None
    for number in count():
        order = _next(folder / f"task {number}")
        if order is None:
            return
        try:
            if model is None:
                model = load_model(order.source, device, order.dtype, order.info)
                model = replace(model, controls=load_controls(order.holds, model))
            order.task.work(model, ranks, no_progress)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(
                f"{device} has too little memory for its share of the shot",
                hint="Choose a smaller --size, or one device, which falls back to smaller batches.",
            ) from error


def _next(word: Path) -> _Order[object] | None:
    while not word.exists():
        time.sleep(POLL)
    order: _Order[object] | None = pickle.loads(word.read_bytes())  # from our own leader
    return order
