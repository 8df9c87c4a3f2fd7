"""Training of the demo checkpoint's depth ControlNet, on the renderings that the UNet learned."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import ControlNetModel
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.source import resolve
from tokenflow.demo.render import render_depth
from tokenflow.demo.training.folder import replaced_folder
from tokenflow.demo.training.latents import load_latents
from tokenflow.demo.training.loop import SEED, Run
from tokenflow.demo.training.pictures import FULL, load_captions
from tokenflow.demo.training.velocity import noised
from tokenflow.demo.world import random_scene
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.text import encode_prompt
from tokenflow.pipeline.control_depth import DepthRange, draw_depth, inverse_depth

BATCH = 8
DROPPED_CAPTIONS = 0.3  # more than the UNet's, so that the depth alone has to say what is where
NARROWER = 0.3  # share of the range that a shot's range may be wider than a picture's


def build_controlnet(model: Model) -> ControlNetModel:
    """A ControlNet that starts as the UNet's down half and adds nothing yet."""
    # The pictures are as much larger than latents as the autoencoder makes them: two halvings.
    return ControlNetModel.from_unet(model.unet, conditioning_embedding_out_channels=(16, 32, 64))


def depth_path(latents: Path) -> Path:
    """Where the depth pictures of a file of latents lie."""
    return latents.with_name(latents.name.replace("latents-full", "depth"))


def draw_depths(folder: Path) -> None:
    """Draw the missing depth pictures of all encoded shards, 8 bit, at the size of the pictures.

    The scenes are drawn again from their shard's seed, in the order in which they were rendered.
    """
    for latents in sorted(folder.glob("latents-full-*.npy")):
        target = depth_path(latents)
        if target.exists():
            continue
        captions = load_captions(latents)
        rng = np.random.default_rng([2026, int(latents.stem.rpartition("-")[2])])
        height, width = (4 * side for side in np.load(latents, mmap_mode="r").shape[2:])
        rendered = next(big for big, small in FULL.items() if small == (width, height))
        pictures = np.empty((len(captions), height, width), dtype=np.uint8)
        for picture, caption in zip(pictures, captions, strict=True):
            scene = random_scene(rng)
            if scene.caption != caption:
                raise RuntimeError(f"{latents.name} holds other scenes than its seed makes")
            inverse = inverse_depth(render_depth(scene, 0, *rendered))
            small = cv2.resize(inverse, (width, height), interpolation=cv2.INTER_AREA)
            drawn = draw_depth(np.asarray(small), DepthRange.over([np.asarray(small)]))
            picture[:] = np.rint(drawn * 255)
        unfinished = target.with_name(f".{target.name}.tmp.npy")
        np.save(unfinished, pictures)
        unfinished.replace(target)
        print(f"drew {target.name}", flush=True)


Shard = tuple[NDArray[np.float16], NDArray[np.uint8], list[str]]


def load_shards(folder: Path) -> list[Shard]:
    """Latents, depth pictures (pictures, h, w) and captions of all shards but the first."""
    paths = sorted(folder.glob("latents-full-*.npy"))[1:]
    found = load_latents(folder, "full")
    return [
        (latents, np.load(depth_path(path)), captions)
        for path, (latents, captions) in zip(paths, found, strict=True)
    ]


def as_conditioning(pictures: NDArray[np.uint8]) -> Tensor:
    """Depth pictures (n, h, w) as the ControlNet takes them: (n, 3, h, w), 0..1."""
    return torch.from_numpy(pictures).float()[:, None].expand(-1, 3, -1, -1) / 255


def batches(
    shards: list[Shard], rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, list[str]]]:
    """Endless batches of latents, conditioning and captions; one picture size per batch."""
    shares = np.array([len(latents) for latents, _, _ in shards], dtype=float)
    while True:
        latents, depths, captions = shards[rng.choice(len(shards), p=shares / shares.sum())]
        rows = rng.integers(len(latents), size=BATCH)
        dropped = rng.random(BATCH) < DROPPED_CAPTIONS
        texts = ["" if drop else captions[i] for i, drop in zip(rows, dropped, strict=True)]
        # A picture of a shot seldom fills the shot's whole range.
        ends = rng.uniform(0, NARROWER / 2, (2, BATCH, 1, 1, 1))
        low, high = torch.from_numpy(ends).float()
        conditioning = low + as_conditioning(depths[rows]) * (1 - low - high)
        yield torch.from_numpy(latents[rows]).float(), conditioning, texts


class Trainee:
    """The frozen model, and the loss of a ControlNet beside it."""

    def __init__(self) -> None:
        self.model: Model = load_model(resolve("demo"), "cpu", torch.float32)
        self.signal = self.model.scheduler.alphas_cumprod
        self.scaling = self.model.vae.config.scaling_factor
        self._text = cache(partial(encode_prompt, self.model))  # few captions, many pictures

    def loss(
        self,
        controlnet: ControlNetModel | None,
        batch: tuple[Tensor, Tensor, list[str]],
        generator: torch.Generator,
    ) -> Tensor:
        """Mean squared error of the predicted velocity; without a ControlNet, the model's own."""
        latents, conditioning, captions = batch
        clean = latents * self.scaling
        timesteps = torch.randint(0, len(self.signal), (len(clean),), generator=generator)
        noise = torch.randn(clean.shape, generator=generator)
        noisy, velocity = noised(clean, noise, self.signal[timesteps])
        text = torch.stack([self._text(caption) for caption in captions])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            down, mid = None, None
            if controlnet is not None:
                down, mid = controlnet(noisy, timesteps, text, conditioning, return_dict=False)
            prediction = self.model.unet(
                noisy,
                timesteps,
                text,
                down_block_additional_residuals=down,
                mid_block_additional_residual=mid,
            ).sample
        return functional.mse_loss(prediction.float(), velocity)


def train_controlnet(folder: Path, steps: int) -> None:
    """Train for `steps` in all, going on where an earlier run stopped."""
    trainee = Trainee()
    torch.manual_seed(SEED)
    controlnet = build_controlnet(trainee.model).train()
    run = Run(
        folder / "controlnet.pt",
        controlnet,
        matrix_rate=0.006,
        rate=1e-3,
        decay=0.995,
        outside=("conv_in", "conv_out", "controlnet_down", "controlnet_mid", "embed"),
    )
    generator = torch.Generator().manual_seed(run.step)
    source = batches(load_shards(folder), np.random.default_rng(run.step))

    def loss() -> Tensor:
        return trainee.loss(controlnet, next(source), generator)

    run.train("controlnet", steps, loss, warm_up=30, every=25)


def trained(folder: Path, model: Model) -> ControlNetModel:
    """The averaged ControlNet of a training folder."""
    controlnet = build_controlnet(model)
    controlnet.load_state_dict(torch.load(folder / "controlnet.pt", weights_only=True)["average"])
    return controlnet.eval()


@torch.inference_mode()
def measure_loss(folder: Path, pictures: int = 128) -> tuple[float, float]:
    """Loss without and with the ControlNet on pictures kept for tests, same noise for both."""
    trainee = Trainee()
    latents = sorted(folder.glob("latents-full-*.npy"))[0]
    whole: Shard = (np.load(latents), np.load(depth_path(latents)), load_captions(latents))
    found = []
    for controlnet in (None, trained(folder, trainee.model)):
        generator = torch.Generator().manual_seed(0)
        losses = []
        for start in range(0, pictures, BATCH):
            rows = slice(start, start + BATCH)
            batch = (
                torch.from_numpy(whole[0][rows]).float(),
                as_conditioning(whole[1][rows]),
                whole[2][rows],
            )
            losses.append(trainee.loss(controlnet, batch, generator).item())
        found.append(float(np.mean(losses)))
    return found[0], found[1]


def export_controlnet(folder: Path, target: Path) -> None:
    """Write the averaged weights in half precision in diffusers' layout, with checksums.

    A card that lies in `target` is kept.
    """
    controlnet = trained(folder, Trainee().model)
    with replaced_folder(target) as new:
        controlnet.half().save_pretrained(new, safe_serialization=True)
