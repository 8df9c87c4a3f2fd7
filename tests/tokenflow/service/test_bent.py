"""The method dreammotion by the local service, where a checkpoint stays loaded between jobs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tokenflow.played import Played
from tests.tokenflow.tiny_motion import write_tiny_adapter
from tokenflow.job import DreamMotion, EditJob

LONG = 180.0  # seconds
SOON = 60.0
"""Far more than the two seconds that are wanted, for machines with other work."""


@pytest.fixture
def bent(real_service: Played, tmp_path: Path) -> EditJob:
    adapter = write_tiny_adapter(tmp_path / "motion")
    job = real_service.job(tmp_path.name, method="dreammotion", source_prompt="a red ball")
    model = replace(job.model, motion=str(adapter))
    return replace(job, model=model, dreammotion=DreamMotion(steps=3))


def ended(played: Played, job_id: str, seconds: float = LONG) -> str:
    until = time.monotonic() + seconds
    while (state := played.client.job(job_id).state) in ("queued", "running"):
        assert time.monotonic() < until, "it never ended"
        time.sleep(0.05)
    return state


def test_the_service_bends_a_shot_and_denoises_with_the_same_weights_after(
    real_service: Played, bent: EditJob
) -> None:
    client = real_service.client
    first = client.submit(bent)
    assert ended(real_service, first) == "done"
    report = client.job(first).report
    assert report and len(report["dreammotion"]["losses"]["edit"]) == 3
    # The checkpoint that stays loaded shares its weights with the video model that was made of it.
    second = client.submit(real_service.job("after"))
    assert ended(real_service, second) == "done"


def test_a_bending_is_cancelled_within_a_step(real_service: Played, bent: EditJob) -> None:
    client = real_service.client
    endless = replace(bent, dreammotion=DreamMotion(steps=2000))
    job_id = client.submit(endless)
    until = time.monotonic() + LONG
    while "step" not in (client.job(job_id).progress or {}).get("detail", ""):
        assert time.monotonic() < until, "it never began"
        assert not client.job(job_id).final
        time.sleep(0.05)
    client.cancel(job_id)
    assert ended(real_service, job_id, SOON) == "cancelled"
