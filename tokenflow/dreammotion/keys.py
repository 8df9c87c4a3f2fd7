"""The keys of a video UNet's spatial self-attentions, taken by hooks while it runs.

A hook on the layer `to_k` does not care how attention is computed: with which processor, in slices,
with LoRA. It sees nothing of a fused projection, so a fused UNet is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from tokenflow.errors import CheckpointRejected

Layers = Literal["inner", "up"]

#: What the names of the layers begin with. The outermost maps are the largest by far.
_WHERE: dict[str, tuple[str, ...]] = {
    "inner": ("up_blocks.1.", "up_blocks.2."),
    "up": ("up_blocks.",),
}


def key_layers(unet: torch.nn.Module, where: Layers = "inner") -> dict[str, torch.nn.Module]:
    """Find the key projections of spatial self-attention, by name, in the order in which they run.

    Attention over time has other names: ``temp_attentions`` and ``transformer_in`` in
    ``UNet3DConditionModel``, ``motion_modules`` in ``UNetMotionModel``.

    Raises
    ------
    CheckpointRejected
        If projections are fused, or there are no such layers.
    """
    refuse_fused(unet)
    found = {
        name: module
        for name, module in unet.named_modules()
        if name.startswith(_WHERE[where])
        and ".attentions." in name
        and name.endswith(".attn1.to_k")
    }
    if not found:
        raise CheckpointRejected(
            f"the UNet has no self-attention in {' and '.join(_WHERE[where])}".replace(". ", " "),
            hint="Let dreammotion.layers be up." if where != "up" else "",
        )
    return found


def refuse_fused(unet: torch.nn.Module) -> None:
    """Raise `CheckpointRejected` if an attention projects queries, keys and values as one."""
    for name, module in unet.named_modules():
        if getattr(module, "fused_projections", False):
            raise CheckpointRejected(
                f"the UNet's projections are fused at {name}, so its keys cannot be told apart",
                hint="Use the weights as they were before fuse_qkv_projections().",
            )


class KeyCapture:
    """Takes the keys of some layers during one forward pass.

    Parameters
    ----------
    layers
        From `key_layers`, in the order in which they run.
    """

    def __init__(self, layers: dict[str, torch.nn.Module]) -> None:
        self.layers = layers
        self._last = next(reversed(layers))

    @contextmanager
    def captured(self, *, stop: bool = False) -> Iterator[dict[str, torch.Tensor]]:
        """Take keys while the block runs; the hooks are gone at its end.

        Parameters
        ----------
        stop
            Record nothing for the backward pass after the last of the layers.

        Yields
        ------
        dict
            Filled with the keys `(frames, tokens, channels)` of every layer by its name.
        """
        taken: dict[str, torch.Tensor] = {}
        recording = torch.is_grad_enabled()
        hooks = [
            layer.register_forward_hook(self._taking(name, taken, stop))
            for name, layer in self.layers.items()
        ]
        try:
            yield taken
        finally:
            for hook in hooks:
                hook.remove()
            torch.set_grad_enabled(recording)

    def _taking(self, name: str, taken: dict[str, torch.Tensor], stop: bool) -> Any:
        def take(module: object, given: object, keys: torch.Tensor) -> None:
            taken[name] = keys
            if stop and name == self._last:
                torch.set_grad_enabled(False)

        return take
