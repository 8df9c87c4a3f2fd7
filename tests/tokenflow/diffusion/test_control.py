"""ControlNets act in every pass, by their weights, and on the frame that they are for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from diffusers import MultiControlNetModel

from benchmarks.random_model import random_model
from tests.tokenflow.diffusion.shot import Shot, final, relative
from tests.tokenflow.random_controlnet import random_controlnet
from tokenflow.diffusion.control import Control, Controls
from tokenflow.diffusion.editor import edit, edit_levels, text_states
from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.reedit import reedit
from tokenflow.diffusion.settings import EditSettings, InversionSettings
from tokenflow.diffusion.source_features import SourceFeatures
from tokenflow.diffusion.text import encode_prompt
from tokenflow.diffusion.versions import Version

MakeShot = Callable[..., Shot]
Method = Literal["tokenflow", "per-frame", "joint-attention"]

SIZE = (8, 8)
FRAMES = range(1001, 1008)
SETTINGS = EditSettings(
    prompt="a red ball",
    negative_prompt="ugly",
    technique="controlnet",
    steps=2,
    keyframe_interval=3,
)
METHODS: tuple[Method, ...] = ("tokenflow", "per-frame", "joint-attention")
every_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture
def pictures(tmp_path: Path) -> LatentStack:
    """A picture of every frame, each another one."""
    stack = LatentStack(tmp_path / "pictures", FRAMES, (1, 64, 64))
    generator = torch.Generator().manual_seed(3)
    stack.write(list(FRAMES), torch.rand(len(FRAMES), 1, 64, 64, generator=generator))
    stack.finish()
    return stack


@pytest.fixture(scope="module")
def networks(model: Model) -> tuple[Any, Any]:
    return random_controlnet(model.unet, 0), random_controlnet(model.unet, 1)


def held(model: Model, *controls: Control) -> Model:
    return replace(model, controls=Controls(controls))


@every_method
def test_a_controlnet_changes_an_edit_and_one_of_weight_zero_does_not(
    model: Model, make_shot: MakeShot, networks: Any, pictures: LatentStack, method: Method
) -> None:
    settings = replace(SETTINGS, method=method)

    def edited(*controls: Control) -> torch.Tensor:
        return make_shot(held(model, *controls), FRAMES, SIZE).edit(settings)[0]

    free, idle, firm = (
        edited(*(Control(networks[0], pictures, weight) for weight in weights))
        for weights in ([], [0.0], [1.0])
    )
    assert idle.equal(free)
    assert relative(firm, free) > 1e-3


def test_a_fresh_controlnet_whose_last_layers_are_zero_changes_nothing(
    model: Model, make_shot: MakeShot, pictures: LatentStack
) -> None:
    fresh = random_controlnet(model.unet, strength=0.0)
    settings = replace(SETTINGS, keyframes_per_batch=1)  # through the walk as well
    theirs = make_shot(held(model, Control(fresh, pictures)), FRAMES, SIZE).edit(settings)[0]
    assert theirs.equal(make_shot(model, FRAMES, SIZE).edit(settings)[0])


def test_two_controlnets_add_up_by_their_weights(
    model: Model, networks: Any, pictures: LatentStack
) -> None:
    first, second = (Control(one, pictures) for one in networks)
    samples, text = torch.randn(2, 4, *SIZE).double(), torch.randn(2, 77, 32).double()
    given = samples, 301, text, [1002, 1005]
    both = Controls([replace(first, weight=0.7), replace(second, weight=0.2)]).residuals(*given)
    alone = first.residuals(*given), second.residuals(*given)
    assert both is not None
    for ours, a, b in zip((*both.down, both.mid), *((*x.down, x.mid) for x in alone), strict=True):
        assert relative(ours, 0.7 * a + 0.2 * b) < 1e-12


def test_a_controlnet_of_weight_zero_is_not_even_evaluated(pictures: LatentStack) -> None:
    idle = Controls([Control("a network that cannot be called", pictures, 0.0)])
    assert idle.networks == ()
    assert idle.residuals(torch.zeros(1), 301, torch.zeros(1), [1002]) is None


@torch.inference_mode()
def test_one_step_of_a_frame_is_what_diffusers_computes(
    model: Model, make_shot: MakeShot, networks: Any, pictures: LatentStack
) -> None:
    controls = [Control(networks[0], pictures, 0.8), Control(networks[1], pictures, 0.5)]
    shot = make_shot(held(model, *controls), FRAMES, SIZE)
    settings = replace(SETTINGS, method="per-frame", steps=1)
    ours = shot.edit(settings)[0]
    (timestep,) = model.schedule.timesteps(1)
    together: Any = MultiControlNetModel(list(networks))
    for number, frame in enumerate(FRAMES):
        latent = ours[0, number].expand(2, -1, -1, -1)
        text = text_states(model, settings)[1:]
        picture = pictures.read([frame]).double().expand(2, 3, -1, -1)
        down, mid = together(
            latent, timestep, text, [picture, picture], [0.8, 0.5], return_dict=False
        )
        noise = model.unet(
            latent,
            timestep,
            text,
            down_block_additional_residuals=down,
            mid_block_additional_residual=mid,
        ).sample
        guided = noise[0] + settings.guidance * (noise[1] - noise[0])
        a, b = model.schedule.step(timestep, -1)
        assert relative(ours[1, number], a * latent[0] + b * guided) < 1e-9


@every_method
@pytest.mark.parametrize(("frames", "keyframes"), [(1, 1), (2, 3)])
def test_batches_leave_a_held_edit_as_it_is(
    model: Model,
    make_shot: MakeShot,
    networks: Any,
    pictures: LatentStack,
    method: Method,
    frames: int,
    keyframes: int,
) -> None:
    shot = make_shot(held(model, Control(networks[0], pictures)), FRAMES, SIZE)
    settings = replace(SETTINGS, method=method)
    together = replace(settings, frames_per_batch=9, keyframes_per_batch=9)
    apart = replace(settings, frames_per_batch=frames, keyframes_per_batch=keyframes)
    assert relative(shot.edit(apart)[0], shot.edit(together)[0]) < 1e-9


def test_frames_are_held_by_their_own_pictures(
    model: Model, make_shot: MakeShot, networks: Any, pictures: LatentStack, tmp_path: Path
) -> None:
    other = LatentStack(tmp_path / "other", FRAMES, pictures.shape)
    for frame in FRAMES:
        picture = pictures.read([frame])
        other.write([frame], 1 - picture if frame == 1004 else picture)
    other.finish()
    settings = replace(SETTINGS, method="per-frame", steps=1)
    ours, theirs = (
        make_shot(held(model, Control(networks[0], stack)), FRAMES, SIZE).edit(settings)[0][-1]
        for stack in (pictures, other)
    )
    differs = [not a.equal(b) for a, b in zip(ours, theirs, strict=True)]
    assert differs == [frame == 1004 for frame in FRAMES]


@torch.inference_mode()
def test_an_inversion_runs_with_the_controlnet(
    model: Model, make_shot: MakeShot, networks: Any, pictures: LatentStack
) -> None:
    control = Control(networks[0], pictures)
    shot = make_shot(held(model, control), FRAMES, SIZE)
    plain = InversionSettings(steps=1, scheme="plain", frames_per_batch=2)
    out, _ = shot.invert(plain)
    (timestep,) = model.schedule.timesteps(1)
    for frame in FRAMES:
        clean = shot.x0.read([frame])
        text = encode_prompt(model, "a ball")[None]
        added = control.residuals(clean, timestep, text, [frame])
        noise = model.unet(
            clean,
            timestep,
            text,
            down_block_additional_residuals=added.down,
            mid_block_additional_residual=added.mid,
        ).sample
        a, b = model.schedule.step(-1, timestep)
        # The scheme takes float32 coefficients, as the released code does.
        assert relative(out.at(timestep).read([frame]), a * clean + b * noise) < 1e-6


def test_a_held_edit_that_was_cut_off_goes_on_to_the_same_bits(
    model: Model, make_shot: MakeShot, networks: Any, pictures: LatentStack
) -> None:
    settings = replace(SETTINGS, keyframes_per_batch=2, frames_per_batch=2)
    shot = make_shot(held(model, Control(networks[0], pictures)), FRAMES, SIZE)
    out = shot.output(settings)

    def stop(done: int, total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edit(shot.model, shot.trajectory(settings), shot.x0, out, settings, stop)
    again = Trajectory(out.folder, out.timesteps, out.frames, out.shape, out.dtype)
    assert shot.edit(settings, again)[0].equal(shot.edit(settings)[0])


def test_stored_features_of_the_source_give_a_held_edit_the_same_bits(
    make_shot: MakeShot, pictures: LatentStack, tmp_path: Path
) -> None:
    model = random_model()
    controls = Control(random_controlnet(model.unet), pictures)
    shot = make_shot(held(model, controls), FRAMES, SIZE)
    features = SourceFeatures(tmp_path / "features", FRAMES)
    found, read = (shot.output(SETTINGS) for _ in range(2))
    reports = [
        edit(shot.model, shot.trajectory(SETTINGS), shot.x0, out, SETTINGS, features=features)
        for out in (found, read)
    ]
    assert final(found).equal(final(read))
    assert reports[1].samples < reports[0].samples


def test_a_stretch_of_a_held_edit_anew_with_its_settings_gives_its_latents(
    make_shot: MakeShot, pictures: LatentStack, tmp_path: Path
) -> None:
    model = random_model()
    shot = make_shot(held(model, Control(random_controlnet(model.unet), pictures)), FRAMES, SIZE)
    base = Version(SETTINGS, shot.output(SETTINGS))
    shot.edit(SETTINGS, base.out)
    levels = edit_levels(model.schedule, SETTINGS)
    out = Trajectory(tmp_path / "again", levels, (1003, 1004), shot.shape, shot.x0_dtype)
    reedit(shot.model, shot.trajectory(SETTINGS), shot.x0, Version(SETTINGS, out, base))
    assert final(out).equal(base.out.at(levels[-1]).read([1003, 1004]))
