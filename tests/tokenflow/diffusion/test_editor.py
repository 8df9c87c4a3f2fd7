"""What an edit does not depend on, and how it ends early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch

from benchmarks.random_model import random_model
from tests.tokenflow.diffusion.shot import Shot, final, levels_of, relative
from tokenflow.diffusion.editor import edit, edit_levels
from tokenflow.diffusion.latents import Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.settings import EditSettings
from tokenflow.errors import InvalidJob, NonFiniteResult

MakeShot = Callable[..., Shot]

SIZE = (8, 8)
FRAMES = range(1001, 1008)
PAPER = EditSettings(prompt="a red ball", steps=2, keyframe_interval=2)
RELEASED = replace(PAPER, mode="released")
ALL = {
    "paper": PAPER,
    "released": RELEASED,
    "sdedit": replace(PAPER, technique="sdedit"),
    "per-frame": replace(PAPER, method="per-frame"),
    "first-frame": replace(PAPER, method="first-frame"),
    "joint-attention": replace(PAPER, method="joint-attention"),
}

every_method = pytest.mark.parametrize("settings", ALL.values(), ids=ALL)


@every_method
@pytest.mark.parametrize(("frames", "keyframes"), [(1, 1), (2, 3)])
def test_batches_leave_the_result_as_it_is(
    model: Model, make_shot: MakeShot, settings: EditSettings, frames: int, keyframes: int
) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    together = replace(settings, frames_per_batch=9, keyframes_per_batch=9)
    apart = replace(settings, frames_per_batch=frames, keyframes_per_batch=keyframes)
    assert relative(shot.edit(apart)[0], shot.edit(together)[0]) < 1e-9


@every_method
def test_the_same_edit_gives_the_same_bits(make_shot: MakeShot, settings: EditSettings) -> None:
    model = random_model()
    first, second = (make_shot(model, FRAMES, SIZE).edit(settings)[0] for _ in range(2))
    assert first.dtype == torch.float32
    assert first.equal(second)


@every_method
@pytest.mark.parametrize("stop_at", [1, 6])
def test_an_edit_that_was_cut_off_goes_on_to_the_same_bits(
    model: Model, make_shot: MakeShot, settings: EditSettings, stop_at: int
) -> None:
    settings = replace(settings, keyframes_per_batch=2, frames_per_batch=2)
    shot = make_shot(model, FRAMES, SIZE)
    source, out = shot.trajectory(settings), shot.output(settings)

    def stop(done: int, total: int) -> None:
        if done == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edit(model, source, shot.x0, out, settings, stop)
    # Another process opens the files that are left.
    again = Trajectory(out.folder, out.timesteps, out.frames, out.shape, out.dtype)
    ours, report = shot.edit(settings, again)
    whole, complete = shot.edit(settings)
    assert ours.equal(whole)
    assert (report.samples < complete.samples) == (stop_at == 6)


@every_method
@pytest.mark.parametrize("count", [1, 2, 7, 9])
def test_a_shot_of_any_length_is_edited(
    model: Model, make_shot: MakeShot, settings: EditSettings, count: int
) -> None:
    interval = min(8, count) if settings.mode == "released" else 8
    settings = replace(settings, steps=1, keyframe_interval=interval)
    shot = make_shot(model, range(-3, count - 3), SIZE)
    levels, report = shot.edit(settings)
    kept = count // interval * interval if settings.mode == "released" else count
    assert levels.shape == (2, kept, *shot.shape)
    assert report.frames == tuple(range(-3, kept - 3))
    assert not levels[0].allclose(levels[1])


def test_frames_follow_their_numbers_and_not_their_place(model: Model, make_shot: MakeShot) -> None:
    # Both lists begin inside block 1000 // 2 and hold the same whole blocks.
    longer, shorter = range(998, 1006), range(1000, 1006)
    settings = replace(PAPER, method="per-frame")
    whole, _ = make_shot(model, longer, SIZE).edit(settings)
    part, _ = make_shot(model, shorter, SIZE).edit(settings)
    assert relative(part, whole[:, 2:]) < 1e-12
    drawn = [
        make_shot(model, frames, SIZE).edit(PAPER)[1].keyframes for frames in (longer, shorter)
    ]
    assert [step[1:] for step in drawn[0]] == list(drawn[1])


def test_one_frame_is_an_ordinary_plug_and_play_edit(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, [-7], SIZE)
    assert relative(shot.edit(PAPER)[0], shot.edit(replace(PAPER, method="per-frame"))[0]) < 1e-12


def test_an_interval_of_one_is_joint_attention(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, range(4), SIZE)
    every = shot.edit(replace(PAPER, keyframe_interval=1))[0]
    assert relative(every, shot.edit(replace(PAPER, method="joint-attention"))[0]) < 1e-12


def test_joint_attention_is_not_per_frame(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, range(3), SIZE)
    joint, alone = (
        shot.edit(replace(PAPER, method=method))[0] for method in ("joint-attention", "per-frame")
    )
    assert relative(joint, alone) > 1e-4


@pytest.mark.parametrize("batch", [2, 9])
def test_with_first_frame_attention_all_frames_take_keys_and_values_of_the_first(
    model: Model, make_shot: MakeShot, batch: int
) -> None:
    """The first is edited by itself; what comes between it and another does not count for that."""
    settings = replace(PAPER, method="first-frame", keyframes_per_batch=batch)
    five = make_shot(model, range(5), SIZE).edit(settings)[0]
    two = make_shot(model, (0, 4), SIZE).edit(settings)[0]
    alone = make_shot(model, range(5), SIZE).edit(replace(PAPER, method="per-frame"))[0]
    assert relative(five[:, 0], alone[:, 0]) < 1e-9
    assert relative(five[:, 4], two[:, 1]) < 1e-9
    assert relative(five[:, 4], alone[:, 4]) > 1e-4


def test_latents_of_any_size_are_edited(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, (11, 7))
    streamed = shot.edit(replace(PAPER, keyframes_per_batch=1))[0]
    assert relative(streamed, shot.edit(replace(PAPER, keyframes_per_batch=9))[0]) < 1e-9


def test_guidance_of_one_leaves_the_negative_prompt_out(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    weak, strong = (replace(PAPER, guidance=g, negative_prompt="ugly") for g in (1.0, 1.0 + 1e-12))
    ours, report = shot.edit(weak)
    theirs, complete = shot.edit(strong)
    assert relative(ours, theirs) < 1e-9
    assert 3 * report.samples == 2 * complete.samples


def test_keyframes_are_drawn_anew_unless_they_are_fixed(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, range(16), SIZE)
    settings = replace(PAPER, keyframe_interval=8)
    assert len(set(shot.edit(settings)[1].keyframes)) > 1
    assert len(set(shot.edit(replace(settings, keyframes="fixed"))[1].keyframes)) == 1


def test_the_linear_weight_gives_another_edit(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    linear = shot.edit(replace(PAPER, weights="linear"))[0]
    assert relative(linear[-1], shot.edit(PAPER)[0][-1]) > 1e-6


def test_the_start_is_the_inverted_latent(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    first = shot.trajectory(PAPER).timesteps[-1]
    assert shot.edit(PAPER)[0][0].equal(shot.source(first))


@pytest.mark.parametrize(("start", "steps", "kept"), [(0.9, 10, 9), (1.0, 10, 10), (0.0, 10, 1)])
def test_sdedit_keeps_its_share_of_the_steps(
    model: Model, start: float, steps: int, kept: int
) -> None:
    settings = EditSettings(technique="sdedit", steps=steps, start=start)
    assert len(edit_levels(model.schedule, settings)) == kept + 1


@pytest.mark.parametrize(("start", "steps", "kept"), [(0.9, 50, 44), (1.0, 50, 49), (0.01, 50, 50)])
def test_released_sdedit_keeps_what_the_code_keeps(
    model: Model, start: float, steps: int, kept: int
) -> None:
    settings = EditSettings(technique="sdedit", mode="released", steps=steps, start=start)
    assert len(edit_levels(model.schedule, settings)) == kept + 1


def test_a_model_that_predicts_velocity_gives_the_same_edit(make_shot: MakeShot) -> None:
    epsilon, velocity = (
        random_model(dtype=torch.float64, prediction_type=kind)
        for kind in ("epsilon", "v_prediction")
    )
    settings = replace(PAPER, keyframes_per_batch=9)
    expected = make_shot(epsilon, FRAMES, SIZE).edit(settings)[0]
    with predicting_velocity(velocity):
        ours = make_shot(velocity, FRAMES, SIZE).edit(settings)[0]
    assert relative(ours, expected) < 1e-9


@contextmanager
def predicting_velocity(model: Model) -> Iterator[None]:
    """Let a UNet that predicts noise predict the velocity v = (ε − σ x)/μ instead."""
    alphas = model.scheduler.alphas_cumprod.double()

    def convert(module: Any, inputs: Any, result: Any) -> tuple[torch.Tensor]:
        x, alpha = inputs[0], alphas[inputs[1]]
        return ((result[0] - (1 - alpha).sqrt() * x) / alpha.sqrt(),)

    hook = model.unet.register_forward_hook(convert)
    yield
    hook.remove()


def test_progress_counts_every_batch_up_to_the_total(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    seen: list[tuple[int, int]] = []
    out = shot.output(PAPER)
    edit(model, shot.trajectory(PAPER), shot.x0, out, PAPER, lambda *report: seen.append(report))
    total = len(seen)
    assert seen == [(done, total) for done in range(1, total + 1)]


def test_nothing_is_left_of_the_scratch_folder(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    settings = replace(PAPER, keyframes_per_batch=1)
    out = shot.output(settings)
    shot.edit(settings, out)
    assert not (out.folder / "scratch").exists()
    assert final(out).equal(levels_of(out)[-1])


@every_method
def test_a_result_that_is_not_finite_names_frame_and_step(
    model: Model, make_shot: MakeShot, settings: EditSettings
) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    if settings.mode == "released":
        pytest.skip("a broken frame reaches its whole block there")
    broken = shot.source
    shot.source = lambda t: broken(t).index_fill(0, torch.tensor([3]), float("nan"))  # type: ignore[assignment, method-assign]
    with pytest.raises(NonFiniteResult, match=r"step 1 .*frame 100\d\b"):
        shot.edit(settings)


def test_joint_attention_of_a_long_shot_is_refused(model: Model, make_shot: MakeShot) -> None:
    settings = replace(PAPER, method="joint-attention", steps=1)
    with pytest.raises(InvalidJob, match="48"):
        make_shot(model, range(49), (8, 8)).edit(settings)


def test_released_refuses_a_shot_shorter_than_a_block(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, range(7), SIZE)
    with pytest.raises(InvalidJob, match="at least 8 frames"):
        shot.edit(replace(RELEASED, keyframe_interval=8))


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"keyframe_interval": 0},
        {"frames_per_batch": 0},
        {"qk_threshold": 1.5},
        {"mode": "released", "method": "per-frame"},
        {"mode": "released", "keyframes": "fixed"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob):
        EditSettings(**wrong)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near_full_precision(make_shot: MakeShot, dtype: torch.dtype) -> None:
    # Plain attention, since a match that flips is a jump and no error.
    settings = replace(PAPER, method="joint-attention", guidance=2.0, keyframes_per_batch=2)
    half = make_shot(random_model(dtype=dtype), range(4), SIZE).edit(settings)[0]
    full = make_shot(random_model(), range(4), SIZE).edit(settings)[0]
    assert half.dtype == torch.float32
    assert relative(half, full) < 0.1
