"""The training set a second time, as latents of the trained autoencoder at two picture sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from tokenflow.demo.training.pictures import at_scale, load_captions, shard_paths


@torch.inference_mode()
def encode_set(folder: Path, model: AutoencoderKL, scale: str, shards: int) -> None:
    """Encode the missing ones of the first `shards` shards, in half precision."""
    for path in shard_paths(folder)[:shards]:
        target = folder / path.name.replace("pictures", f"latents-{scale}")
        if target.exists():
            continue
        pictures = np.load(path)
        latents = []
        for start in range(0, len(pictures), 20):
            x = at_scale(pictures[start : start + 20], scale)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                latents.append(model.encode(x).latent_dist.mean.half().numpy())
        target.with_suffix(".json").write_text(path.with_suffix(".json").read_text())
        partial = folder / f".{target.name}.tmp.npy"
        np.save(partial, np.concatenate(latents))
        partial.replace(target)
        print(f"encoded {target.name}", flush=True)


def load_latents(folder: Path, scale: str) -> list[tuple[NDArray[np.float16], list[str]]]:
    """Latents (pictures, 4, h, w) and captions of all shards but the first, kept for tests."""
    paths = sorted(folder.glob(f"latents-{scale}-*.npy"))[1:]
    return [(np.load(path), load_captions(path)) for path in paths]
