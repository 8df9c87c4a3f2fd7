"""Noise and noise levels of the optimisation, from absolute numbers alone.

What a frame is given in a step depends on seed, step and its own number: it is the same in any
window, in any part of a shot, on any machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tokenflow.diffusion.keyframes import BENT_LEVEL, BENT_NOISE, counter_based, uniform


def draw_timestep(seed: int, step: int, t_min: int, t_max: int) -> int:
    """Draw the training timestep of a step, `t_min` to `t_max` − 1, each as likely."""
    return t_min + int(uniform(seed, BENT_LEVEL, step, 0) * (t_max - t_min))


def draw_noise(seed: int, step: int, frames: Sequence[int], shape: Sequence[int]) -> torch.Tensor:
    """Draw the Gaussian noise of frames in a step.

    Parameters
    ----------
    frames
        Absolute frame numbers.
    shape
        Of one frame's latent, `(channels, h, w)`.

    Returns
    -------
    torch.Tensor
        `(frames, channels, h, w)`, float32, on the CPU.
    """
    drawn = [
        np.random.Generator(counter_based(seed, BENT_NOISE, step, frame)).standard_normal(
            tuple(shape), dtype=np.float32
        )
        for frame in frames
    ]
    return torch.from_numpy(np.stack(drawn))
