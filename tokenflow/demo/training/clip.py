"""Training of the demo world's image-text model: a tiny CLIP (Radford et al., arXiv 2103.00020)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

from tokenflow.demo.training.captions import near_misses, one_word_changed
from tokenflow.demo.training.folder import replaced_folder, write_json
from tokenflow.demo.training.loop import SEED, Run, cosine
from tokenflow.demo.training.pictures import load_captions, shard_paths
from tokenflow.demo.training.text import load_tokenizer, write_tokenizer

SIDE = 96  # pixels of the square that the model sees, whatever the picture's aspect
WIDTH = 96  # of both towers and of the embedding
TOKENS = 32
BATCH = 64
_MEAN = _DEVIATION = 0.5


def build_clip(tokenizer: CLIPTokenizer) -> CLIPModel:
    """An untrained CLIP: a vision transformer of four layers, a text transformer of two."""
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=3,
        max_position_embeddings=TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    vision = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        num_hidden_layers=4,
        num_attention_heads=3,
        image_size=SIDE,
        patch_size=8,
    )
    return CLIPModel(
        CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=WIDTH)
    )


def squares(pictures: list[NDArray[np.uint8]]) -> Tensor:
    """Return pictures (h, w, 3) as the model sees them: (n, 3, SIDE, SIDE) in -1..1."""
    resized = [
        np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        for one in pictures
    ]
    pixels = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).float() / 255
    return (pixels - _MEAN) / _DEVIATION


def batches(folder: Path, seed: int) -> Iterator[tuple[Tensor, list[str], np.random.Generator]]:
    """Yield pictures, their captions and a generator, without end; shard 0 is kept for tests.

    Pictures are mirrored half the time and cut a little at their sides.
    """
    paths = shard_paths(folder)[1:]
    shards = [(np.load(path, mmap_mode="r"), load_captions(path)) for path in paths]
    rng = np.random.default_rng([31, seed])
    while True:
        pictures, captions = [], []
        for _ in range(BATCH):
            shard, words = shards[rng.integers(len(shards))]
            index = int(rng.integers(len(shard)))
            top, bottom, left, right = rng.integers(0, 9, size=4)
            height, width = shard.shape[1:3]
            cut = shard[index, top : height - bottom, left : width - right]
            pictures.append(np.ascontiguousarray(cut[:, :: rng.choice([-1, 1])]))
            captions.append(words[index])
        yield squares(pictures), captions, rng


def embed_pictures(model: CLIPModel, pixels: Tensor) -> Tensor:
    """Unit embeddings (n, WIDTH) of pictures (n, 3, SIDE, SIDE)."""
    pooled = model.vision_model(pixel_values=pixels).pooler_output
    return functional.normalize(model.visual_projection(pooled).float(), dim=-1)


def embed_captions(model: CLIPModel, tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Unit embeddings (n, WIDTH) of captions."""
    tokens = tokenizer(captions, padding=True, return_tensors="pt")
    pooled = model.text_model(**tokens).pooler_output
    return functional.normalize(model.text_projection(pooled).float(), dim=-1)


def contrastive_loss(
    pictures: Tensor, captions: Tensor, scale: Tensor, same: NDArray[np.bool_]
) -> Tensor:
    """Symmetric cross-entropy of CLIP (arXiv 2103.00020, figure 3), with near misses.

    Parameters
    ----------
    pictures : (n, width)
    captions : (n + misses, width)
        Those of the pictures in their order, then the near misses of all.
    scale
        Logarithm of the inverse temperature.
    same : (n, n + misses)
        Where a caption is right for a picture although it stands in another place.
    """
    logits = scale.exp() * pictures @ captions.T
    logits = logits.masked_fill(torch.from_numpy(same), float("-inf"))
    right = torch.arange(len(pictures))
    by_picture = functional.cross_entropy(logits, right)
    by_caption = functional.cross_entropy(logits[:, : len(pictures)].T, right)
    return by_picture + 0.5 * by_caption


def train_clip(folder: Path, steps: int) -> None:
    """Train for `steps` in all, going on where an earlier run stopped."""
    write_tokenizer(folder / "clip-tokenizer")
    tokenizer = load_tokenizer(folder / "clip-tokenizer")
    torch.manual_seed(SEED)
    model = build_clip(tokenizer)
    run = Run(
        folder / "clip.pt", model, matrix_rate=0.01, rate=1e-3, decay=0.995, outside=("embed",)
    )
    source = batches(folder, run.step)
    while run.step < steps:
        pixels, captions, rng = next(source)
        every = [*captions, *(miss for caption in captions for miss in near_misses(caption, rng))]
        same = np.array(captions)[:, None] == np.array(every)
        np.fill_diagonal(same, False)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pictures = embed_pictures(model, pixels)
            texts = embed_captions(model, tokenizer, every)
        loss = contrastive_loss(pictures, texts, model.logit_scale, same)
        run.advance(loss, cosine(run.step, steps, warm_up=60))
        with torch.no_grad():
            model.logit_scale.clamp_(max=float(np.log(100.0)))
        if run.step % 25 == 0:
            run.log(f"clip {run.step}/{steps} loss {loss.item():.3f}")
    run.save()


@torch.inference_mode()
def measure_ranking(model: CLIPModel, tokenizer: CLIPTokenizer, folder: Path) -> float:
    """Share of shard 0's pictures whose caption ranks first among ten, nine with a word changed."""
    path = shard_paths(folder)[0]
    pictures, captions = np.load(path, mmap_mode="r"), load_captions(path)
    rng = np.random.default_rng(1)
    hits = 0
    for picture, caption in zip(pictures, captions, strict=True):
        others = rng.permutation(one_word_changed(caption))[:9]
        texts = embed_captions(model, tokenizer, [caption, *map(str, others)])
        scores = texts @ embed_pictures(model, squares([np.asarray(picture)]))[0]
        hits += int(scores.argmax()) == 0
    return hits / len(captions)


def trained(folder: Path) -> tuple[CLIPModel, CLIPTokenizer]:
    """The averaged model of a training folder, and its tokenizer."""
    tokenizer = load_tokenizer(folder / "clip-tokenizer")
    model = build_clip(tokenizer)
    model.load_state_dict(torch.load(folder / "clip.pt", weights_only=True)["average"])
    return model.eval(), tokenizer


def export_clip(folder: Path, target: Path) -> None:
    """Write the averaged weights in half precision in transformers' layout, with checksums.

    A card that lies in `target` is kept.
    """
    model, _ = trained(folder)
    preprocessing = {
        "do_resize": True,
        "size": {"height": SIDE, "width": SIDE},
        "resample": int(Image.Resampling.BICUBIC),
        "do_center_crop": False,
        "image_mean": [_MEAN] * 3,
        "image_std": [_DEVIATION] * 3,
    }
    with replaced_folder(target) as new:
        model.half().save_pretrained(new, safe_serialization=True)
        write_tokenizer(new)
        write_json(new / "preprocessor_config.json", preprocessing)
