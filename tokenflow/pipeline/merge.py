"""The last stages: the edit goes into the plate, and the frame to disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from ocio.exr import read_frame
from ocio.exr_write import remove_stale_temporaries, write_frame
from ocio.frame import Frame
from ocio.merge import Merged, Placement, merge_delta, merge_replace
from ocio.temporary import remove_own_temporaries
from tokenflow.diffusion.editor import EditReport
from tokenflow.diffusion.latents import LatentStack
from tokenflow.errors import Cancelled
from tokenflow.events import Emit, FrameWritten
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.provenance import (
    FrameCounts,
    counts_if_done,
    frame_attributes,
    job_attributes,
    result_attributes,
)
from tokenflow.pipeline.read import Pictures

THREADS = 2
"""Frames merged at once: OCIO and OpenImageIO let go of the interpreter, numpy mostly does."""

PATIENCE = 0.5
"""Seconds that a stopped run waits for the frames under way."""


@dataclass(frozen=True)
class FrameResult:
    """Where one frame of the result lies, and what was met in it by the run that wrote it."""

    path: Path
    counts: FrameCounts
    kept: bool = False
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
    def writing_seconds(self) -> float:
        """Seconds spent on writing and verifying, divided by the threads that did it."""
        return sum(result.writing_seconds for result in self.results.values()) / THREADS

    def counts(self) -> dict[str, int]:
        """Add up over all frames, kept ones too, what was met in them."""
        met = [asdict(result.counts) for result in self.results.values()]
        return {field.name: sum(one[field.name] for one in met) for field in fields(FrameCounts)}


def deliver(
    plan: Plan,
    deltas: LatentStack,
    edited: LatentStack,
    pictures: Pictures,
    inputs: str,
    drawn: EditReport | None,
    emit: Emit,
    progress: Callable[[int, int], None],
) -> Delivery:
    """Merge and write all frames of the run.

    Parameters
    ----------
    deltas, edited
        The edit as log difference and as picture, at the model's resolution.
    inputs
        Hash of all that the edit depends on; a frame that carries another one is made anew.
    drawn
        The edit with its keyframes, if the method has any.
    """
    remove_stale_temporaries(plan.output.folder)
    attributes = job_attributes(plan, inputs, drawn)
    stopped = threading.Event()

    def one(number: int) -> FrameResult:
        path = plan.output.path(number)
        facts = pictures.facts[number]
        made_of = attributes | frame_attributes(plan, number, facts)
        if plan.options.resume and (met := counts_if_done(path, plan.hash, made_of)):
            return FrameResult(path, met, kept=True)
        frame = read_frame(plan.sequence.path(number), number)
        merged = _merge(plan, frame, deltas, edited)
        job = plan.job
        result = frame.with_rgb(merged.rgb, merged.touched, *job.plate.choice)
        counts = FrameCounts.of(merged.counts, result.clamped)
        if stopped.is_set():
            raise Cancelled("cancelled", frame=number)
        started = time.perf_counter()
        write_frame(
            path,
            result,
            attributes=made_of | result_attributes(facts, counts),
            overwrite=plan.options.overwrite or plan.options.resume,
            compression="source" if job.output.compression == "source" else None,
        )
        return FrameResult(path, counts, writing_seconds=time.perf_counter() - started)

    results = {}
    pool = ThreadPoolExecutor(THREADS)
    waiting = {number: pool.submit(one, number) for number in plan.written}
    try:
        for number, future in waiting.items():
            results[number] = result = future.result()
            emit(FrameWritten(number, str(result.path), skipped=result.kept))
            progress(len(results), len(plan.written))
    except BaseException as error:
        # Whoever stops us: a signal is no `Exception`, a listener raises `Cancelled`.
        if isinstance(error, Cancelled) or not isinstance(error, Exception):
            abandon(pool, waiting.values(), stopped, plan.output.folder)
        raise
    finally:
        # Does not wait for what was abandoned; after anything else it finds whole frames.
        pool.shutdown(wait=not stopped.is_set(), cancel_futures=True)
    return Delivery(results)


def abandon(
    pool: ThreadPoolExecutor,
    frames: Iterable[Future[FrameResult]],
    stopped: threading.Event,
    folder: Path,
) -> None:
    """Let frames under way end if they are small; else leave them, and nothing of them on disk.

    Merging and writing a large frame spends seconds in single calls that no signal interrupts.
    """
    stopped.set()
    pool.shutdown(wait=False, cancel_futures=True)
    under_way = [frame for frame in frames if not frame.cancelled()]
    if wait(under_way, PATIENCE).not_done:
        remove_own_temporaries(folder)


def _merge(plan: Plan, frame: Frame, deltas: LatentStack, edited: LatentStack) -> Merged:
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
        picture = np.clip(edited.read([number])[0].numpy(), 0.0, 1.0)
        return merge_replace(rgb, picture, plan.encoding, placement, regrain=job.output.regrain)
    low = deltas.read([number])[0].numpy()
    return merge_delta(rgb, low, plan.encoding, placement, cap_stops=job.output.cap_stops)
