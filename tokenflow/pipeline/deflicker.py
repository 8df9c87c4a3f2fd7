"""The deflicker stage: the edit made steady along the plate's motion, before it is merged.

Before and not after the merge: here the edit stands alone, without the plate's grain and light, so
the filter needs no guess of what the plate does, and at the model's size a frame costs a tenth.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ocio.exr import read_frame
from ocio.resample import proxy
from tokenflow.checkpoints.flow import RaftInfo, load_raft
from tokenflow.deflicker.flow import DisFlow, PlateFlow
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.kept_flow import KeptFlow
from tokenflow.deflicker.own_vectors import (
    VectorChannels,
    VectorWindow,
    motion_name,
    vectors_of_shot,
)
from tokenflow.deflicker.raft import RaftFlow, raft_name
from tokenflow.deflicker.settings import Form, Settings, settings_named
from tokenflow.deflicker.stream import deflicker
from tokenflow.deflicker.vectors import VectorFlow
from tokenflow.diffusion.latents import LatentStack
from tokenflow.errors import WorkspaceUnusable
from tokenflow.pipeline.device import device_kind, find_device
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.read import FrameFacts
from tokenflow.workspace import content_key

Float32 = npt.NDArray[np.float32]

NOTES = "deflicker.json"


@dataclass(frozen=True)
class Steadied:
    """What the stage did.

    Attributes
    ----------
    flow
        Where the motion came from.
    dropped
        For each frame, by its number as text, the neighbours that were taken for another shot.
    """

    flow: str
    dropped: Mapping[str, list[int]]


class Steadying(NamedTuple):
    """What the stage is to do.

    Attributes
    ----------
    shot
        Frames that the plate has on disk. Frames that stand in for missing ones are no neighbours.
    vectors
        The plate's own motion, if it is used.
    raft
        What finds the motion instead, if weights are given.
    device
        The run option that says where it does.
    settings
        In the form `delta`, or `bare` where the model's picture replaces the plate.
    """

    shot: list[int]
    vectors: VectorChannels | None
    raft: RaftInfo | None
    device: str
    settings: Settings

    @classmethod
    def of(cls, plan: Plan) -> Steadying:
        """Answer what the job leaves open."""
        job = plan.job
        shot = [planned.frame for planned in plan.frames if planned.on_disk]
        headers = {number: plan.headers[number] for number in shot}
        vectors = vectors_of_shot(headers) if job.deflicker.flow == "auto" else None
        form: Form = "bare" if job.output.merge == "replace" else "delta"
        settings = settings_named(job.deflicker.strength, form)
        return cls(shot, vectors, plan.raft, plan.options.device, settings)

    @property
    def motion_name(self) -> str:
        """Method and version of the motion."""
        if self.raft:
            return raft_name(self.raft.name, device_kind(self.device))
        return motion_name(self.vectors)

    def motion_key(self, pictures: str, facts: Mapping[int, FrameFacts]) -> str:
        """Hash of what the motion depends on: the plate's files, the model's size, the method."""
        return content_key(pictures, [facts[n].sha256 for n in self.shot], self.motion_name)

    def key(self, before: str, motion: str) -> str:
        """Hash of what the result depends on."""
        return content_key(before, motion, asdict(self.settings))


def steady(
    plan: Plan,
    asked: Steadying,
    edit: LatentStack,
    steadied: LatentStack,
    motion: Path,
    progress: Callable[[int, int], None],
) -> None:
    """Filter the edit of a shot.

    Parameters
    ----------
    edit
        Form `delta`: log difference, in code of L. Form `bare`: the picture of the edited path,
        display-referred.
    steadied
        Takes the same, filtered, of the frames on disk.
    motion
        Folder in which the plate's motion is kept.
    """
    plate = _Plate(plan, asked.vectors)
    flow: PlateFlow
    if asked.vectors and plate.vectors:
        flow = VectorFlow(plate.vectors.of, asked.shot, asked.vectors.said)
    else:
        flow = KeptFlow(_estimating(asked), motion)
    dropped: dict[str, list[int]] = {}

    def read(number: int) -> Picture:
        samples: Float32 = edit.read([number])[0].numpy()
        return Picture(_to_filter(plan, asked, samples), plate.linear(number))

    results = deflicker(asked.shot, asked.shot, read, flow, asked.settings)
    for done, result in enumerate(results, 1):
        samples = _from_filter(plan, asked, result.edit)
        steadied.write([result.frame], torch.from_numpy(samples)[None])
        if result.dropped:
            dropped[str(result.frame)] = list(result.dropped)
        progress(done, len(asked.shot))
    _write_notes(steadied.folder, Steadied(flow.name, dropped))
    steadied.finish()


def read_notes(folder: Path) -> Steadied:
    """Read what the run that filled the stage's folder said of it.

    Raises
    ------
    WorkspaceUnusable
    """
    try:
        return Steadied(**json.loads((folder / NOTES).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise WorkspaceUnusable(f"cannot read what was kept: {error}", path=folder) from error


class _Plate:
    """The plate at the model's size, with its own vectors if they are used."""

    def __init__(self, plan: Plan, channels: VectorChannels | None) -> None:
        self._plan = plan
        self.vectors = VectorWindow(channels, plan.rectangle.window) if channels else None

    def linear(self, number: int) -> Float32:
        """Return a frame, scene-linear (h, w, 3)."""
        plan, plate = self._plan, self._plan.job.plate
        frame = read_frame(plan.sequence.path(number), number)
        window = frame.parts[plan.selection.part].data_window
        if self.vectors:
            self.vectors.take(number, frame)
        rgb = frame.rgb(*plate.choice)
        return proxy(rgb, plan.rectangle, plan.size, data_window=window)


def _estimating(asked: Steadying) -> PlateFlow:
    if asked.raft is None:
        return DisFlow()
    device = find_device(asked.device)
    return RaftFlow(load_raft(asked.raft, device), asked.raft.name, device)


def _to_filter(plan: Plan, asked: Steadying, samples: Float32) -> Float32:
    if asked.settings.form == "delta":
        return samples / np.float32(plan.encoding.log.stop)
    return plan.encoding.decode(samples)


def _from_filter(plan: Plan, asked: Steadying, filtered: Float32) -> Float32:
    if asked.settings.form == "delta":
        return filtered * np.float32(plan.encoding.log.stop)
    return plan.encoding.encode(filtered)


def _write_notes(folder: Path, notes: Steadied) -> None:
    try:
        (folder / NOTES).write_text(json.dumps(asdict(notes)), encoding="utf-8")
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot keep what was done: {error.strerror}", path=folder
        ) from error
