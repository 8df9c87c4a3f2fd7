"""Decoders that flicker less: one that sees time, one that sees the plate.

`AutoencoderKLTemporalDecoder` (Blattmann et al., Stable Video Diffusion, 2023) reaches 29 frames
and norms over all it is given, so no cut of the shot leaves it alone. It gets windows that are
anchored to absolute frame numbers, blended where they overlap: the same frames, whatever the cut.
`AsymmetricAutoencoderKL` (Zhu et al., 2023) takes what the matte leaves from the plate; each frame
by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from tokenflow.deflicker.warp import Float32

LENGTH, OVERLAP = 16, 4
"""Frames of a window, and how many of them it shares with the next."""


class Window(NamedTuple):
    """Frames that are decoded together.

    Attributes
    ----------
    frames
        Absolute numbers.
    weights
        How much each counts, beside the other window that has it.
    """

    frames: tuple[int, ...]
    weights: tuple[float, ...]


def windows(shot: Sequence[int], length: int = LENGTH, overlap: int = OVERLAP) -> list[Window]:
    """Cut a shot into windows that begin at multiples of `length - overlap`, whatever its range.

    Weights rise and fall linearly over the overlap and add up to 1 for every frame.
    """
    stride = length - overlap

    def weight(place: int) -> float:
        return min(1.0, (place + 1) / (overlap + 1), (length - place) / (overlap + 1))

    first, last = (min(shot) - length) // stride + 1, max(shot) // stride
    starts = [number * stride for number in range(first, last + 1)]
    held = {start: [f for f in shot if start <= f < start + length] for start in starts}
    totals = {
        frame: sum(weight(frame - start) for start in starts if frame in held[start])
        for frame in shot
    }
    return [
        Window(tuple(held[s]), tuple(weight(frame - s) / totals[frame] for frame in held[s]))
        for s in starts
        if held[s]
    ]


@torch.inference_mode()
def decode_windows(
    decoder: Any, read: Callable[[Sequence[int]], torch.Tensor], shot: Sequence[int]
) -> Iterator[tuple[int, Float32]]:
    """Decode a shot in windows; yields each frame when all its windows are done.

    Parameters
    ----------
    decoder
        An `AutoencoderKLTemporalDecoder`.
    read
        Gives the latents `(n, channels, h, w)` of frames.

    Yields
    ------
    (frame, picture)
        `(height, width, 3)`, display-referred and not clipped, as `decode_frame` gives it.
    """
    cut = windows(shot)
    sums: dict[int, Float32] = {}
    for index, window in enumerate(cut):
        latents = read(window.frames).to(decoder.device, decoder.dtype)
        pixels = decoder.decode(
            latents / decoder.config.scaling_factor, num_frames=len(window.frames)
        ).sample
        for frame, weight, picture in zip(window.frames, window.weights, pixels, strict=True):
            share = _picture(picture) * np.float32(weight)
            sums[frame] = sums[frame] + share if frame in sums else share
        coming = cut[index + 1].frames if index + 1 < len(cut) else ()
        for frame in sorted(set(sums) - set(coming)):
            yield frame, sums.pop(frame)


@torch.inference_mode()
def decode_beside_plate(
    decoder: Any, latent: torch.Tensor, plate: Float32, matte: Float32 | None
) -> Float32:
    """Decode one latent `(channels, h, w)` with an `AsymmetricAutoencoderKL`.

    Parameters
    ----------
    plate : (height, width, 3)
        The picture of the plate that the model saw, 0 to 1.
    matte : (height, width), optional
        1 where the picture is made anew; without one all of it is, and the plate is not looked at.
    """
    given: dict[str, torch.Tensor] = {}
    if matte is not None:
        where = {"device": decoder.device, "dtype": decoder.dtype}
        picture = torch.from_numpy(np.ascontiguousarray(plate)).permute(2, 0, 1)[None]
        given = {
            "image": picture.to(**where) * 2 - 1,
            "mask": torch.from_numpy(np.ascontiguousarray(matte))[None, None].to(**where),
        }
    scaled = latent[None].to(decoder.device, decoder.dtype) / decoder.config.scaling_factor
    return _picture(decoder.decode(scaled, **given).sample[0])


def _picture(pixels: torch.Tensor) -> Float32:
    picture: Float32 = (pixels.permute(1, 2, 0) / 2 + 0.5).float().cpu().numpy()
    return picture
