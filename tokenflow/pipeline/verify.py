"""The last task of a job in pieces: whether all of its frames are there, and one report of all."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ocio.attributes import PROVENANCE_PREFIX
from ocio.exr import inspect
from ocio.frame_range import FrameRange
from tokenflow.errors import ResultUnfinished
from tokenflow.job import EditJob, RunOptions
from tokenflow.pipeline.carry import is_carried
from tokenflow.pipeline.plan import Plan, make_plan
from tokenflow.pipeline.provenance import counts_if_done
from tokenflow.pipeline.record import record_name, write_text

INPUTS = PROVENANCE_PREFIX + "inputs_hash"


def verify_result(
    job: EditJob, options: RunOptions, progress: Callable[[int, int], None]
) -> tuple[Plan, Path]:
    """Read every frame that the job writes, and put the reports of its tasks together.

    Returns
    -------
    The plan, and where the report lies.

    Raises
    ------
    ResultUnfinished
        Naming all frames that are missing, not whole, or of another job; or those that were made of
        other inputs, or on another kind of device, than the rest.
    """
    plan = make_plan(job, replace(options, resume=True, overwrite=False))
    frames = (*plan.written, *plan.carried)
    unfinished = []
    for done, frame in enumerate(frames, 1):
        path = plan.output.path(frame)
        whole = (
            counts_if_done(path, plan.hash, {}) is not None
            if frame in plan.written
            else is_carried(plan, frame)
        )
        if not whole:
            unfinished.append(frame)
        progress(done, len(frames))
    if unfinished:
        raise ResultUnfinished(
            f"these frames are missing, not whole, or of another job: {FrameRange.of(unfinished)}",
            hint="Run the tasks that make them again, with --resume.",
            frame=unfinished[0] if len(unfinished) == 1 else None,
            path=plan.output.folder,
        )
    _refuse_mixture(plan)
    return plan, _one_report(plan)


def _refuse_mixture(plan: Plan) -> None:
    """Refuse frames of one job that do not belong together: seen one by one, they are whole."""
    groups: dict[str, list[int]] = defaultdict(list)
    for frame in plan.written:
        said = inspect(plan.output.path(frame)).parts[0].attributes
        groups[str(said[INPUTS].value) if INPUTS in said else ""].append(frame)
    most = max(groups.values(), key=len, default=[])
    others = FrameRange.of(set(plan.written).difference(most))
    if others:
        raise ResultUnfinished(
            f"these frames were made of other files, or on another kind of device: {others}",
            hint="Run all tasks on machines of one kind, these again with --resume.",
            frame=others[0] if len(others) == 1 else None,
            path=plan.output.folder,
        )


def _one_report(plan: Plan) -> Path:
    """Write `NAME.report.json` from those of the tasks, and leave those as they are."""
    folder, name = plan.output.folder, record_name(plan.output)
    target = folder / f"{name}.report.json"
    parts = []
    for file in sorted(folder.glob(f"{name}.report.*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["job_hash"] == plan.hash:
            parts.append(found)
    if parts:
        write_text(target, json.dumps(together(parts), indent=1, ensure_ascii=False) + "\n")
    return target


def together(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add up the reports of tasks that each wrote other frames of one job."""
    merged = dict(parts[0])
    for name in ("written", "kept"):
        ranges = [part["frames"][name] for part in parts if part["frames"][name]]
        frames = FrameRange.of(frame for text in ranges for frame in FrameRange.parse(text))
        merged["frames"] = {**merged["frames"], name: str(frames)}
    for name in ("counts", "seconds"):
        total: Counter[str] = Counter()
        for part in parts:
            total.update(part[name])
        merged[name] = {key: round(value, 3) for key, value in total.items()}
    merged["warnings"] = list(dict.fromkeys(text for part in parts for text in part["warnings"]))
    merged["tasks"] = len(parts)
    return merged
