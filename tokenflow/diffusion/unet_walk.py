"""A UNet's forward pass that can be paused at every self-attention.

The keyframe pass needs the keys and values of all keyframes at one layer before any of them goes on
to the next. So the forward pass is written as a generator over the UNet's own sub-modules: it hands
out the input of a self-attention, waits, and goes on with the result. While it waits, everything
that it holds lies in `HostMemory`, skip connections included: any number of walks can be under way
in the memory of one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import torch

from tokenflow.errors import CheckpointRejected

from .control import Residuals
from .host_memory import HostMemory

#: Yields features `(samples, tokens, channels)`, is sent the attention's result, returns the
#: prediction.
Walk = Generator[torch.Tensor, torch.Tensor, torch.Tensor]
_Pauses = Generator[torch.Tensor, torch.Tensor, None]

#: Parts of a UNet that the walk does not know, by their name in its configuration.
_UNKNOWN = ("addition_embed_type", "class_embed_type", "encoder_hid_dim_type", "time_cond_proj_dim")


def check_layout(unet: Any) -> None:
    """Refuse UNets that the walk would not repeat exactly.

    Raises
    ------
    CheckpointRejected
        Naming the part that is unknown.
    """
    config = unet.config
    unknown = [name for name in _UNKNOWN if getattr(config, name, None) is not None]
    if getattr(config, "center_input_sample", False):
        unknown.append("center_input_sample")
    if getattr(config, "resnet_time_scale_shift", "default") != "default":
        unknown.append("resnet_time_scale_shift")
    if unknown:
        raise CheckpointRejected(
            f"the UNet has parts that the engine does not know: {', '.join(unknown)}",
            hint="Stable Diffusion 1.x and 2.x layouts work.",
        )


def walk(
    unet: Any,
    sample: Callable[[], torch.Tensor],
    timestep: int,
    text: torch.Tensor,
    memory: HostMemory,
    name: str,
    added: Callable[[], Residuals | None] = lambda: None,
) -> Walk:
    """Walk through a UNet of Stable Diffusion's layout.

    Parameters
    ----------
    sample
        Makes the input `(samples, channels, h, w)` when the walk begins.
    text
        Text states `(samples, tokens, width)`; walks may share them.
    memory, name
        Where the walk's tensors wait, under names that begin with `name`.
    added
        Makes what ControlNets add, when the walk is at the middle.
    """
    return _UNetWalk(unet, text, memory, name).run(sample, timestep, added)


class _UNetWalk:
    """One walk.

    The hidden state is an attribute, and no function keeps it in a variable: a paused generator
    would hold on to what its callers' variables name.
    """

    def __init__(self, unet: Any, text: torch.Tensor, memory: HostMemory, name: str) -> None:
        self._unet = unet
        self._text = text
        self._memory = memory
        self._name = name
        self._skips: list[torch.Tensor] = []
        self._x = torch.empty(0)
        self._time = torch.empty(0)
        self._odd = False

    def run(
        self,
        sample: Callable[[], torch.Tensor],
        timestep: int,
        added: Callable[[], Residuals | None],
    ) -> Walk:
        unet = self._unet
        self._x = sample()
        self._time = unet.time_embedding(unet.get_time_embed(sample=self._x, timestep=timestep))
        # A size that does not halve evenly comes back up to the size that the skip connection has.
        self._odd = any(side % 2**unet.num_upsamplers for side in self._x.shape[-2:])
        self._x = unet.conv_in(self._x)
        self._keep_skip()
        for number, block in enumerate(unet.down_blocks):
            yield from self._down(block, f"down {number}")
        mid = self._add_to_skips(added())
        yield from self._middle(unet.mid_block)
        if mid is not None:
            self._x = self._x + self._memory.fetch(mid)
        for number, block in enumerate(unet.up_blocks):
            yield from self._up(block, f"up {number}")
        if unet.conv_norm_out:
            self._x = unet.conv_act(unet.conv_norm_out(self._x))
        prediction: torch.Tensor = unet.conv_out(self._x)
        return prediction

    def _down(self, block: Any, name: str) -> _Pauses:
        for number, resnet in enumerate(block.resnets):
            self._x = resnet(self._x, self._time)
            if hasattr(block, "attentions"):
                yield from self._transformer(block.attentions[number], name)
            self._keep_skip()
        for downsampler in block.downsamplers or ():
            self._x = downsampler(self._x)
            self._keep_skip()

    def _add_to_skips(self, residuals: Residuals | None) -> torch.Tensor | None:
        """Add to the skip connections; give what waits for the end of the middle."""
        if residuals is None:
            return None
        for number, (skip, more) in enumerate(zip(self._skips, residuals.down, strict=True)):
            self._memory.put(f"{self._name} skip {number}", self._memory.fetch(skip) + more)
        return self._memory.put(f"{self._name} mid", residuals.mid)

    def _middle(self, block: Any) -> _Pauses:
        self._x = block.resnets[0](self._x, self._time)
        for attention, resnet in zip(block.attentions, block.resnets[1:], strict=True):
            yield from self._transformer(attention, "middle")
            self._x = resnet(self._x, self._time)

    def _up(self, block: Any, name: str) -> _Pauses:
        for number, resnet in enumerate(block.resnets):
            skip = self._memory.fetch(self._skips.pop())
            self._x = resnet(torch.cat([self._x, skip], dim=1), self._time)
            del skip
            if hasattr(block, "attentions"):
                yield from self._transformer(block.attentions[number], name)
        for upsampler in block.upsamplers or ():
            self._x = upsampler(self._x, self._skips[-1].shape[2:] if self._odd else None)

    def _transformer(self, transformer: Any, name: str) -> _Pauses:
        samples, _, height, width = self._x.shape
        linear = transformer.use_linear_projection
        before = self._memory.put(f"{self._name} {name} before", self._x)
        self._x = transformer.norm(self._x)
        if not linear:
            self._x = transformer.proj_in(self._x)
        self._x = self._x.flatten(2).transpose(1, 2)
        if linear:
            self._x = transformer.proj_in(self._x)
        for block in transformer.transformer_blocks:
            yield from self._transformer_block(block, name)
        if linear:
            self._x = transformer.proj_out(self._x)
        self._x = self._x.transpose(1, 2).reshape(samples, -1, height, width)
        if not linear:
            self._x = transformer.proj_out(self._x)
        self._x = self._x + self._memory.fetch(before)

    def _transformer_block(self, block: Any, name: str) -> _Pauses:
        hidden = self._memory.put(f"{self._name} {name} hidden", self._x)
        self._x = block.norm1(self._x)
        self._x = (yield self._leave()) + self._memory.fetch(hidden)
        self._x = block.attn2(block.norm2(self._x), encoder_hidden_states=self._text) + self._x
        self._x = block.ff(block.norm3(self._x)) + self._x

    def _keep_skip(self) -> None:
        self._skips.append(self._memory.put(f"{self._name} skip {len(self._skips)}", self._x))

    def _leave(self) -> torch.Tensor:
        """Give the hidden state away: whoever takes it frees it."""
        x, self._x = self._x, torch.empty(0)
        return x
