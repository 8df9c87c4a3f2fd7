"""What the engine needs of a model, as rules over its configurations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenflow.errors import CheckpointRejected

from .layout import Layout
from .notes import PREDICTIONS

VIDEO = {"UNet3DConditionModel": "3D", "UNetMotionModel": "Motion"}
"""UNets that see time, and what the names of their blocks end in."""

# Inputs of the UNet besides latent, time and text: each marks another family of models.
_OTHER_INPUTS = {
    "addition_embed_type": "SDXL and its relatives",
    "class_embed_type": "upscalers and image variations",
    "num_class_embeds": "upscalers",
    "encoder_hid_dim": "models with an image prompt",
    "time_cond_proj_dim": "distilled consistency models",
}

_IMAGE_INPUTS = {5: "a depth model", 8: "an instruction model", 9: "an inpainting model"}


def check_configs(layout: Layout) -> None:
    """Raise `CheckpointRejected` where the configurations do not fit the engine or each other."""
    unet, vae = layout.configs["unet"], layout.configs["vae"]
    text = layout.configs["text_encoder"]
    try:
        _check_classes(layout)
        _check_channels(unet, vae)
        _check_attention(unet)
        _check_text(unet, text, layout)
        _check_scheduler(layout.scheduler)
    except CheckpointRejected as error:
        raise CheckpointRejected(error.message, hint=error.hint, path=layout.path) from error


def sees_time(unet: Mapping[str, Any]) -> bool:
    """Tell from a UNet's configuration whether it is one of video."""
    return unet.get("_class_name") in VIDEO


def _check_classes(layout: Layout) -> None:
    wanted = {
        "unet": (layout.configs["unet"].get("_class_name"), "UNet2DConditionModel"),
        "vae": (layout.configs["vae"].get("_class_name"), "AutoencoderKL"),
        "text_encoder": (layout.configs["text_encoder"].get("model_type"), "clip_text_model"),
    }
    for component, (found, known) in wanted.items():
        if found is not None and found != known and found not in VIDEO:
            raise CheckpointRejected(f"the {component} is a {found}, and the engine knows {known}")
    if layout.index.get("text_encoder_2"):
        raise CheckpointRejected("the checkpoint has two text encoders (SDXL): not supported")


def _check_channels(unet: Mapping[str, Any], vae: Mapping[str, Any]) -> None:
    latent = vae.get("latent_channels", 4)
    into, out = unet.get("in_channels", 4), unet.get("out_channels", 4)
    if into != latent:
        kind = _IMAGE_INPUTS.get(into)
        raise CheckpointRejected(
            f"the UNet takes {into} channels{f' ({kind})' if kind else ''}, "
            f"and the autoencoder gives {latent}",
            hint="Use a text-to-image checkpoint.",
        )
    if out != latent:
        raise CheckpointRejected(
            f"the UNet gives {out} channels, and the autoencoder takes {latent}"
        )
    if vae.get("shift_factor"):
        raise CheckpointRejected("the autoencoder shifts its latents (SD 3, Flux): not supported")


def _check_attention(unet: Mapping[str, Any]) -> None:
    for key, family in _OTHER_INPUTS.items():
        if unet.get(key) is not None:
            raise CheckpointRejected(f"the UNet has {key} ({family}): not supported")
    ending = VIDEO.get(unet.get("_class_name", ""), "2D")
    for way in ("Down", "Up"):
        known = {f"CrossAttn{way}Block{ending}", f"{way}Block{ending}"}
        for kind in unet.get(f"{way.lower()}_block_types", known):
            if kind not in known:
                raise CheckpointRejected(f"the UNet has a {kind}: not supported")
    if unet.get("mid_block_type", "UNetMidBlock2DCrossAttn") != "UNetMidBlock2DCrossAttn":
        raise CheckpointRejected(
            f"the UNet has the mid block {unet['mid_block_type']}: not supported"
        )
    crossed_up = f"CrossAttnUpBlock{ending}"
    if crossed_up not in unet.get("up_block_types", [crossed_up]):
        raise CheckpointRejected(
            "the UNet has no attention on its way up, where edits are injected"
        )
    crossed = unet.get("only_cross_attention", False)
    if any(crossed) if isinstance(crossed, list) else crossed:
        raise CheckpointRejected("the UNet has no self-attention, which TokenFlow works on")
    if unet.get("dual_cross_attention"):
        raise CheckpointRejected("the UNet has dual cross-attention: not supported")


def _check_text(unet: Mapping[str, Any], text: Mapping[str, Any], layout: Layout) -> None:
    width, crossed = text.get("hidden_size", 512), unet.get("cross_attention_dim", 1280)
    if width != crossed:
        raise CheckpointRejected(
            f"the text encoder gives {width} channels, and the UNet's attention takes {crossed}"
        )
    words, known = _vocabulary_size(layout), text.get("vocab_size", 49408)
    if words > known:
        raise CheckpointRejected(
            f"the tokenizer knows {words} tokens, and the text encoder {known}"
        )


def _vocabulary_size(layout: Layout) -> int:
    path = layout.tokenizer / "vocab.json"
    try:
        if path.is_file():
            return len(json.loads(path.read_text(encoding="utf-8")))
        path = layout.tokenizer / "tokenizer.json"
        return len(json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointRejected(f"tokenizer/{path.name} is not readable") from error


def _check_scheduler(scheduler: Mapping[str, Any]) -> None:
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        raise CheckpointRejected(
            f"the model predicts {prediction!r}; the engine takes {' or '.join(PREDICTIONS)}"
        )
    schedule = scheduler.get("beta_schedule")
    if schedule not in ("linear", "scaled_linear", "squaredcos_cap_v2"):
        raise CheckpointRejected(
            f"scheduler/scheduler_config.json has the beta_schedule {schedule!r}: not one of a "
            "diffusion model with discrete time steps"
        )
