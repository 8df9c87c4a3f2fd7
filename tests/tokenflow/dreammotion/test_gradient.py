"""The gradient of one step, on random models in float64."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest
import torch

from benchmarks.random_model import random_model
from tests.tokenflow.dreammotion.conftest import random_latents
from tokenflow.diffusion.schedule import NoiseSchedule
from tokenflow.dreammotion.gradient import Gradient, Step, Words, guided_noise
from tokenflow.dreammotion.keys import KeyCapture, key_layers
from tokenflow.dreammotion.losses import spatial_loss, temporal_loss, weights
from tokenflow.dreammotion.settings import BendSettings
from tokenflow.dreammotion.video_unet import VideoUNet
from tokenflow.job import DreamMotion

FRAMES, T = 5, 400
PLATE, NOISE = random_latents(FRAMES, 1), random_latents(FRAMES, 2)
BENT = PLATE + random_latents(FRAMES, 3, 0.3)


def step(video: VideoUNet, words: Words, guidance: float = 7.5, **how: object) -> Step:
    settings = BendSettings(guidance=guidance, how=DreamMotion(**how))  # type: ignore[arg-type]
    layers = key_layers(video.unet) if settings.held else {}
    return Step(video, layers, words, settings)


def same_words(words: Words) -> Words:
    return replace(words, target=words.source)


def keys_of(video: VideoUNet, latents: torch.Tensor, text: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.no_grad(), KeyCapture(key_layers(video.unet)).captured() as taken:
        video.noise(video.noisy(latents, NOISE[: len(latents)], T), T, text)
    return taken


@pytest.mark.parametrize("features", ["null", "source", "cond"])
def test_an_edit_that_asks_for_what_is_there_pushes_nothing(
    video: VideoUNet, words: Words, features: str
) -> None:
    found = step(video, same_words(words), features=features).gradient(PLATE, PLATE, NOISE, T)
    assert not found.edit.any() and not found.held.any()
    assert (found.losses.edit, found.losses.structure, found.losses.motion) == (0, 0, 0)


@pytest.mark.parametrize(("features", "free"), [("null", True), ("source", True), ("cond", False)])
def test_only_features_under_the_edits_words_hold_back_the_first_step(
    video: VideoUNet, words: Words, features: str, free: bool
) -> None:
    found = step(video, words, features=features).gradient(PLATE, PLATE, NOISE, T)
    assert found.edit.any()
    assert bool(found.held.any()) is not free
    assert (found.losses.structure == 0) is free and (found.losses.motion == 0) is free


@pytest.mark.parametrize("loss", ["per-element", "paper"])
def test_the_gradient_that_holds_is_that_of_the_losses(
    video: VideoUNet, words: Words, loss: str
) -> None:
    ours = step(video, words, loss=loss, structure=0.7, motion=1.3)
    held = ours.gradient(BENT, PLATE, NOISE, T).held
    theirs = keys_of(video, PLATE, words.empty)

    def total(latents: torch.Tensor) -> float:
        keys, value = keys_of(video, latents, words.empty), 0.0
        for name, key in keys.items():
            space, time = weights(loss, len(key), key.shape[1])  # type: ignore[arg-type]
            value += 0.7 * space * float(spatial_loss(key, theirs[name])) / len(keys)
            value += 1.3 * time * float(temporal_loss(key, theirs[name])) / len(keys)
        return value

    for seed in range(6):
        direction = random_latents(FRAMES, 50 + seed)
        h = 1e-5
        finite = (total(BENT + h * direction) - total(BENT - h * direction)) / (2 * h)
        assert float((held * direction).sum()) == pytest.approx(finite, rel=1e-6)


@pytest.mark.parametrize("features", ["null", "source", "cond"])
def test_stopping_early_and_computing_again_leave_the_gradient_as_it_is(
    video: VideoUNet, words: Words, features: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = step(video, words, features=features).gradient(BENT, PLATE, NOISE, T)
    monkeypatch.setattr(video, "checkpointed", True)
    again = step(video, words, features=features).gradient(BENT, PLATE, NOISE, T)
    assert torch.equal(again.edit, stopped.edit) and torch.equal(again.held, stopped.held)
    whole = recorded_to_the_end(video, words, features, monkeypatch)
    assert torch.equal(whole.edit, stopped.edit) and torch.equal(whole.held, stopped.held)


def recorded_to_the_end(
    video: VideoUNet, words: Words, features: str, patch: pytest.MonkeyPatch
) -> Gradient:
    patch.setattr(video, "checkpointed", False)
    plain = KeyCapture.captured
    patch.setattr(KeyCapture, "captured", lambda self, stop=False: plain(self, stop=False))
    return step(video, words, features=features).gradient(BENT, PLATE, NOISE, T)


def test_stopping_early_remembers_less(video: VideoUNet, words: Words) -> None:
    layers = {name: one for name, one in key_layers(video.unet).items() if "up_blocks.1" in name}

    def remembered(stop: bool) -> int:
        sizes: list[int] = []

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        latents = BENT.clone().requires_grad_()
        hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        with hooks, KeyCapture(layers).captured(stop=stop):
            video.noise(video.noisy(latents, NOISE, T), T, words.empty)
        return sum(sizes)

    assert remembered(True) < 0.8 * remembered(False)


def test_branches_in_one_batch_see_the_same_as_one_by_one(video: VideoUNet, words: Words) -> None:
    asked = [(PLATE, words.empty), (PLATE, words.source), (BENT, words.empty), (BENT, words.target)]
    noisy = [video.noisy(latents, NOISE, T) for latents, _ in asked]
    clips = torch.stack([one.movedim(0, 1) for one in noisy])
    texts = torch.stack([text for _, text in asked])
    if video.family == "UNetMotionModel":
        texts = texts.repeat_interleave(FRAMES, dim=0)
    with torch.no_grad():
        together = video.unet(clips, T, encoder_hidden_states=texts).sample
        for (_, text), one, other in zip(asked, noisy, together, strict=True):
            alone = video.noise(one, T, text)
            torch.testing.assert_close(alone, other.movedim(0, 1), rtol=1e-12, atol=1e-12)


def test_a_frame_is_seen_in_the_keys_of_another(video: VideoUNet, words: Words) -> None:
    moved = PLATE.clone()
    moved[0] += 0.5
    before, after = (keys_of(video, latents, words.empty) for latents in (PLATE, moved))
    assert all((before[name][4] - after[name][4]).abs().max() > 1e-9 for name in before)


def test_the_edits_gradient_is_the_difference_of_two_guided_noises(
    video: VideoUNet, words: Words
) -> None:
    found = step(video, words, guidance=3.0).gradient(BENT, PLATE, NOISE, T).edit
    with torch.no_grad():
        noise = {
            name: video.noise(video.noisy(latents, NOISE, T), T, text)
            for name, latents, text in (
                ("x", BENT, words.target),
                ("x empty", BENT, words.empty),
                ("plate", PLATE, words.source),
                ("plate empty", PLATE, words.empty),
            )
        }
    ours = noise["x empty"] + 3.0 * (noise["x"] - noise["x empty"])
    theirs = noise["plate empty"] + 3.0 * (noise["plate"] - noise["plate empty"])
    torch.testing.assert_close(found, ours - theirs, rtol=1e-12, atol=1e-12)


def test_guidance_of_one_asks_without_guidance(video: VideoUNet, words: Words) -> None:
    found = step(video, words, guidance=1.0, structure=0.0, motion=0.0)
    pushed = found.gradient(BENT, PLATE, NOISE, T)
    with torch.no_grad():
        ours = video.noise(video.noisy(BENT, NOISE, T), T, words.target)
        theirs = video.noise(video.noisy(PLATE, NOISE, T), T, words.source)
    assert torch.equal(pushed.edit, ours - theirs)
    assert guided_noise(ours, theirs, 1.0) is ours


def test_a_model_that_predicts_velocity_gives_the_same_gradient(
    video: VideoUNet, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = step(video, words).gradient(BENT, PLATE, NOISE, T)
    velocity = NoiseSchedule(random_model(prediction_type="v_prediction").scheduler)
    mu, sigma = velocity.signal_and_noise(T)
    plain = video.unet.forward

    def as_velocity(sample: torch.Tensor, *given: object, **named: object) -> object:
        answer = plain(sample, *given, **named)
        answer.sample = (answer.sample - sigma * sample) / mu
        return answer

    monkeypatch.setattr(video, "schedule", velocity)
    monkeypatch.setattr(video.unet, "forward", as_velocity)
    found = step(video, words).gradient(BENT, PLATE, NOISE, T)
    torch.testing.assert_close(found.edit, wanted.edit, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.held, wanted.held, rtol=1e-9, atol=1e-12)


def test_the_losses_alone_lead_back_to_the_plate(video: VideoUNet, words: Words) -> None:
    ours = step(video, same_words(words), guidance=1.0)
    latents, seen = BENT.clone(), []
    for _ in range(20):
        found = ours.gradient(latents, PLATE, NOISE, T)
        seen.append(found.losses.structure)
        latents = latents - 0.02 * found.held
    assert seen[-1] < 0.9 * seen[0]


def test_a_step_leaves_no_hook_no_gradient_and_no_key_behind(
    video: VideoUNet, words: Words
) -> None:
    watched: list[weakref.ref[torch.Tensor]] = []
    layers = key_layers(video.unet)
    own = [
        layer.register_forward_hook(lambda m, i, keys: watched.append(weakref.ref(keys)))
        for layer in layers.values()
    ]
    step(video, words).gradient(BENT, PLATE, NOISE, T)
    for hook in own:
        hook.remove()
    gc.collect()
    assert watched and all(one() is None for one in watched)
    assert all(not layer._forward_hooks for layer in layers.values())
    assert all(each.grad is None for each in video.unet.parameters())
    assert torch.is_grad_enabled()


def test_half_precision_is_lifted_out_of_the_underflow(
    motion_video: VideoUNet, words: Words
) -> None:
    wanted = step(motion_video, words, loss="paper", structure=1e-6, motion=0.0)
    exact = wanted.gradient(BENT, PLATE, NOISE, T).held
    halved = VideoUNet(_copy(motion_video).half(), motion_video.schedule)
    ours = step(halved, words, loss="paper", structure=1e-6, motion=0.0)
    found = ours.gradient(BENT.float(), PLATE.float(), NOISE.float(), T).held
    assert found.any()
    assert float((found - exact).norm() / exact.norm()) < 0.1


def _copy(video: VideoUNet) -> torch.nn.Module:
    copied: torch.nn.Module = type(video.unet).from_config(video.unet.config)
    copied.load_state_dict(video.unet.state_dict())
    return copied


def test_a_models_own_weights_multiply_what_holds(video: VideoUNet, words: Words) -> None:
    plain = step(video, words, structure=2.0, motion=30.0).gradient(BENT, PLATE, NOISE, T)
    settings = BendSettings(how=DreamMotion(structure=0.5, motion=3.0), weights=(4.0, 10.0))
    same = Step(video, key_layers(video.unet), words, settings).gradient(BENT, PLATE, NOISE, T)
    torch.testing.assert_close(same.held, plain.held, rtol=1e-10, atol=1e-12)
