"""The command `demo` before it computes anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ocio.plates import rgb, write_plate
from tests.tokenflow.frames import snapshot
from tests.tokenflow.program import Ran


@pytest.mark.parametrize("folder", ["plate/plate", "edit/edit", "per-frame/per-frame"])
def test_frames_that_are_there_are_not_replaced_without_a_word(
    tokenflow: Callable[..., Ran], tmp_path: Path, folder: str
) -> None:
    write_plate(tmp_path / f"{folder}.1001.exr", rgb())
    before = snapshot(tmp_path)
    ran = tokenflow("demo", tmp_path)
    assert ran.code == 73
    assert folder in ran.error and "1001" in ran.error and "--overwrite" in ran.error
    assert ran.err.count("\n") == 1
    assert snapshot(tmp_path) == before
