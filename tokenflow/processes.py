"""Who a process number belongs to: numbers are used again, a number with its start is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def process_start(pid: int) -> str:
    """Return when a process began, as text to compare; empty if it has ended or cannot be told.

    An ended process that nobody has waited for yet (a zombie) counts as ended.
    """
    if pid <= 0:
        return ""
    if sys.platform == "linux":
        return _from_proc(pid)
    if sys.platform == "win32":
        return ""
    return _from_ps(pid)


def _from_proc(pid: int) -> str:
    """Read proc(5): the name in brackets may hold anything, the fields after it do not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
    state, ticks = fields[0], fields[19]
    return "" if state in "ZX" else f"{boot}/{ticks}"


def _from_ps(pid: int) -> str:
    found = subprocess.run(
        ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=5,
        check=False,
    )
    state, _, start = found.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else start.strip()
