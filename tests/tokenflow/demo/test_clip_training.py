"""Training of the demo world's image-text model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tokenflow.demo.training import clip
from tokenflow.demo.training.clip import (
    contrastive_loss,
    export_clip,
    measure_ranking,
    train_clip,
    trained,
)
from tokenflow.demo.world import random_scene
from tokenflow.metrics.clip_score import ImageText

SCALE = torch.tensor(3.0)


def nothing_same(pictures: int, captions: int) -> np.ndarray:
    return np.zeros((pictures, captions), np.bool_)


def test_pictures_beside_their_own_captions_cost_little_and_beside_others_much() -> None:
    apart = torch.eye(4)
    right = contrastive_loss(apart, apart, SCALE, nothing_same(4, 4))
    wrong = contrastive_loss(apart, apart.roll(1, 0), SCALE, nothing_same(4, 4))
    assert right < 1e-6 < 10 < wrong


def test_a_near_miss_beside_the_picture_costs_too() -> None:
    apart = torch.eye(4)
    far, near = (torch.cat([apart, miss]) for miss in (-apart, 0.99 * apart))
    without, with_it = (
        contrastive_loss(apart, every, SCALE, nothing_same(4, 8)) for every in (far, near)
    )
    assert with_it > without + 0.3


def test_a_caption_that_two_pictures_share_is_wrong_for_neither() -> None:
    """Drawn twice in a batch, it would else be pushed away from both."""
    same_twice = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    same = np.array([[False, True], [True, False]])
    assert contrastive_loss(same_twice, same_twice, SCALE, same) == 0
    assert contrastive_loss(same_twice, same_twice, SCALE, nothing_same(2, 2)) > 0.5


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two shards of six pictures; the first is kept for tests."""
    rng = np.random.default_rng(1)
    for shard in range(2):
        np.save(
            tmp_path / f"pictures-{shard:03d}.npy",
            rng.integers(0, 255, (6, 36, 64, 3), dtype=np.uint8),
        )
        captions = [random_scene(rng).caption for _ in range(6)]
        (tmp_path / f"pictures-{shard:03d}.json").write_text(json.dumps(captions))
    return tmp_path


def test_a_stopped_training_goes_on_and_what_it_exports_is_a_clip(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clip, "BATCH", 4)
    train_clip(pictures, 1)
    before = torch.load(pictures / "clip.pt", weights_only=True)
    train_clip(pictures, 2)
    after = torch.load(pictures / "clip.pt", weights_only=True)
    assert (before["step"], after["step"]) == (1, 2)
    assert 0 <= measure_ranking(*trained(pictures), pictures) <= 1
    target = pictures / "exported"
    target.mkdir()
    (target / "README.md").write_text("the card")
    export_clip(pictures, target)
    assert (target / "README.md").read_text() == "the card"
    judge = ImageText(target)
    embedding = judge.of_text("a red striped ball on a wooden floor at noon")
    assert np.linalg.norm(embedding) == pytest.approx(1.0, rel=1e-3)
