"""Compiled loops are kept on disk where that is possible, and run everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ocio

SOURCE = """
import resource, sys
from ocio.compiled import compiled

@compiled
def inner(x):
    return x + 1.0

@compiled
def outer(x):
    return 2.0 * inner(x)

if "full" in sys.argv:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
print(outer(2.0), sum(outer.stats.cache_hits.values()))
"""


def run(folder: Path, *words: str) -> list[str]:
    """Run the loops in a process of their own; return what they gave and hits in the cache."""
    script = folder / "loops.py"
    if not script.exists():
        script.write_text(SOURCE)
    sources = str(Path(ocio.__file__).parents[1])
    own = {"NUMBA_CACHE_DIR": str(folder / "kept"), "PYTHONPATH": sources}
    ran = subprocess.run(
        [sys.executable, str(script), *words],
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def test_what_was_compiled_is_found_by_the_next_process(tmp_path: Path) -> None:
    assert run(tmp_path) == ["6.0", "0"]
    assert run(tmp_path) == ["6.0", "1"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_a_full_disk_costs_the_compiled_loop_and_not_the_frame(tmp_path: Path) -> None:
    assert run(tmp_path, "full") == ["6.0", "0"]
