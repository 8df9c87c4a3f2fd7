"""One run of a job under way: its device, its workspace, and what it says of itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch

from tokenflow.checkpoints.load import model_dtype
from tokenflow.checkpoints.source import CheckpointSource
from tokenflow.checkpoints.verify import CheckpointInfo
from tokenflow.diffusion.editor import EditReport
from tokenflow.diffusion.inversion import InversionReport
from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.model import Model
from tokenflow.dreammotion.bend import BendReport
from tokenflow.events import Emit, JobWarning, Progress, Stage, StageFinished, StageStarted
from tokenflow.pipeline.control_load import Hold, load_controls
from tokenflow.pipeline.device import find_device
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.progress import Tell
from tokenflow.pipeline.ranks import Report, Task, Team
from tokenflow.pipeline.room import Room
from tokenflow.workspace import Workspace, default_workspace


class Load(Protocol):
    """Gives a checkpoint ready to run, as `load_model` does."""

    def __call__(
        self,
        source: CheckpointSource,
        device: torch.device,
        dtype: torch.dtype,
        info: CheckpointInfo,
    ) -> Model:
        """Load it, or give the one that is loaded already."""
        ...


@dataclass
class Running:
    """What all stages of a run share.

    Attributes
    ----------
    plan
        The job with all its questions answered.
    emit
        Told what happens.
    load
        Where the checkpoint comes from when the first stage needs it.
    team
        Those that share the stages that denoise.
    seconds
        That each stage took.
    warnings
        What was said, once each.
    inversion, edited, bent
        What these stages did, once they have.
    device, dtype
        Where the model runs, and in which numbers.
    room
        Finds batches that fit into the device's memory.
    control_pictures
        What each ControlNet of the plan holds the edit to, once it is drawn.
    """

    plan: Plan
    emit: Emit
    load: Load
    team: Team = field(default_factory=Team)
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    inversion: InversionReport | None = None
    edited: EditReport | None = None
    bent: BendReport | None = None
    control_pictures: tuple[LatentStack, ...] = ()
    _model: Model | None = None

    def __post_init__(self) -> None:
        self.device = find_device(self.plan.options.device)
        dtype = self.plan.job.model.dtype
        self.dtype = model_dtype(dtype, self.device, gradients=self.plan.bends)
        self.held = ExitStack()
        self.room = Room(self.device, self.warn)
        self.workspace = Workspace(self.plan.options.workspace or default_workspace())
        for message in self.plan.warnings:
            self.warn(message)

    def warn(self, message: str, stage: Stage | None = None) -> None:
        """Say something once, to whoever listens and in the report."""
        if message not in self.warnings:
            self.warnings.append(message)
            self.emit(JobWarning(message, stage))

    @contextmanager
    def stage(
        self, name: Stage, total: int, *, reused: bool = False, during: Stage | None = None
    ) -> Iterator[Tell]:
        """Announce and time a stage, and let go of its folders at the end.

        Gives what takes its progress.
        """
        with self.held:
            self.emit(StageStarted(name, total))
            started = time.perf_counter()
            yield lambda done, of, detail="": self.emit(Progress(name, done, of, detail))
        seconds = time.perf_counter() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.emit(StageFinished(name, seconds, reused, during))

    def count(self, stage: Stage, seconds: float, *, while_: Stage) -> None:
        """Count to a stage what was done of it while another one lasted."""
        self.seconds[while_] -= seconds
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def folder(self, name: str, key: str) -> Path:
        """Take the folder of a stage's result before the stage; it is ours until the stage ends.

        What a stage has finished nobody changes, so later stages, of this job and of others at the
        same time, read it without owning it.
        """

        def waiting(owner: str) -> None:
            self.emit(JobWarning(f"waiting for {owner}, which computes the same: {name}"))

        folder = self.held.enter_context(self.workspace.stage(name, key, waiting))
        self.workspace.name_shot(folder, str(self.plan.sequence.pattern))
        return folder

    def by_all(self, task: Task[Report], progress: Callable[[int, int], None]) -> Report:
        """Let the whole team do a task; there is no second try with smaller batches."""
        plan = self.plan
        self.room.settle(self.model)
        return self.team.carry_out(
            task, self.model, plan.source, self.dtype, plan.checkpoint, progress, self.holds
        )

    @property
    def model(self) -> Model:
        """The checkpoint, loaded when the first stage needs it."""
        if self._model is None:
            plan = self.plan
            model = self.load(plan.source, self.device, self.dtype, plan.checkpoint)
            held = self.holds
            self._model = replace(model, controls=load_controls(held, model)) if held else model
        return self._model

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What ControlNets hold the edit to, by their weights."""
        wanted = zip(self.plan.controls, self.control_pictures, strict=True)
        return tuple(Hold(one.info, pictures, one.asked.weight) for one, pictures in wanted)
