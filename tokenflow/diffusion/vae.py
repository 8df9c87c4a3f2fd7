"""Pictures to latents and back, one frame at a time.

One frame per call, always: the kernels see one shape, so equal latents decode to equal bits
whatever stands beside them, and memory does not depend on the length of the shot.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from tokenflow.errors import NonFiniteResult

from .latents import LatentStack
from .model import Model, Progress, no_progress

Image = npt.NDArray[np.float32]


@torch.inference_mode()
def encode_frame(model: Model, image: Image) -> torch.Tensor:
    """Encode one picture: the mean of the VAE's posterior times the checkpoint's scaling factor.

    Parameters
    ----------
    image
        `(height, width, 3)`, display-referred, 0 to 1; sides are multiples of ``model.vae_scale``.

    Returns
    -------
    torch.Tensor
        `(channels, height / scale, width / scale)`, in the number type of the VAE.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(image, np.float32)).permute(2, 0, 1)[None]
    pixels = pixels.to(model.vae.device, model.vae.dtype) * 2 - 1
    mean = model.vae.encode(pixels).latent_dist.mean[0]
    latent: torch.Tensor = mean * model.vae.config.scaling_factor
    return latent


def encode_into(out: LatentStack, model: Model, frame: int, image: Image) -> None:
    """Encode one picture into `out`.

    Raises
    ------
    NonFiniteResult
        If its latent is not finite.
    """
    latent = encode_frame(model, image)
    if not bool(latent.isfinite().all()):
        raise NonFiniteResult("the encoder made NaN or infinite latents", frame=frame)
    out.write([frame], latent[None])


def encode_frames(
    model: Model,
    images: Iterable[tuple[int, Image]],
    out: LatentStack,
    progress: Progress = no_progress,
) -> None:
    """Encode the pictures of a shot into `out` and finish it.

    Parameters
    ----------
    images
        Frame number and picture (see `encode_frame`) of every frame of `out`, in any order.

    Raises
    ------
    NonFiniteResult
        Naming the frame whose latent is not finite.
    """
    for done, (frame, image) in enumerate(images, 1):
        encode_into(out, model, frame, image)
        progress(done, len(out.frames))
    out.finish()


@torch.inference_mode()
def decode_frame(model: Model, latent: torch.Tensor) -> Image:
    """Decode one latent `(channels, h, w)` to a picture `(height, width, 3)`, float32.

    Display-referred with 0 for black and 1 for white, and *not* clipped: the decoder overshoots a
    little at edges, and a difference of two decoded pictures must not be cut where one of them
    does.
    """
    scaled = latent[None].to(model.vae.device, model.vae.dtype) / model.vae.config.scaling_factor
    pixels = model.vae.decode(scaled).sample[0].permute(1, 2, 0)
    image: Image = (pixels / 2 + 0.5).float().cpu().numpy()
    return image
