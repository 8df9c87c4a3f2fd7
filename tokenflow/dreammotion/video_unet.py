"""One way to ask a video UNet for noise, whichever family it is of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from tokenflow.diffusion.schedule import NoiseSchedule
from tokenflow.errors import CheckpointRejected, InvalidJob

FAMILIES = ("UNet3DConditionModel", "UNetMotionModel")


class VideoUNet:
    """A frozen video UNet that predicts noise.

    Parameters
    ----------
    unet
        ``UNet3DConditionModel`` or ``UNetMotionModel``.
    schedule
        Of the checkpoint.

    Attributes
    ----------
    checkpointed
        Whether blocks are computed again in the backward pass instead of being remembered: less
        memory, more time, the same gradient.

    Raises
    ------
    CheckpointRejected
        For another class.
    """

    def __init__(self, unet: Any, schedule: NoiseSchedule) -> None:
        self.family = type(unet).__name__
        if self.family not in FAMILIES:
            raise CheckpointRejected(
                f"the UNet is a {self.family}, and DreamMotion works with {' and '.join(FAMILIES)}",
                hint="Use a checkpoint of video, or name a motion adapter.",
            )
        self.unet = unet.eval().requires_grad_(False)
        self.schedule = schedule
        self.checkpointed = False

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self._weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Number type of its weights and inputs."""
        return self._weight.dtype

    @property
    def _weight(self) -> torch.Tensor:
        # diffusers' own properties look through all modules, every time.
        weight: torch.Tensor = self.unet.conv_in.weight
        return weight

    @property
    def most_frames(self) -> int | None:
        """How many frames it can see at once; None for any number."""
        return frame_limit(self.unet.config)

    def noisy(self, latents: torch.Tensor, noise: torch.Tensor, timestep: int) -> torch.Tensor:
        """x_t = √ᾱ x + √(1 − ᾱ) ε for latents and noise of one shape."""
        mu, sigma = self.schedule.signal_and_noise(timestep)
        return mu * latents + sigma * noise

    def noise(self, noisy: torch.Tensor, timestep: int, text: torch.Tensor) -> torch.Tensor:
        """Predict the noise in a clip.

        Parameters
        ----------
        noisy
            x_t, `(frames, channels, h, w)`.
        timestep
            Training timestep t.
        text
            Text states of the prompt, `(tokens, width)`.

        Returns
        -------
        torch.Tensor
            ε, of the shape and number type of `noisy`; velocity is converted.
        """
        check_frames(len(noisy), self.most_frames)
        clip = noisy.to(self.dtype).movedim(0, 1)[None]
        states = text[None].to(self.dtype)
        if self.family == "UNetMotionModel":
            # The other family repeats them itself.
            states = states.expand(len(noisy), -1, -1)
        with self._saving_memory():
            predicted = self.unet(clip, timestep, encoder_hidden_states=states).sample
        return self.schedule.noise(predicted[0].movedim(0, 1), noisy, timestep)

    @contextmanager
    def _saving_memory(self) -> Iterator[None]:
        """Let every block be computed again in the backward pass."""
        if not (self.checkpointed and torch.is_grad_enabled()):
            yield
            return
        # diffusers' own way leaves the attentions out, and one of the families.
        blocks = [*self.unet.down_blocks, self.unet.mid_block, *self.unet.up_blocks]
        for block in blocks:
            block.forward = partial(
                checkpoint, block.forward, use_reentrant=False, preserve_rng_state=False
            )
        try:
            yield
        finally:
            for block in blocks:
                del block.forward


def frame_limit(config: Any) -> int | None:
    """Tell from a UNet's configuration how many frames it sees at once at most."""
    limit = config.get("motion_max_seq_length")
    return None if limit is None else int(limit)


def check_frames(frames: int, limit: int | None) -> None:
    """Raise `InvalidJob` for more frames than the model can see at once."""
    if limit is not None and frames > limit:
        raise InvalidJob(
            f"the motion model sees {limit} frames at once at most, not {frames}",
            hint=f"Use --window {limit} or less: longer shots go in overlapping windows.",
        )
