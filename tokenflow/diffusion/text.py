"""Prompts to text states."""

from __future__ import annotations

from typing import Any

import torch

from .model import Model


def encode_prompt(model: Model, prompt: str) -> torch.Tensor:
    """Encode a prompt, truncated to what the text encoder takes.

    Returns
    -------
    torch.Tensor
        Text states `(tokens, width)`, 77 tokens for CLIP, in the UNet's number type on its device.
    """
    tokens = model.tokenizer(
        prompt,
        padding="max_length",
        max_length=model.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    encoder = model.text_encoder
    # It may be waiting in the host's memory; elsewhere than beside the UNet it rounds otherwise.
    home = encoder.device
    encoder.to(model.device)
    # Few checkpoints want the padding masked; those that do say so in their configuration.
    masked = getattr(encoder.config, "use_attention_mask", False)
    mask = tokens.attention_mask.to(encoder.device) if masked else None
    with torch.inference_mode():
        states: torch.Tensor = encoder(
            tokens.input_ids.to(encoder.device), attention_mask=mask
        ).last_hidden_state[0]
    encoder.to(home)
    return states.to(model.device, model.dtype)


def truncated_text(tokenizer: Any, prompt: str) -> str:
    """Give the part of `prompt` that does not fit into the text encoder, empty if all does."""
    limit = tokenizer.model_max_length
    # Begin and end markers take two places.
    ids = tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids[limit - 2 :]
    lost: str = tokenizer.decode(ids)
    return lost.strip()


def prompt_warnings(tokenizer: Any, *prompts: str) -> tuple[str, ...]:
    """Name what is left out of prompts that are too long, one sentence per prompt.

    `tokenizer` is a ``CLIPTokenizer``; its longest input is what the text encoder takes.
    """
    limit = tokenizer.model_max_length
    return tuple(
        f"the prompt is longer than the {limit} tokens of the text encoder; left out: {lost!r}"
        for lost in (truncated_text(tokenizer, prompt) for prompt in prompts)
        if lost
    )
