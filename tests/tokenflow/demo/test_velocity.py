"""What the demo's networks learn to predict is what diffusers' schedulers take for velocity."""

from __future__ import annotations

import pytest
import torch

from tokenflow.demo.training.denoiser import build_scheduler
from tokenflow.demo.training.velocity import noised


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (3, 7, 4, 5, 6)])
def test_noise_and_velocity_are_the_schedulers_for_pictures_and_clips(
    shape: tuple[int, ...],
) -> None:
    scheduler, timesteps = build_scheduler(), torch.tensor([0, 421, 999])
    clean, noise = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    noisy, velocity = noised(clean, noise, scheduler.alphas_cumprod[timesteps])
    torch.testing.assert_close(noisy, scheduler.add_noise(clean, noise, timesteps))
    torch.testing.assert_close(velocity, scheduler.get_velocity(clean, noise, timesteps))
