"""Training of the demo checkpoint's motion adapter: temporal attention between frozen 2D layers.

The layout is that of AnimateDiff (Guo et al. 2023, arXiv 2307.04725): a temporal transformer after
every block of the 2D UNet, whose weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import MotionAdapter, UNetMotionModel
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tokenflow.demo.training.clips import load_clips
from tokenflow.demo.training.folder import replaced_folder
from tokenflow.demo.training.loop import SEED, Run
from tokenflow.demo.training.velocity import noised
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.text import encode_prompt

NOTES = "tokenflow.json"  # how DreamMotion's losses weigh with these weights
KEPT = 2  # shards for tests
BATCH = {"half": 2, "full": 1}  # clips
RATE = {"half": 1.0, "full": 0.4}  # of the learning rates; the full scale only refines
DROPPED_CAPTIONS = 0.1

Shards = list[tuple[NDArray[np.float16], list[str]]]


def build_adapter(model: Model) -> MotionAdapter:
    """An untrained adapter for the demo checkpoint; its last layers are still zero."""
    config = model.unet.config
    adapter = MotionAdapter(
        block_out_channels=tuple(config.block_out_channels),
        motion_layers_per_block=config.layers_per_block,
        motion_num_attention_heads=4,
        motion_norm_num_groups=config.norm_num_groups,
        motion_max_seq_length=32,
    )
    for name, weight in adapter.named_parameters():
        if ".proj_out." in name:
            torch.nn.init.zeros_(weight)
    return adapter


def motion_unet(model: Model, adapter: MotionAdapter) -> Any:
    """The UNet with the adapter in it, of which the adapter alone is trained."""
    unet: Any = UNetMotionModel.from_unet2d(model.unet, adapter)
    for name, parameter in unet.named_parameters():
        parameter.requires_grad_("motion_modules" in name)
    return unet


def train_motion(folder: Path, model: Model, scale: str, steps: int) -> None:
    """Train at one picture scale up to `steps`; the full scale starts from the half scale's end."""
    torch.manual_seed(SEED)
    unet = motion_unet(model, build_adapter(model))
    if scale == "full":
        unet.load_state_dict(_average(folder, "half"))
    unet.train()
    share = RATE[scale]
    run = Run(
        folder / f"motion-{scale}.pt",
        unet,
        matrix_rate=0.01 * share,
        rate=1e-3 * share,
        decay=0.99,
    )
    signal = model.schedule.alphas_cumprod
    shards = load_clips(folder, scale)[KEPT:]
    torch.manual_seed(run.step)
    source = batches(shards, BATCH[scale], seed=run.step)

    def loss() -> Tensor:
        clips, captions = next(source)
        timesteps = torch.randint(0, len(signal), (len(clips),))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return velocity_loss(model, unet, clips, captions, timesteps, torch.randn_like(clips))

    run.train(scale, steps, loss, warm_up=30, every=20)


def batches(shards: Shards, size: int, seed: int) -> Iterator[tuple[Tensor, list[str]]]:
    """Endless batches of clips (clips, frames, 4, h, w) with captions; one picture size each."""
    rng = np.random.default_rng(seed)
    while True:
        latents, captions = shards[rng.integers(len(shards))]
        rows = rng.integers(len(latents), size=size)
        dropped = rng.random(size) < DROPPED_CAPTIONS
        texts = ["" if drop else captions[i] for i, drop in zip(rows, dropped, strict=True)]
        clips = torch.from_numpy(latents[rows]).float()
        # Time runs either way: a scene played backwards is one of this world too.
        yield clips.flip(1) if rng.random() < 0.5 else clips, texts


def velocity_loss(
    model: Model, unet: Any, clips: Tensor, captions: list[str], timesteps: Tensor, noise: Tensor
) -> Tensor:
    """Mean squared error of the predicted velocity of noisy clips; one timestep per clip."""
    noisy, velocity = noised(clips, noise, model.schedule.alphas_cumprod[timesteps])
    # Cloned: what was made in inference mode cannot be kept for the way back.
    text = torch.stack([encode_prompt(model, caption).clone() for caption in captions])
    predicted = unet(
        noisy.transpose(1, 2),
        timesteps,
        text.repeat_interleave(clips.shape[1], 0),
    ).sample.transpose(1, 2)
    return functional.mse_loss(predicted.float(), velocity)


@torch.inference_mode()
def measure_gain(folder: Path, model: Model, unet: Any, scale: str) -> tuple[float, float]:
    """Loss on the clips kept for tests, of the 2D checkpoint by itself and with the adapter."""
    losses, signal = [], model.schedule.alphas_cumprod
    for one in (motion_unet(model, build_adapter(model)).eval(), unet.eval()):
        generator, found = torch.Generator().manual_seed(0), []
        for latents, captions in load_clips(folder, scale)[:KEPT]:
            for row in range(0, len(latents), 2):
                clip = torch.from_numpy(latents[row : row + 1]).float()
                noise = torch.randn(clip.shape, generator=generator)
                timestep = torch.randint(0, len(signal), (1,), generator=generator)
                found.append(
                    velocity_loss(model, one, clip, captions[row : row + 1], timestep, noise)
                )
        losses.append(float(torch.stack(found).mean()))
    return losses[0], losses[1]


def trained(folder: Path, model: Model) -> Any:
    """The UNet with the averaged weights of the last training that exists."""
    unet = motion_unet(model, build_adapter(model))
    unet.load_state_dict(_average(folder, "full", "half"))
    return unet


def export_adapter(unet: Any, target: Path) -> None:
    """Write the adapter in half precision as a diffusers folder, with checksums.

    The folder appears whole or not at all; a card and notes that lie in it are kept.
    """
    with replaced_folder(target, NOTES) as new:
        unet.save_motion_modules(new, safe_serialization=True)  # in single precision always
        MotionAdapter.from_pretrained(new).half().save_pretrained(new)


def _average(folder: Path, *scales: str) -> dict[str, Any]:
    state = next(path for scale in scales if (path := folder / f"motion-{scale}.pt").exists())
    average: dict[str, Any] = torch.load(state, weights_only=True)["average"]
    return average
