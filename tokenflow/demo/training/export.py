"""From training states to the checkpoint folder that the product carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tokenflow.demo.training.autoencoder import build_autoencoder
from tokenflow.demo.training.denoiser import Denoiser, build_scheduler, latent_deviation
from tokenflow.demo.training.folder import replaced_folder, write_json
from tokenflow.demo.training.text import write_tokenizer
from tokenflow.demo.world import VOCABULARY

NATIVE_SIZE = (164, 92)
NOTE = (
    "The demo checkpoint knows one small rendered world: a ball, cube or cylinder on a floor. "
    "It is a demonstration and a measuring rod, no model for real plates."
)
_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def export_checkpoint(training: Path, target: Path) -> None:
    """Write the averaged weights in half precision as a diffusers folder, with checksums.

    Takes the full-scale denoiser where there is one, else the half-scale one; a decoder trained
    after the fact takes the place of the autoencoder's own. The folder appears whole or not at
    all; a card that lies in it is kept.
    """
    tokenizer = training / "tokenizer"
    denoiser = Denoiser(tokenizer)
    denoiser.load_state_dict(_average(training, "denoiser-full", "denoiser-half"))
    autoencoder = build_autoencoder()
    autoencoder.load_state_dict(_average(training, "decoder", "autoencoder"))
    autoencoder.register_to_config(scaling_factor=1 / latent_deviation(training))
    parts: dict[str, Any] = {
        "vae": autoencoder,
        "unet": denoiser.unet,
        "text_encoder": denoiser.text_encoder,
    }
    with replaced_folder(target) as new:
        for name, module in parts.items():
            whole = module.to(memory_format=torch.contiguous_format).half()
            whole.save_pretrained(new / name, safe_serialization=True)
        build_scheduler().save_pretrained(new / "scheduler")
        write_tokenizer(new / "tokenizer")
        write_json(new / "model_index.json", _INDEX)
        notes = {"vocabulary": VOCABULARY, "native_size": NATIVE_SIZE, "note": NOTE}
        write_json(new / "tokenflow.json", notes)


def _average(training: Path, *names: str) -> dict[str, Any]:
    """Load the averaged weights of the first training that exists."""
    state = next(path for name in names if (path := training / f"{name}.pt").exists())
    average: dict[str, Any] = torch.load(state, weights_only=True)["average"]
    return average
