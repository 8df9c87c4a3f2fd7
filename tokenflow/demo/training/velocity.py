"""Velocity, which all networks of the demo learn to predict (arXiv 2202.00512, section 2.4)."""

from __future__ import annotations

from torch import Tensor


def noised(clean: Tensor, noise: Tensor, signal: Tensor) -> tuple[Tensor, Tensor]:
    """Add noise to latents: √ᾱ x + √(1 − ᾱ) ε and the velocity there, √ᾱ ε − √(1 − ᾱ) x.

    Parameters
    ----------
    clean, noise
        x and ε, `(batch, ...)`.
    signal
        ᾱ of each of the batch, `(batch,)`.
    """
    level = signal.view(-1, *[1] * (clean.ndim - 1))
    mean, deviation = level.sqrt(), (1 - level).sqrt()
    return mean * clean + deviation * noise, mean * noise - deviation * clean
