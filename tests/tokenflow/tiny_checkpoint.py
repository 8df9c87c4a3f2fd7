"""The smallest checkpoint on disk: the layout of Stable Diffusion, random weights."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.random_model import random_model
from tokenflow.diffusion.model import Model

VOCABULARY = ("a", "red", "blue", "ball", "on", "floor")


def write_tiny_checkpoint(folder: Path) -> Path:
    """Write a diffusers folder of half a million parameters that works at 64 by 64 pixels."""
    model: Model = random_model()
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        getattr(model, name).save_pretrained(folder / name)
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    notes = {"vocabulary": VOCABULARY, "native_size": [64, 64], "note": "Random, for tests."}
    (folder / "tokenflow.json").write_text(json.dumps(notes))
    return folder
