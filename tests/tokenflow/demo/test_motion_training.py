"""Training of the demo checkpoint's motion adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import MotionAdapter

from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.source import resolve
from tokenflow.demo.training import clips, motion
from tokenflow.demo.training.clips import load_clips, render_clips
from tokenflow.demo.training.motion import (
    build_adapter,
    export_adapter,
    measure_gain,
    motion_unet,
    train_motion,
    trained,
    velocity_loss,
)
from tokenflow.diffusion.model import Model


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    yield load_model(resolve("demo"), "cpu", torch.float32)


@pytest.fixture
def small_clips(tmp_path: Path) -> Path:
    """Three shards of two clips of four frames; the first two are kept for tests."""
    rng = np.random.default_rng(1)
    for shard in range(3):
        latents = rng.standard_normal((2, 4, 4, 4, 8)).astype(np.float16)
        np.save(tmp_path / f"clips-half-{shard:03d}.npy", latents)
        captions = ["a red plain ball on a sandy floor at noon"] * 2
        (tmp_path / f"clips-half-{shard:03d}.json").write_text(json.dumps(captions))
    return tmp_path


def test_clips_are_rendered_once_with_captions_and_latents_of_unit_size(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "SHARD", 2)
    monkeypatch.setattr(clips, "FRAMES", 3)
    render_clips(tmp_path, model, "half", 2)
    [(latents, captions)] = load_clips(tmp_path, "half")
    assert latents.shape == (2, 3, 4, 12, 21) and len(captions) == 2
    assert 0.5 < float(latents.astype(np.float32).std()) < 2
    still = np.abs(latents[:, 1:] - latents[:, :-1]).max()
    assert still > 0, "a clip moves"
    written = (tmp_path / "clips-half-000.npy").stat().st_mtime_ns
    render_clips(tmp_path, model, "half", 2)
    assert (tmp_path / "clips-half-000.npy").stat().st_mtime_ns == written


def test_an_untrained_adapter_changes_nothing_and_is_all_that_is_trained() -> None:
    model = load_model(resolve("demo"), "cpu", torch.float64)
    unet = motion_unet(model, build_adapter(model)).eval().double()
    taught = {name for name, weight in unet.named_parameters() if weight.requires_grad}
    assert taught and all("motion_modules" in name for name in taught)
    clip = torch.randn(1, 3, 4, 8, 8, dtype=torch.float64)
    timestep = torch.tensor([400])
    text = torch.randn(1, 77, model.unet.config.cross_attention_dim, dtype=torch.float64)
    with torch.inference_mode():
        moving = unet(clip.transpose(1, 2), timestep, text.repeat(3, 1, 1)).sample.transpose(1, 2)
        still = model.unet(clip[0], timestep, text.expand(3, -1, -1)).sample
    assert torch.allclose(moving[0], still, atol=1e-8)


def test_the_loss_of_the_true_velocity_is_nil(model: Model) -> None:
    clip, noise = torch.randn(1, 3, 4, 8, 8), torch.randn(1, 3, 4, 8, 8)
    signal = model.schedule.alphas_cumprod[400]
    velocity = signal.sqrt() * noise - (1 - signal).sqrt() * clip

    class Oracle(torch.nn.Module):
        def forward(self, noisy: torch.Tensor, *_: object) -> object:
            return type("Output", (), {"sample": velocity.transpose(1, 2)})

    loss = velocity_loss(model, Oracle(), clip, ["a ball"], torch.tensor([400]), noise)
    assert float(loss) == 0


def test_a_stopped_training_goes_on_and_what_it_exports_is_a_motion_adapter(
    model: Model, small_clips: Path
) -> None:
    train_motion(small_clips, model, "half", 1)
    train_motion(small_clips, model, "half", 2)
    state = torch.load(small_clips / "motion-half.pt", weights_only=True)
    assert state["step"] == 2
    unet = trained(small_clips, model)
    alone, together = measure_gain(small_clips, model, unet, "half")
    assert alone > 0 and together > 0
    target = small_clips / "exported"
    target.mkdir()
    (target / "README.md").write_text("the card")
    export_adapter(unet, target)
    assert (target / "README.md").read_text() == "the card"
    adapter = MotionAdapter.from_pretrained(target, torch_dtype=torch.float32)
    again = motion_unet(model, adapter)
    for name, weight in unet.float().state_dict().items():
        assert torch.allclose(weight, again.state_dict()[name], atol=2e-3), name


def test_a_training_can_be_repeated(model: Model, small_clips: Path) -> None:
    found = []
    for _ in range(2):
        train_motion(small_clips, model, "half", 1)
        state = small_clips / "motion-half.pt"
        found.append(torch.load(state, weights_only=True)["weights"])
        state.unlink()
        torch.rand(3)  # what others draw in between changes nothing
    first, second = found
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_full_scale_training_goes_on_from_the_half_scale(
    model: Model, small_clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_motion(small_clips, model, "half", 1)
    for path in list(small_clips.glob("clips-half-*")):
        path.rename(path.with_name(path.name.replace("half", "full")))
    monkeypatch.setitem(motion.BATCH, "full", 1)
    before = torch.load(small_clips / "motion-half.pt", weights_only=True)["average"]
    train_motion(small_clips, model, "full", 0)
    after = torch.load(small_clips / "motion-full.pt", weights_only=True)["weights"]
    assert all(torch.equal(before[name], after[name]) for name in before)
