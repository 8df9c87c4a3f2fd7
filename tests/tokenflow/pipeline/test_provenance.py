"""What an edited frame says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ocio.exr import inspect
from tests.tokenflow.program import Ran


def header(path: Path, name: str) -> str | None:
    """Return what a frame says in ``tokenflow/NAME``."""
    found = inspect(path).parts[0].attributes.get(f"tokenflow/{name}")
    return None if found is None else str(found.value)


def test_a_frame_tells_which_keyframes_were_drawn(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    found = {}
    for name, options in {
        "drawn": (),
        "again": (),
        "fixed": ("--keyframes", "fixed"),
        "seed": ("--seed", "3"),
    }.items():
        ran = edit(demo_plate, tmp_path / name, *options)
        assert ran.code == 0, ran.err
        found[name] = header(tmp_path / name / "plate.1002.exr", "keyframes_hash")
        report = json.loads((tmp_path / name / "plate.report.json").read_text())
        assert report["edit"]["keyframes_hash"] == found[name]
    assert found["again"] == found["drawn"] is not None
    assert len({found["drawn"], found["fixed"], found["seed"]}) == 3


def test_a_method_without_keyframes_claims_none(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    assert edit(demo_plate, tmp_path / "out", "--method", "per-frame").code == 0
    assert header(tmp_path / "out/plate.1002.exr", "keyframes_hash") is None
