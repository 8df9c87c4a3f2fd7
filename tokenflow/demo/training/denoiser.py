"""Training of the demo checkpoint's UNet and text encoder, together, on encoded renderings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional

from tokenflow.demo.training.latents import load_latents
from tokenflow.demo.training.loop import SEED, Run
from tokenflow.demo.training.text import TEXT_WIDTH, TOKENS, build_text_encoder, load_tokenizer
from tokenflow.demo.training.velocity import noised

BATCH = {"half": 32, "full": 16}
RATE = {"half": 1.0, "full": 0.4}  # of the learning rates; the full scale only refines
DROPPED_CAPTIONS = 0.1  # share of empty captions, which guidance needs


def build_unet() -> UNet2DConditionModel:
    """An untrained UNet in Stable Diffusion's layout: four levels, sixteen transformer blocks."""
    return UNet2DConditionModel(
        sample_size=31,
        block_out_channels=(32, 64, 120, 120),
        layers_per_block=2,
        down_block_types=(*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
        up_block_types=("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
        attention_head_dim=(1, 2, 3, 3),  # diffusers' name for the number of heads
        cross_attention_dim=TEXT_WIDTH,
        norm_num_groups=8,
        use_linear_projection=True,
    )


def build_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule with v-prediction, which a small network learns faster."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
    )


class Denoiser(nn.Module):
    """UNet and text encoder as one module, so that they are trained and saved as one."""

    def __init__(self, tokenizer_folder: Path) -> None:
        super().__init__()
        self.tokenizer = load_tokenizer(tokenizer_folder)
        self.unet = build_unet().to(memory_format=torch.channels_last)
        self.text_encoder = build_text_encoder(self.tokenizer)

    def forward(self, noisy: Tensor, timesteps: Tensor, captions: list[str]) -> Tensor:
        """Predict the velocity of noisy latents (batch, 4, h, w) for their captions."""
        tokens = self.tokenizer(
            captions, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
        )
        text = self.text_encoder(tokens.input_ids)[0]
        prediction: Tensor = self.unet(noisy, timesteps, text).sample
        return prediction


def batches(folder: Path, scale: str, seed: int) -> Iterator[tuple[Tensor, list[str]]]:
    """Endless batches of latents (batch, 4, h, w) and captions; one picture size per batch."""
    shards = load_latents(folder, scale)
    shares = np.array([len(latents) for latents, _ in shards], dtype=float)
    rng = np.random.default_rng(seed)
    while True:
        latents, captions = shards[rng.choice(len(shards), p=shares / shares.sum())]
        rows = rng.integers(len(latents), size=BATCH[scale])
        dropped = rng.random(BATCH[scale]) < DROPPED_CAPTIONS
        texts = ["" if drop else captions[i] for i, drop in zip(rows, dropped, strict=True)]
        yield torch.from_numpy(latents[rows]).float(), texts


def latent_deviation(folder: Path) -> float:
    """Standard deviation of the autoencoder's latents; its inverse is the scaling factor."""
    # Summed in double precision: half overflows.
    return float(
        np.concatenate([x.ravel() for x, _ in load_latents(folder, "half")]).std(dtype=float)
    )


def train_denoiser(folder: Path, scale: str, steps: int) -> None:
    """Train at one picture scale up to `steps`; the full scale starts from the half scale's end."""
    torch.manual_seed(SEED)
    model = Denoiser(folder / "tokenizer")
    if scale == "full":
        state = torch.load(folder / "denoiser-half.pt", weights_only=True)
        model.load_state_dict(state["average"])
    share = RATE[scale]
    run = Run(
        folder / f"denoiser-{scale}.pt",
        model,
        matrix_rate=0.02 * share,
        rate=2e-3 * share,
        decay=0.999,
    )
    signal = build_scheduler().alphas_cumprod
    scaling = 1 / latent_deviation(folder)
    torch.manual_seed(run.step)
    source = batches(folder, scale, seed=run.step)

    def loss() -> Tensor:
        latents, captions = next(source)
        clean = (latents * scaling).contiguous(memory_format=torch.channels_last)
        timesteps = torch.randint(0, len(signal), (len(clean),))
        noisy, velocity = noised(clean, torch.randn_like(clean), signal[timesteps])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction = model(noisy, timesteps, captions)
        return functional.mse_loss(prediction.float(), velocity)

    run.train(scale, steps, loss, warm_up=100, every=50)
