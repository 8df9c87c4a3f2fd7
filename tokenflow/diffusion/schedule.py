"""The noise schedule: time grids, coefficients of a DDIM step, prediction types.

DDIM (Song, Meng, Ermon, ICLR 2021, arXiv 2010.02502, eq. 12 with η = 0) in terms of μ = √ᾱ and σ =
√(1 − ᾱ): x' = μ' (x − σ ε)/μ + σ' ε, which is x' = a·x + b·ε with a = μ'/μ and b = σ' − a·σ.
Everything is computed in float64 from the model's own betas and applied as a and b: that is more
exact than the way through x0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import DDIMScheduler

from tokenflow.errors import CheckpointRejected, InvalidJob

from .latents import CLEAN

PREDICTIONS = ("epsilon", "v_prediction")


class NoiseSchedule:
    """Time grid and coefficients of a model's DDIM process.

    Parameters
    ----------
    scheduler
        Any diffusers scheduler; its configuration is read as that of a DDIM scheduler.

    Raises
    ------
    CheckpointRejected
        If the model predicts something else than noise or velocity.
    """

    def __init__(self, scheduler: Any) -> None:
        ddim: Any = DDIMScheduler
        self._ddim = ddim.from_config(scheduler.config)
        self.prediction_type: str = self._ddim.config.prediction_type
        if self.prediction_type not in PREDICTIONS:
            raise CheckpointRejected(
                f"the model predicts {self.prediction_type!r}, and the engine reads "
                f"{' and '.join(PREDICTIONS)}"
            )
        #: ᾱ of every training timestep and of the end, float32 as the model defines them.
        self.alphas_cumprod: torch.Tensor = self._ddim.alphas_cumprod
        self.final_alpha_cumprod: torch.Tensor = self._ddim.final_alpha_cumprod

    @property
    def betas(self) -> str:
        """The course of β over the training timesteps: ``scaled_linear``, ``linear``."""
        return str(self._ddim.config.beta_schedule)

    def with_betas(self, course: str) -> NoiseSchedule:
        """Give the same schedule with another course of β between the same ends."""
        ddim: Any = DDIMScheduler
        return NoiseSchedule(
            ddim.from_config(self._ddim.config, beta_schedule=course, trained_betas=None)
        )

    def timesteps(self, steps: int) -> tuple[int, ...]:
        """Time grid of `steps` steps, from the noisiest down.

        Raises
        ------
        InvalidJob
            If the model was not trained with so many timesteps.
        """
        trained = int(self._ddim.config.num_train_timesteps)
        if steps <= trained:
            self._ddim.set_timesteps(steps)
            grid = tuple(int(t) for t in self._ddim.timesteps)
            if max(grid) < trained:
                return grid
        raise InvalidJob(
            f"a grid of {steps} steps does not fit the model's {trained} training timesteps"
        )

    def alpha(self, timestep: int) -> torch.Tensor:
        """ᾱ at `timestep`, or at the end of the process for `CLEAN`: float32, no dimension."""
        return self.final_alpha_cumprod if timestep == CLEAN else self.alphas_cumprod[timestep]

    def signal_and_noise(self, timestep: int) -> tuple[float, float]:
        """Coefficients μ = √ᾱ and σ = √(1 − ᾱ), from float64."""
        alpha = self.alpha(timestep).double()
        return float(alpha.sqrt()), float((1 - alpha).sqrt())

    def step(self, timestep: int, target: int) -> tuple[float, float]:
        """Coefficients a and b of the DDIM step x' = a·x + b·ε between two levels, either way."""
        mu, sigma = self.signal_and_noise(timestep)
        mu_target, sigma_target = self.signal_and_noise(target)
        a = mu_target / mu
        return a, sigma_target - a * sigma

    def noise(self, prediction: torch.Tensor, latents: torch.Tensor, timestep: int) -> torch.Tensor:
        """Turn the model's prediction at `latents` into noise: ε itself, or ε = μ v + σ x."""
        prediction = prediction.to(latents.dtype)
        if self.prediction_type == "epsilon":
            return prediction
        mu, sigma = self.signal_and_noise(timestep)
        return mu * prediction + sigma * latents


def next_levels(timesteps: Sequence[int]) -> dict[int, int]:
    """Map every timestep of a descending grid to the level that its denoising step leads to."""
    return dict(zip(timesteps, (*timesteps[1:], CLEAN), strict=True))
