"""The parts of a latent diffusion checkpoint that the engine works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .control import NONE, Controls
from .schedule import NoiseSchedule

#: Told the number of UNet batches done and the number to do; may raise to cancel the work.
Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Take a progress report and tell nobody."""


@dataclass(frozen=True)
class Model:
    """A Stable-Diffusion-layout pipeline, loaded and ready.

    Attributes
    ----------
    unet, vae, text_encoder, tokenizer, scheduler
        ``UNet2DConditionModel``, ``AutoencoderKL`` (float32), ``CLIPTextModel``, ``CLIPTokenizer``
        and any diffusers scheduler; of the last only the configuration is read.
    name, sha256
        What the user called it, and the hash of its weights.
    controls
        ControlNets beside the UNet, with their pictures of the shot.
    """

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any
    name: str = ""
    sha256: str = ""
    controls: Controls = NONE

    @property
    def device(self) -> torch.device:
        """Where the UNet runs."""
        return torch.device(self.unet.device)

    @property
    def dtype(self) -> torch.dtype:
        """Number type of the UNet's weights and of its inputs."""
        dtype: torch.dtype = self.unet.dtype
        return dtype

    @property
    def latent_dtype(self) -> torch.dtype:
        """Number type of latents and scheduler steps: float32, or wider if the UNet is.

        In half precision small steps would vanish at low noise.
        """
        return torch.promote_types(torch.float32, self.dtype)

    @property
    def schedule(self) -> NoiseSchedule:
        """The noise schedule that the scheduler's configuration describes."""
        return NoiseSchedule(self.scheduler)

    @property
    def latent_channels(self) -> int:
        """Channels of a latent."""
        return int(self.vae.config.latent_channels)

    @property
    def vae_scale(self) -> int:
        """Pixels per latent, along each side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        """Shape `(channels, h, w)` of the latent of a picture of `width` × `height` pixels."""
        return self.latent_channels, height // self.vae_scale, width // self.vae_scale
