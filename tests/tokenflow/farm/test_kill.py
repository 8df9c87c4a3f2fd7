"""Jobs that are killed at a random moment of each stage go on to the same frames."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.kill import STAGES, Undisturbed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The small job when nobody stops it."""
    return Undisturbed.of(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("stage", STAGES)
def test_a_job_killed_in_a_stage_goes_on_to_the_same_frames(
    undisturbed: Undisturbed, tmp_path: Path, stage: str
) -> None:
    moments = random.Random(stage)
    for number in range(3):
        undisturbed.killed_in(stage, moments.random(), tmp_path / str(number))
