"""The self-attentions of a UNet, where plug-and-play injects, and putting both to work.

The general rule, which on Stable Diffusion is exactly the authors': r is the first up block with
attention; queries and keys are injected in its attentions from the second on and in all attentions
of later up blocks; the convolution is the second one of the second resnet of block r.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from tokenflow.errors import CheckpointRejected

from .attention import PassState, SelfAttention, Site


def self_attentions(unet: Any) -> tuple[Site, ...]:
    """List the self-attentions of a UNet in the order of their execution.

    Raises
    ------
    CheckpointRejected
        If a transformer block has no self-attention, or the UNet has no up block with attention.
    """
    first = _first_attention_block(unet)
    found: list[tuple[str, Any, bool]] = []

    def collect(name: str, block: Any, injected_from: int | None) -> None:
        for number, transformer in enumerate(getattr(block, "attentions", ())):
            injected = injected_from is not None and number >= injected_from
            for layer, transformer_block in enumerate(transformer.transformer_blocks):
                if getattr(transformer_block, "only_cross_attention", False):
                    raise CheckpointRejected(
                        f"{name} of the UNet has no self-attention, which TokenFlow propagates"
                    )
                path = f"{name}.attentions.{number}.transformer_blocks.{layer}"
                found.append((path, transformer_block.attn1, injected))

    for number, block in enumerate(unet.down_blocks):
        collect(f"down_blocks.{number}", block, None)
    collect("mid_block", unet.mid_block, None)
    for number, block in enumerate(unet.up_blocks):
        start = None if number < first else int(number == first)
        collect(f"up_blocks.{number}", block, start)
    return tuple(Site(i, *entry) for i, entry in enumerate(found))


def injected_convolution(unet: Any) -> Any:
    """Give the convolution whose output is injected, before the shortcut is added to it."""
    block = unet.up_blocks[_first_attention_block(unet)]
    return block.resnets[min(1, len(block.resnets) - 1)].conv2


@contextmanager
def installed(unet: Any, state: PassState) -> Iterator[tuple[Site, ...]]:
    """Put the processors and the hook on a UNet, and take them off again at the end."""
    sites = self_attentions(unet)
    before = unet.attn_processors
    ours = {f"{site.name}.attn1.processor": SelfAttention(site, state) for site in sites}

    def inject(module: Any, inputs: Any, result: torch.Tensor) -> torch.Tensor | None:
        if state.source:
            state.convolution = result[: len(result) // state.parts]
        if not state.inject_conv:
            return None
        assert state.convolution is not None
        return state.convolution.repeat(state.parts, 1, 1, 1)

    # The UNet empties the dictionary that it is given.
    unet.set_attn_processor({**before, **ours})
    hook = injected_convolution(unet).register_forward_hook(inject)
    try:
        yield sites
    finally:
        hook.remove()
        unet.set_attn_processor(dict(before))


def _first_attention_block(unet: Any) -> int:
    for number, block in enumerate(unet.up_blocks):
        if getattr(block, "attentions", None):
            return number
    raise CheckpointRejected("the UNet has no attention on its way up")
