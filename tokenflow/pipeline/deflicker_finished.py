"""The deflicker pass on finished sequences: frame by frame, in a bounded window, into new files."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ocio.attributes import PROVENANCE_PREFIX
from ocio.exr import read_frame
from ocio.exr_write import remove_stale_temporaries, write_frame
from ocio.frame import Frame
from ocio.frame_range import FrameRange
from ocio.selection import Choice
from tokenflow.checkpoints.flow import load_raft
from tokenflow.checkpoints.weights import sha256_of
from tokenflow.deflicker.canvas import on_canvas
from tokenflow.deflicker.flow import DisFlow, PlateFlow
from tokenflow.deflicker.frame import Picture
from tokenflow.deflicker.own_vectors import VectorWindow
from tokenflow.deflicker.raft import RaftFlow
from tokenflow.deflicker.stream import Filtered, deflicker
from tokenflow.deflicker.vectors import VectorFlow
from tokenflow.errors import Cancelled
from tokenflow.events import (
    Emit,
    Finished,
    FrameWritten,
    JobWarning,
    Progress,
    StageFinished,
    StageStarted,
)
from tokenflow.pipeline.at_once import FramesAtOnce
from tokenflow.pipeline.finished import RAFT_DEVICE, FinishedShot
from tokenflow.pipeline.merge import Delivery, FrameResult
from tokenflow.pipeline.provenance import FrameCounts, counts_attributes, counts_if_done
from tokenflow.pipeline.record import record_name, write_text
from tokenflow.workspace import content_key

Float32 = npt.NDArray[np.float32]

LIBRARIES = ("numpy", "opencv-python-headless", "OpenImageIO")


def deflicker_finished(found: FinishedShot, emit: Emit) -> Delivery:
    """Filter a finished edit and write its frames.

    Every channel, attribute and window is the edit's file's; only the edited colours change, and
    of these only samples that the filter corrects.

    Parameters
    ----------
    emit
        Told what happens. What it raises stops the work; frames already written are whole.

    Raises
    ------
    OcioError, TokenFlowError
    """
    started = time.perf_counter()
    for message in found.warnings:
        emit(JobWarning(message, "deflicker"))
    remove_stale_temporaries(found.output.folder)
    emit(StageStarted("deflicker", len(found.written)))
    work = _Work(found)
    results: dict[int, FrameResult] = {}

    def written(number: int, result: FrameResult) -> None:
        results[number] = result
        emit(FrameWritten(number, str(result.path), skipped=result.kept))
        emit(Progress("deflicker", len(results), len(found.written)))

    todo = []
    for number in found.written:
        kept = work.kept(number)
        if kept is None:
            todo.append(number)
        else:
            written(number, kept)
    _filter_and_write(work, todo, written)
    delivery = Delivery(dict(sorted(results.items())))
    seconds = time.perf_counter() - started
    emit(StageFinished("deflicker", seconds, reused=not todo and bool(results)))
    report = _write_report(work, delivery, seconds)
    emit(Finished(len(results), str(report), seconds))
    return delivery


def _filter_and_write(
    work: _Work, todo: list[int], written: Callable[[int, FrameResult], None]
) -> None:
    """Filter on; a few frames are being written meanwhile."""
    with (
        FramesAtOnce[FrameResult](work.found.output.folder, ahead=0) as frames,
        closing(
            deflicker(todo, work.found.shot, work.read, work.flow, work.found.settings)
        ) as results,
    ):
        for result in results:
            if frames.full:
                number, made = frames.oldest()
                written(number, made.result())
            frames.begin(result.frame, partial(work.write, result, frames.stopped))
        for number, made in frames.rest():
            written(number, made.result())


@dataclass
class _Work:
    """One run under way."""

    found: FinishedShot
    dropped: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = self.found
        self._hashes: dict[Path, str] = {}
        self.flow: PlateFlow = DisFlow()
        self._vectors = VectorWindow(found.vectors, found.canvas) if found.vectors else None
        if found.raft:
            network = load_raft(found.raft, RAFT_DEVICE)
            self.flow = RaftFlow(network, found.raft.name, RAFT_DEVICE)
        if found.vectors and self._vectors:
            self.flow = VectorFlow(self._vectors.of, list(found.shot), found.vectors.said)

    def read(self, number: int) -> Picture:
        """Return what the filter sees of a frame, on the canvas."""
        found, asked = self.found, self.found.asked
        frame = read_frame(found.edit.path(number), number)
        plate = read_frame(found.plate.path(number), number)
        if self._vectors:
            self._vectors.take(number, plate)
        matte = None
        if found.matte:
            own = found.matte.read(number, frame, found.selection.part)
            window = frame.parts[found.selection.part].data_window
            matte = np.nan_to_num(on_canvas(own[..., None], window, found.canvas)[..., 0])
        return Picture(
            self._placed(frame, straight(frame, asked.choice)),
            self._placed(plate, straight(plate, asked.choice)),
            matte,
        )

    def write(self, result: Filtered, stopped: threading.Event) -> FrameResult:
        """Put a filtered frame into its file and write it."""
        found, asked, number = self.found, self.found.asked, result.frame
        frame = read_frame(found.edit.path(number), number)
        if result.dropped:
            self.dropped[str(number)] = list(result.dropped)
        made, counts = _put_back(frame, found, result)
        if stopped.is_set():
            raise Cancelled("cancelled", frame=number)
        path = found.output.path(number)
        write_frame(
            path,
            made,
            attributes=self._attributes(frame) | self._made_of(number) | counts_attributes(counts),
            overwrite=asked.overwrite or asked.resume,
        )
        return FrameResult(path, counts)

    def kept(self, number: int) -> FrameResult | None:
        """Return a frame that an earlier run of the same wrote, if this one is to go on."""
        path = self.found.output.path(number)
        if not self.found.asked.resume or not path.exists():
            return None
        counts = counts_if_done(path, self.found.hash, self._made_of(number))
        return None if counts is None else FrameResult(path, counts, kept=True)

    def _placed(self, frame: Frame, samples: Float32) -> Float32:
        asked = self.found.asked
        window = frame.parts[frame.select(*asked.choice).part].data_window
        return on_canvas(samples, window, self.found.canvas)

    def _made_of(self, number: int) -> dict[str, str]:
        """Say what a frame depends on: this pass, and every file that its window looks at."""
        found = self.found
        place, radius = found.shot.index(number), found.settings.strength.radius
        around = found.shot[max(0, place - radius) : place + radius + 1]
        said = {
            "job_hash": found.hash,
            "inputs_hash": content_key([self._files(other) for other in around]),
            "source": found.edit.path(number).name,
            "source_sha256": self._sha256(found.edit.path(number)),
            "plate": found.plate.path(number).name,
        }
        return {PROVENANCE_PREFIX + name: value for name, value in said.items()}

    def _files(self, number: int) -> list[str]:
        """Return the hashes of what a frame is read from."""
        found = self.found
        files = [found.edit.path(number), found.plate.path(number)]
        if found.matte and (file := found.matte.source(number)) is not None:
            files.append(file)
        return [self._sha256(file) for file in files]

    def _sha256(self, path: Path) -> str:
        # Two threads that write may both compute it; that costs time and nothing else.
        if path not in self._hashes:
            self._hashes[path] = sha256_of(path)
        return self._hashes[path]

    def _attributes(self, frame: Frame) -> dict[str, Any]:
        """Return the edit's own provenance, which stays true, and what this pass did."""
        said: dict[str, Any] = {
            name: attribute
            for part in frame.parts
            for name, attribute in part.attributes.items()
            if name.startswith(PROVENANCE_PREFIX)
        }
        if (before := said.get(PROVENANCE_PREFIX + "job_hash")) is not None:
            said[PROVENANCE_PREFIX + "edit_job_hash"] = before
        settings = self.found.settings
        ours = {
            "version": f"tokenflow {metadata.version('tokenflow')}",
            "deflicker": f"{self.found.asked.strength} {settings.form}",
            "deflicker_flow": self.found.flow_name,
            "libraries": ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES),
        }
        return said | {PROVENANCE_PREFIX + name: value for name, value in ours.items()}


def straight(frame: Frame, choice: Choice) -> Float32:
    """Return the colours (h, w, 3) without their premultiplication; NaN where nothing is seen."""
    rgb, alpha = frame.rgb(*choice), frame.alpha(*choice)
    if alpha is None or bool((alpha == 1).all()):
        return rgb
    seen = np.isfinite(alpha) & (alpha > 0)
    divided = rgb / np.where(seen, alpha, np.float32(1))[..., None]
    return np.where(seen[..., None], divided, np.float32(np.nan))


def _put_back(frame: Frame, found: FinishedShot, result: Filtered) -> tuple[Frame, FrameCounts]:
    """Put what the filter changed into the edit's frame; every other sample keeps its bits."""
    choice = found.asked.choice
    rgb, alpha, before = frame.rgb(*choice), frame.alpha(*choice), straight(frame, choice)
    window = frame.parts[found.selection.part].data_window
    after = on_canvas(result.edit, found.canvas, window)
    touched = np.isfinite(before) & np.isfinite(after) & (after != before)
    changed = np.where(touched, after, 0) - np.where(touched, before, 0)
    if alpha is not None:
        changed = changed * alpha[..., None]
    made = frame.with_rgb(rgb + changed, touched, *choice)
    counts = FrameCounts(
        nan=int(np.isnan(rgb).sum()),
        infinite=int(np.isinf(rgb).sum()),
        negative=int((rgb < 0).sum()),
        capped=0,
        clamped=made.clamped,
        touched=int(touched.sum()),
        samples=rgb.size,
    )
    return made, counts


def _write_report(work: _Work, delivery: Delivery, seconds: float) -> Path:
    """Write `NAME.report.json` beside the frames; return its path."""
    found = work.found
    part = f".{found.asked.frames}" if found.asked.frames is not None else ""
    path = found.output.folder / f"{record_name(found.output)}.report{part}.json"
    kept = (number for number, result in delivery.results.items() if result.kept)
    said = {
        "schema": "tokenflow.deflicker-report/1",
        "product": {"name": "tokenflow", "version": metadata.version("tokenflow")},
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "job_hash": found.hash,
        "edit": str(found.edit.pattern),
        "plate": str(found.plate.pattern),
        "strength": found.asked.strength,
        "form": found.settings.form,
        "flow": found.flow_name,
        "frames": {
            "seen": str(FrameRange.of(found.shot)),
            "written": str(FrameRange.of(delivery.written)),
            "kept": str(FrameRange.of(kept)),
        },
        "dropped": dict(sorted(work.dropped.items())),
        "counts": delivery.counts(),
        "seconds": {"deflicker": round(seconds, 3)},
        "warnings": list(found.warnings),
    }
    write_text(path, json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    return path
