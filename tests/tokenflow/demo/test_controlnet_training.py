"""Training of the demo checkpoint's depth ControlNet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tokenflow.checkpoints.controlnet import load_controlnet, verify_controlnet
from tokenflow.checkpoints.source import resolve
from tokenflow.demo.render import FAR, render, render_depth
from tokenflow.demo.training import controlnet
from tokenflow.demo.training.controlnet import (
    draw_depths,
    export_controlnet,
    measure_loss,
    train_controlnet,
    trained,
)
from tokenflow.demo.world import Scene, random_scene


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two shards of two encoded pictures, with the captions of their seeds' scenes."""
    monkeypatch.setattr(controlnet, "BATCH", 2)
    noise = np.random.default_rng(1)
    for shard in range(2):
        rng = np.random.default_rng([2026, shard])
        captions = [random_scene(rng).caption for _ in range(2)]
        (tmp_path / f"latents-full-{shard:03d}.json").write_text(json.dumps(captions))
        latents = noise.standard_normal((2, 4, 23, 41)).astype(np.float16)
        np.save(tmp_path / f"latents-full-{shard:03d}.npy", latents)
    return tmp_path


def test_depth_alone_is_the_depth_of_the_whole_rendering() -> None:
    depth = render_depth(Scene(), 3, 48, 27)
    assert np.array_equal(depth, render(Scene(), 3, 48, 27).depth)
    assert depth.max() == FAR
    assert 2 < depth.min() < 6


def test_depth_is_drawn_of_the_scenes_that_the_latents_are_of(shards: Path) -> None:
    draw_depths(shards)
    drawn = np.load(shards / "depth-001.npy")
    assert drawn.shape == (2, 92, 164)
    assert drawn.dtype == np.uint8
    # The sky is far and black, the solid in the middle near and bright, and no two are alike.
    assert drawn[:, 0].mean() < 10 < drawn[:, 46, 82].min()
    assert not np.array_equal(drawn[0], drawn[1])


def test_latents_of_other_scenes_are_refused(shards: Path) -> None:
    (shards / "latents-full-001.json").write_text(json.dumps(["a ball", "a cube"]))
    with pytest.raises(RuntimeError, match="holds other scenes than its seed makes"):
        draw_depths(shards)


def test_a_stopped_training_goes_on_and_what_it_exports_fits_the_demo_checkpoint(
    shards: Path,
) -> None:
    draw_depths(shards)
    train_controlnet(shards, 1)
    train_controlnet(shards, 2)
    assert torch.load(shards / "controlnet.pt", weights_only=True)["step"] == 2
    export_controlnet(shards, shards / "out")
    info = verify_controlnet(str(shards / "out"), resolve("demo"))
    loaded = load_controlnet(info, "cpu", torch.float32)
    model = controlnet.Trainee().model
    for ours, theirs in zip(loaded.parameters(), trained(shards, model).parameters(), strict=True):
        assert torch.equal(ours, theirs.half().float())
    without, with_depth = measure_loss(shards, 2)
    assert without != with_depth
