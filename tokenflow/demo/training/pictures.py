"""The training set: renderings of random scenes as the model will see them, with captions.

Pictures are kept as 8-bit arrays, one file per shard, each shard of one picture size, so that a
training run that was stopped goes on with what is there.
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tokenflow.demo.render import render_picture
from tokenflow.demo.view import to_display
from tokenflow.demo.world import random_scene

# Width, height in pixels, and the share of the set; all near the area of 192x108.
SIZES = {(192, 108): 0.5, (144, 144): 0.2, (160, 128): 0.15, (128, 160): 0.15}
SHARD = 500

# Picture sizes in pixels for each size that was rendered; latents are a quarter of them.
FULL = {
    (192, 108): (164, 92),
    (144, 144): (124, 124),
    (160, 128): (140, 112),
    (128, 160): (112, 140),
}
HALF = {(192, 108): (84, 48), (144, 144): (64, 64), (160, 128): (72, 56), (128, 160): (56, 72)}
SCALES = {"half": HALF, "full": FULL}


def shard_paths(folder: Path) -> list[Path]:
    """The finished shards of a training set, in order."""
    return sorted(folder.glob("pictures-*.npy"))


def load_captions(shard: Path) -> list[str]:
    """Captions of a shard, one per picture."""
    captions: list[str] = json.loads(shard.with_suffix(".json").read_text())
    return captions


def render_set(folder: Path, pictures: int, workers: int) -> None:
    """Render the missing shards of a set of `pictures` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [
        n for n in range(-(-pictures // SHARD)) if not (folder / f"pictures-{n:03d}.npy").exists()
    ]
    with ProcessPoolExecutor(workers) as pool:
        for n in pool.map(_render_shard, [folder] * len(missing), missing):
            print(f"rendered shard {n}", flush=True)


def at_scale(pictures: NDArray[np.uint8], scale: str) -> Tensor:
    """Return pictures (n, h, w, 3) at the size of a scale: (n, 3, h', w') in -1..1."""
    size = SCALES[scale][pictures.shape[2], pictures.shape[1]]
    resized = [
        np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
        for picture in pictures
    ]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _render_shard(folder: Path, n: int) -> int:
    rng = np.random.default_rng([2026, n])  # held-out scenes use other seeds
    sizes = list(SIZES)
    width, height = sizes[_size_of_shard(n)]
    pictures: NDArray[np.uint8] = np.empty((SHARD, height, width, 3), dtype=np.uint8)
    captions = []
    for i in range(SHARD):
        scene = random_scene(rng)
        picture, _ = render_picture(scene, 0, width, height)
        pictures[i] = np.rint(to_display(picture) * 255)
        captions.append(scene.caption)
    target = folder / f"pictures-{n:03d}.npy"
    target.with_suffix(".json").write_text(json.dumps(captions))
    partial = folder / f".pictures-{n:03d}.tmp.npy"
    np.save(partial, pictures)
    partial.replace(target)
    return n


def _size_of_shard(n: int) -> int:
    """Which size shard `n` has; every stretch of 20 shards holds the sizes in their shares."""
    shares = np.cumsum(list(SIZES.values()))
    return int(np.searchsorted(shares, ((n * 13) % 20 + 0.5) / 20))
