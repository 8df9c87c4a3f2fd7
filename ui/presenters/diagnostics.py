"""What a TD wants to see of a job that failed, as text for the clipboard."""

from __future__ import annotations

import json
import platform
import time
from importlib.metadata import PackageNotFoundError, version

from tokenflow.states import JobRecord


def diagnostics(record: JobRecord, device: str) -> str:
    """Return the job, what became of it and what it ran on, as lines and its job file.

    Parameters
    ----------
    device
        What the service computes on, as the panel's head says it; may be empty.
    """
    lines = {
        "job": record.id,
        "state": record.state,
        "attempts": record.attempts,
        "frames": record.request.frames,
        "queued": _moment(record.created),
        "started": _moment(record.started),
        "ended": _moment(record.ended),
        **(record.error or {}),
        "device": device,
        "panel": f"tokenflow {_version()}, Python {platform.python_version()}",
        "system": platform.platform(),
    }
    told = [f"{name}: {value}" for name, value in lines.items() if value not in (None, "")]
    job = json.dumps(record.job.to_json(), ensure_ascii=False, indent=1)
    return "\n".join([*told, "", job, ""])


def _moment(seconds: float | None) -> str:
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _version() -> str:
    try:
        return version("tokenflow")
    except PackageNotFoundError:
        return "(not installed)"
