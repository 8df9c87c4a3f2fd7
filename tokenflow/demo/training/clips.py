"""The training set of the motion adapter: short clips of random scenes, as latents."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tokenflow.demo.render import render_picture
from tokenflow.demo.training.pictures import SCALES, load_captions
from tokenflow.demo.view import to_display
from tokenflow.demo.world import random_scene
from tokenflow.diffusion.model import Model

FRAMES = 16  # AnimateDiff's length, and a window of DreamMotion
SHARD = 20  # clips


def render_clips(folder: Path, model: Model, scale: str, clips: int) -> None:
    """Render and encode the missing shards of a set of `clips`, one picture size per shard."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = list(SCALES[scale].values())
    for n in range(-(-clips // SHARD)):
        target = folder / f"clips-{scale}-{n:03d}.npy"
        if target.exists():
            continue
        rng = np.random.default_rng([2027, n])  # neither the pictures' seeds nor the held-out ones
        # Every other shard has the shape of a film frame.
        width, height = sizes[0] if n % 2 == 0 else sizes[1 + n // 2 % 3]
        scenes = [random_scene(rng) for _ in range(SHARD)]
        latents = []
        for scene in scenes:
            frames = [render_picture(scene, f, width, height)[0] for f in range(FRAMES)]
            latents.append(_encode(model, np.stack([to_display(frame) for frame in frames])))
        target.with_suffix(".json").write_text(json.dumps([scene.caption for scene in scenes]))
        partial = folder / f".{target.name}.tmp.npy"
        np.save(partial, np.stack(latents))
        partial.replace(target)
        print(f"encoded {target.name}", flush=True)


def load_clips(folder: Path, scale: str) -> list[tuple[NDArray[np.float16], list[str]]]:
    """Latents (clips, frames, 4, h, w), scaled as the UNet sees them, and captions of all shards.

    The first two shards are kept for tests.
    """
    paths = sorted(folder.glob(f"clips-{scale}-*.npy"))
    return [(np.load(path), load_captions(path)) for path in paths]


@torch.inference_mode()
def _encode(model: Model, pictures: NDArray[np.float32]) -> NDArray[np.float16]:
    """Latents (frames, 4, h, w) of display pictures (frames, height, width, 3) in 0..1."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() * 2 - 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mean = model.vae.encode(x).latent_dist.mean
    latents: NDArray[np.float16] = (mean.float() * model.vae.config.scaling_factor).half().numpy()
    return latents
