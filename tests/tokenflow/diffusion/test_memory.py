"""Memory does not grow with the length of the shot."""

from __future__ import annotations

import pytest
import torch

from benchmarks.live_bytes import LiveBytes
from benchmarks.memory import measure
from benchmarks.random_model import random_model
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.settings import EditSettings


@pytest.fixture(scope="module")
def small() -> Model:
    return random_model()


@pytest.mark.parametrize("technique", ["pnp", "sdedit"])
def test_five_times_the_frames_take_the_same_memory(small: Model, technique: str) -> None:
    settings = EditSettings(
        technique=technique,  # type: ignore[arg-type]
        steps=1,
        start=1.0,
        keyframe_interval=4,
        keyframes_per_batch=2,
        frames_per_batch=4,
    )
    short, long = (measure(small, frames, (16, 16), settings)[0] for frames in (12, 60))
    assert long < 1.05 * short


def test_the_count_knows_what_lives_and_what_has_gone() -> None:
    with LiveBytes() as live:
        one = torch.ones(1000)
        two = one * 2
        view = two[:10]
        del one
        three = view + 1
    assert live.peak == 8000
    assert live.now == 4040
    assert live.largest == 4000
    assert float(three.sum()) == 30
