"""The last stages: the edit goes into the plate, and the frame to disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocio.exr import read_frame
from ocio.exr_write import remove_stale_temporaries, write_frame
from ocio.frame import Frame
from ocio.merge import Merged, Placement, merge_delta, merge_replace
from tokenflow.diffusion.editor import EditReport
from tokenflow.diffusion.latents import LatentStack
from tokenflow.errors import Cancelled
from tokenflow.events import Emit, FrameWritten
from tokenflow.pipeline.at_once import FramesAtOnce
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.provenance import (
    FrameCounts,
    counts_if_done,
    frame_attributes,
    job_attributes,
    result_attributes,
)
from tokenflow.pipeline.read import Pictures

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Change:
    """The edit of one frame at the model's resolution, (height, width, 3).

    Attributes
    ----------
    delta
        As a log difference; see `ocio.merge.delta`.
    picture
        As the model's own picture.
    """

    delta: Float32
    picture: Float32


@dataclass(frozen=True)
class FrameResult:
    """Where one frame of the result lies, and what was met in it by the run that wrote it."""

    path: Path
    counts: FrameCounts
    kept: bool = False
    merging_seconds: float = 0.0
    writing_seconds: float = 0.0


@dataclass(frozen=True)
class Delivery:
    """The frames of a run, by number."""

    results: Mapping[int, FrameResult] = field(default_factory=dict)

    @property
    def written(self) -> tuple[int, ...]:
        """Frames that this run wrote or found whole."""
        return tuple(sorted(self.results))

    @property
    def writing_share(self) -> float:
        """Share of the time in which frames were merged and written that went into writing."""
        writing = sum(result.writing_seconds for result in self.results.values())
        merging = sum(result.merging_seconds for result in self.results.values())
        return writing / (merging + writing) if writing else 0.0

    def counts(self) -> dict[str, int]:
        """Add up over all frames, kept ones too, what was met in them."""
        met = [asdict(result.counts) for result in self.results.values()]
        return {field.name: sum(one[field.name] for one in met) for field in fields(FrameCounts)}


class Merger:
    """Merges the edit into frames of the plate and writes them; may be asked by several threads.

    Parameters
    ----------
    inputs
        Hash of all that the edit depends on; a frame that carries another one is made anew.
    drawn
        The edit with its keyframes, if the method has any.
    """

    def __init__(
        self, plan: Plan, pictures: Pictures, inputs: str, drawn: EditReport | None
    ) -> None:
        self._plan, self._pictures = plan, pictures
        self._attributes = job_attributes(plan, inputs, drawn)
        remove_stale_temporaries(plan.output.folder)

    def write(
        self, number: int, change: Callable[[], Change], stopped: threading.Event
    ) -> FrameResult:
        """Merge and write one frame, unless it is whole already.

        Parameters
        ----------
        change
            Gives the edit of the frame.
        stopped
            Set where the frame is no longer wanted.
        """
        plan, started = self._plan, time.perf_counter()
        path, facts = plan.output.path(number), self._pictures.facts[number]
        made_of = self._attributes | frame_attributes(plan, number, facts)
        if plan.options.resume and (met := counts_if_done(path, plan.hash, made_of)):
            return FrameResult(path, met, kept=True)
        frame = read_frame(plan.sequence.path(number), number)
        merged = _merge(plan, frame, change())
        result = frame.with_rgb(merged.rgb, merged.touched, *plan.job.plate.choice)
        counts = FrameCounts.of(merged.counts, result.clamped)
        if stopped.is_set():
            raise Cancelled("cancelled", frame=number)
        merging = time.perf_counter() - started
        write_frame(
            path,
            result,
            attributes=made_of | result_attributes(facts, counts),
            overwrite=plan.options.overwrite or plan.options.resume,
            compression="source" if plan.job.output.compression == "source" else None,
        )
        return FrameResult(path, counts, False, merging, time.perf_counter() - started - merging)


def deliver(
    plan: Plan,
    deltas: LatentStack,
    edited: LatentStack,
    merger: Merger,
    emit: Emit,
    progress: Callable[[int, int], None],
) -> Delivery:
    """Merge and write all frames of the run.

    Parameters
    ----------
    deltas, edited
        The edit as log difference and as picture, at the model's resolution.
    """
    results: dict[int, FrameResult] = {}

    def one(number: int) -> FrameResult:
        def change() -> Change:
            return Change(*(stack.read([number])[0].numpy() for stack in (deltas, edited)))

        return merger.write(number, change, frames.stopped)

    with FramesAtOnce[FrameResult](plan.output.folder) as frames:
        for number, made in frames.each(plan.written, one):
            results[number] = result = made.result()
            emit(FrameWritten(number, str(result.path), skipped=result.kept))
            progress(len(results), len(plan.written))
    return Delivery(results)


def _merge(plan: Plan, frame: Frame, change: Change) -> Merged:
    job, number = plan.job, frame.frame
    assert number is not None  # the frame was read by its number
    part = plan.selection.part
    rgb = frame.rgb(*job.plate.choice)
    placement = Placement(
        plan.rectangle,
        data_window=frame.parts[part].data_window,
        matte=plan.matte.read(number, frame, part) if plan.matte else None,
        alpha=frame.alpha(*job.plate.choice),
        strength=job.output.strength,
    )
    if job.output.merge == "replace":
        picture = np.clip(change.picture, 0.0, 1.0)
        return merge_replace(rgb, picture, plan.encoding, placement, regrain=job.output.regrain)
    return merge_delta(rgb, change.delta, plan.encoding, placement, cap_stops=job.output.cap_stops)
