"""How far the features of the bent shot are from those of the plate, in space and over time.

Keys K of one spatial self-attention, `(frames, tokens, channels)`; everything is computed in
float32 or wider. DreamMotion's spatial self-similarity matching compares the cosines between the
tokens of a frame, its temporal one the cosines between the frames' mean keys.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch.nn.functional import normalize

LossForm = Literal["per-element", "paper"]


def spatial_loss(keys: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """L_S = 1/N Σ_n ‖SS^n − ŜS^n‖²_F with SS^n = K̄^n K̄^nᵀ, rows of K̄ of length 1.

    Parameters
    ----------
    keys, source
        `(frames, tokens, channels)`, of the bent shot and of the plate.

    Returns
    -------
    torch.Tensor
        A number, with gradient towards `keys`.
    """
    ours, theirs = (_unit(keys), _unit(source))
    _, tokens, channels = keys.shape
    distance = gram_distance if tokens > channels else direct_distance
    return distance(ours, theirs) / len(keys)


def temporal_loss(keys: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """L_T = ‖TS − T̂S‖²_F with TS_ij the cosine between the mean keys of frames i and j."""
    ours, theirs = (_unit(_wide(side).mean(dim=1)) for side in (keys, source))
    return (ours @ ours.mT - theirs @ theirs.mT).square().sum()


def weights(form: LossForm, frames: int, tokens: int) -> tuple[float, float]:
    """Return what L_S and L_T of a layer are multiplied by.

    ``paper`` is the plain sums. ``per-element`` makes the gradient of one latent independent of how
    many others there are: N/Q for space and Q/N for time.
    """
    return (1.0, 1.0) if form == "paper" else (frames / tokens, tokens / frames)


def direct_distance(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Σ_n ‖A^n A^nᵀ − B^n B^nᵀ‖²_F through the (tokens, tokens) maps."""
    return (ours @ ours.mT - theirs @ theirs.mT).square().sum()


def gram_distance(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Return the same through (channels, channels) matrices: cheaper for more tokens than channels.

    ‖AAᵀ − BBᵀ‖² = ‖AᵀA‖² − 2‖BᵀA‖² + ‖BᵀB‖².
    """
    distance: torch.Tensor = _GramDistance.apply(ours, theirs)  # type: ignore[no-untyped-call]
    return distance


class _GramDistance(torch.autograd.Function):
    """The gradient is 4 (A AᵀA − B BᵀA): exactly 0 where A and B have the same bits."""

    @staticmethod
    def forward(ctx: Any, ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        own, mixed, other = ours.mT @ ours, theirs.mT @ ours, theirs.mT @ theirs
        ctx.save_for_backward(ours, theirs, own, mixed)
        # The three nearly cancel where little has changed.
        squares = [_widest(one).square().sum() for one in (own, mixed, other)]
        return (squares[0] - 2 * squares[1] + squares[2]).to(ours.dtype)

    @staticmethod
    def backward(ctx: Any, above: torch.Tensor) -> tuple[torch.Tensor, None]:
        ours, theirs, own, mixed = ctx.saved_tensors
        return above * 4 * (ours @ own - theirs @ mixed), None


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return normalize(_wide(vectors), dim=-1)


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(torch.promote_types(torch.float32, tensor.dtype))


def _widest(tensor: torch.Tensor) -> torch.Tensor:
    # Apple's GPUs have no float64.
    return tensor if tensor.device.type == "mps" else tensor.double()
