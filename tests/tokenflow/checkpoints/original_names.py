"""From diffusers' names back to those of the single-file layout."""

from __future__ import annotations

import re
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
MID = {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}


def original_unet(unet: Any) -> Tensors:
    layers = unet.config.layers_per_block
    attends = [kind.startswith("CrossAttn") for kind in unet.config.up_block_types]
    found = {}
    for key, tensor in unet.state_dict().items():
        name, kind = key.rsplit(".", 1)
        found[f"model.diffusion_model.{_unet_name(name, layers, attends)}.{kind}"] = tensor
    return found


def _unet_name(name: str, layers: int, attends: list[bool]) -> str:
    if name in UNET_ENDS:
        return UNET_ENDS[name]
    if match := re.match(r"mid_block\.(resnets\.\d|attentions\.0)\.(.+)", name):
        return f"middle_block.{MID[match[1]]}.{_inner(match[1], match[2])}"
    match = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", name)
    assert match is not None, name
    way, part, rest = match[1], match[3], match[5]
    block, layer = int(match[2]), int(match[4])
    if part == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.op"
    if part == "upsamplers":
        last = block * (layers + 1) + layers
        return f"output_blocks.{last}.{2 if attends[block] else 1}.conv"
    number = block * (layers + 1) + layer + (1 if way == "down" else 0)
    side = "input" if way == "down" else "output"
    return f"{side}_blocks.{number}.{0 if part == 'resnets' else 1}.{_inner(part, rest)}"


def _inner(part: str, rest: str) -> str:
    return RESNET[rest] if part.startswith("resnets") else rest


def original_vae(vae: Any) -> Tensors:
    levels = len(vae.config.block_out_channels)
    found = {}
    for key, tensor in vae.state_dict().items():
        name = re.sub(r"up_blocks\.(\d+)\.", lambda match: f"up.{levels - 1 - int(match[1])}.", key)
        for new, old in (
            ("down_blocks.", "down."),
            ("mid_block.resnets.0", "mid.block_1"),
            ("mid_block.resnets.1", "mid.block_2"),
            ("mid_block.attentions.0", "mid.attn_1"),
            (".resnets.", ".block."),
            ("downsamplers.0", "downsample"),
            ("upsamplers.0", "upsample"),
            ("conv_shortcut", "nin_shortcut"),
            ("conv_norm_out", "norm_out"),
            ("group_norm", "norm"),
            ("to_out.0", "proj_out"),
        ):
            name = name.replace(new, old)
        name = re.sub(r"attn_1\.to_([qkv])", r"attn_1.\1", name)
        if "attn_1" in name and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        found["first_stage_model." + name] = tensor
    return found


def _text(text: Any) -> Tensors:
    """The text encoder's weights without the prefix that versions of transformers differ in."""
    return {key.removeprefix("text_model."): value for key, value in text.state_dict().items()}


def original_text(text: Any) -> Tensors:
    prefix = "cond_stage_model.transformer.text_model."
    position_ids = {prefix + "embeddings.position_ids": torch.arange(77)[None]}
    return position_ids | {prefix + key: tensor for key, tensor in _text(text).items()}


def original_text_open_clip(text: Any) -> Tensors:
    stored = _text(text)
    names = {
        "positional_embedding": "embeddings.position_embedding.weight",
        "token_embedding.weight": "embeddings.token_embedding.weight",
        "ln_final.weight": "final_layer_norm.weight",
        "ln_final.bias": "final_layer_norm.bias",
    }
    found = {old: stored[new] for old, new in names.items()}
    layers = text.config.num_hidden_layers
    for i in range(layers + 1):  # SD 2.x files carry one block more than SD 2.x uses
        new, old = f"encoder.layers.{min(i, layers - 1)}.", f"transformer.resblocks.{i}."
        for kind in ("weight", "bias"):
            thirds = [stored[f"{new}self_attn.{part}_proj.{kind}"] for part in "qkv"]
            found[f"{old}attn.in_proj_{kind}"] = torch.cat(thirds)
            for there, here in (
                ("attn.out_proj", "self_attn.out_proj"),
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                found[f"{old}{there}.{kind}"] = stored[f"{new}{here}.{kind}"].clone()
    found["text_projection"] = torch.zeros(4, 4)
    found["logit_scale"] = torch.zeros(())
    return {"cond_stage_model.model." + key: tensor for key, tensor in found.items()}
