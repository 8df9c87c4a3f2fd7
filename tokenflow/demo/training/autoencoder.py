"""Training of the demo checkpoint's autoencoder: pixels to latents of a quarter of their size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from tokenflow.demo.training.loop import SEED, Run, cosine
from tokenflow.demo.training.pictures import at_scale, shard_paths

BATCH = 16
NOISE = 0.05  # standard deviation, in latents of about unit variance


def build_autoencoder() -> AutoencoderKL:
    """An untrained autoencoder of three levels without attention, so that any picture size fits."""
    levels = (32, 64, 96)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=levels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=192,
        mid_block_add_attention=False,
    )


def crops(folder: Path, seed: int, side: int) -> Iterator[Tensor]:
    """Yield batches (BATCH, 3, side, side) in -1..1, cut at random and mirrored half the time."""
    shards = [np.load(path, mmap_mode="r") for path in shard_paths(folder)[1:]]
    rng = np.random.default_rng(seed)
    while True:
        batch = np.empty((BATCH, side, side, 3), dtype=np.uint8)
        for item in batch:
            shard = shards[rng.integers(len(shards))]
            picture = shard[rng.integers(len(shard))]
            y = rng.integers(picture.shape[0] - side + 1)
            x = rng.integers(picture.shape[1] - side + 1)
            item[...] = picture[y : y + side, x : x + side][:, :: rng.choice([-1, 1])]
        yield torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1


def whole_pictures(folder: Path, seed: int) -> Iterator[Tensor]:
    """Yield batches (4, 3, h, w) of whole pictures at the full scale, mirrored half the time."""
    shards = [np.load(path, mmap_mode="r") for path in shard_paths(folder)[1:]]
    rng = np.random.default_rng(seed)
    while True:
        shard = shards[rng.integers(len(shards))]
        pictures = shard[np.sort(rng.integers(len(shard), size=BATCH // 4))]
        yield at_scale(pictures[:, :, :: rng.choice([-1, 1])], "full")


def train_autoencoder(folder: Path, steps: int, *, decoder_only: bool = False) -> None:
    """Train for `steps` in all, going on where an earlier run stopped.

    With `decoder_only` the trained encoder stays as it is, and with it every latent that a UNet has
    learned. The decoder then sees whole pictures: trained on crops alone it is 5 dB worse on them,
    because group norm finds other statistics there.
    """
    torch.manual_seed(SEED)
    model = build_autoencoder().to(memory_format=torch.channels_last)
    name = "autoencoder"
    if decoder_only:
        model.load_state_dict(torch.load(folder / "autoencoder.pt", weights_only=True)["average"])
        model.encoder.requires_grad_(False)
        model.quant_conv.requires_grad_(False)
        name = "decoder"
    run = Run(folder / f"{name}.pt", model, decay=0.995)
    torch.manual_seed(run.step)
    # Small crops first: steps count more than pixels until the coarse mapping stands.
    small, large = (crops(folder, run.step, side) for side in (32, 64))
    whole = whole_pictures(folder, run.step)
    while run.step < steps:
        batches = whole if decoder_only else small if run.step < steps // 2 else large
        picture = next(batches).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            latent = model.encode(picture).latent_dist.mean
            # A little noise makes the latents smooth; a sampled posterior starts out as noise alone
            # and cost the first five minutes of training without a gain.
            decoded = model.decode(latent + NOISE * torch.randn_like(latent)).sample
        error = decoded.float() - picture
        loss = error.abs().mean() + 2 * functional.mse_loss(decoded.float(), picture)
        if not decoder_only:
            loss = loss + 3e-3 * latent.float().square().mean()  # keeps their scale in bounds
        run.advance(loss, cosine(run.step, steps, warm_up=60))
        if run.step % 50 == 0:
            psnr = -10 * np.log10(error.square().mean().item() / 4)
            run.log(f"{name} {run.step}/{steps} loss {loss.item():.4f} psnr {psnr:.2f} dB")
    run.save()


@torch.inference_mode()
def measure_psnr(model: AutoencoderKL, folder: Path, pictures: int = 64) -> float:
    """Mean PSNR in dB over the first pictures of shard 0, which is never trained on."""
    shard = np.load(shard_paths(folder)[0], mmap_mode="r")[:pictures]
    total = 0.0
    for x in at_scale(shard, "full"):
        y = model.decode(model.encode(x[None]).latent_dist.mean).sample[0].clamp(-1, 1)
        total += -10 * np.log10(functional.mse_loss(y, x).item() / 4)
    return total / len(shard)
