"""Time grids and DDIM coefficients."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler

from tokenflow.diffusion.latents import CLEAN
from tokenflow.diffusion.schedule import NoiseSchedule, next_levels
from tokenflow.errors import CheckpointRejected, InvalidJob


def scheduler(**options: object) -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        **options,
    )


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("steps", [1, 7, 50])
def test_a_step_is_that_of_the_library(prediction_type: str, steps: int) -> None:
    library = scheduler(prediction_type=prediction_type)
    library.set_timesteps(steps)
    schedule = NoiseSchedule(library)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 8, 8, generator=generator, dtype=torch.float64)
    for timestep, target in next_levels(schedule.timesteps(steps)).items():
        prediction = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        a, b = schedule.step(timestep, target)
        ours = a * x + b * schedule.noise(prediction, x, timestep)
        theirs = library.step(prediction, timestep, x).prev_sample
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_step_and_its_way_back_are_inverse() -> None:
    schedule = NoiseSchedule(scheduler())
    (a, b), (c, d) = schedule.step(401, 21), schedule.step(21, 401)
    assert a * c == pytest.approx(1)
    assert c * b + d == pytest.approx(0)


def test_the_grid_of_another_scheduler_is_read_as_ddims() -> None:
    pndm = PNDMScheduler(steps_offset=1, set_alpha_to_one=False, skip_prk_steps=True)
    assert NoiseSchedule(pndm).timesteps(50)[:2] == (981, 961)


def test_below_the_last_timestep_lies_the_first_training_timestep() -> None:
    schedule = NoiseSchedule(scheduler())
    assert schedule.alpha(CLEAN) == schedule.alphas_cumprod[0]


@pytest.mark.parametrize("steps", [1000, 5000])
def test_grids_that_do_not_fit_are_refused(steps: int) -> None:
    with pytest.raises(InvalidJob, match=str(steps)):
        NoiseSchedule(scheduler()).timesteps(steps)


def test_a_model_that_predicts_the_picture_is_refused() -> None:
    with pytest.raises(CheckpointRejected, match="sample"):
        NoiseSchedule(scheduler(prediction_type="sample"))


def test_another_course_of_beta_leaves_the_ends_and_all_else_as_they_are() -> None:
    own = {"beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "v_prediction"}
    scaled = DDIMScheduler(beta_schedule="scaled_linear", **own)
    found = NoiseSchedule(scaled).with_betas("linear")
    wanted = DDIMScheduler(beta_schedule="linear", **own)
    assert torch.equal(found.alphas_cumprod, wanted.alphas_cumprod)
    assert not torch.allclose(found.alphas_cumprod, scaled.alphas_cumprod, rtol=0.1)
    assert found.betas == "linear" and found.prediction_type == "v_prediction"
    assert NoiseSchedule(scaled).betas == "scaled_linear"
