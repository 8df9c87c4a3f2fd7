"""The report says what held an edit, as far as its files tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocio.sequence import SequencePattern
from tokenflow.report.job_notes import read_notes

DEPTH = {"image": "depth", "weight": 0.8, "sha256": "a" * 64}


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ([DEPTH, {"image": "canny"}], f"depth 0.8 ({'a' * 12}), canny ? (?)"),
        ([], None),
        ("depth", None),
        ([3], None),
        (None, None),
    ],
)
def test_the_controlnets_of_an_edit_are_named(
    tmp_path: Path, controls: object, said: str | None
) -> None:
    (tmp_path / "edit.job.json").write_text("{}")
    (tmp_path / "edit.report.json").write_text(json.dumps({"controls": controls}))
    notes = read_notes(SequencePattern.parse(tmp_path / "edit.####.exr"))
    assert notes.settings.get("held by") == said
