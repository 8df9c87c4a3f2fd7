"""Self-attention of the UNet, in the four ways that the method needs it.

One processor of this kind sits on every self-attention (``attn1``); all share one `PassState`,
which says what the running pass is. A processor's input already is the block's normalised hidden
state: the features φ that are matched. Samples lie in the batch as `[part][frame]`: the source
first, then the negative and the edit prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F

from .joint_keys import KeptKeys
from .keyframe_tokens import KeyframeTokens, by_part
from .propagation import Matches, gather


@dataclass(frozen=True)
class Site:
    """One self-attention of a UNet.

    Attributes
    ----------
    index
        Its place in the order of execution.
    name
        Of the transformer block, as in the UNet's state dict.
    attention
        The diffusers module.
    injected
        Whether plug-and-play injection replaces its queries and keys.
    """

    index: int
    name: str
    attention: Any = field(repr=False, compare=False)
    injected: bool = False


@dataclass
class PassState:
    """What the running pass of the UNet is: plain numbers, set once per batch.

    Attributes
    ----------
    mode
        ``off``: every frame attends to itself. ``match``: likewise, and the tokens of the source
        are matched with the keyframes'. ``keyframes``: all keyframes of an edit part attend to each
        other. ``propagate``: the keyframes' results are gathered along the matches.
    parts
        Samples per frame in the batch.
    source
        Whether the first part of the batch is the source.
    source_propagated
        Whether the source goes through the propagation like the edit, and is overwritten there
        (mode ``released``).
    inject_qk, inject_conv
        Whether queries and keys, and the convolution, of the source replace those of the edit in
        this step.
    tokens
        Features and results of the keyframes of this step.
    matches
        Where the tokens of the running batch lie in its neighbouring keyframes.
    first_only
        Whether the keyframes attend to the first of them alone, and not to all.
    kept
        Takes keys and values of keyframes, and holds those that other keyframes attend to without
        editing them; None for a pass that edits all.
    convolution
        Result of the injected convolution for the source: of the last batch that had the source in
        it, or for a batch without.
    """

    mode: Literal["off", "match", "keyframes", "propagate"] = "off"
    parts: int = 1
    source: bool = True
    source_propagated: bool = False
    inject_qk: bool = False
    inject_conv: bool = False
    tokens: KeyframeTokens | None = None
    matches: Matches | None = None
    first_only: bool = False
    kept: KeptKeys | None = None
    convolution: torch.Tensor | None = None


class SelfAttention:
    """The attention processor of one `Site`."""

    def __init__(self, site: Site, state: PassState) -> None:
        self.site = site
        self.state = state

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Attend: `(parts · frames, tokens, channels)` in and out."""
        if self.state.mode == "propagate":
            return self._propagate(hidden_states)
        if self.state.mode == "keyframes":
            return self._attend_jointly(hidden_states)
        if self.state.mode == "match":
            assert self.state.matches is not None
            self.state.matches.find(self.site.index, hidden_states)
        query, key, value = projected(self.site, self.state, hidden_states)
        return output(attn, attended(attn, query, key, value))

    def _attend_jointly(self, features: torch.Tensor) -> torch.Tensor:
        """Attend over all keyframes of a part; the source attends frame by frame."""
        state, attn = self.state, self.site.attention
        assert state.tokens is not None
        frames = len(features) // state.parts
        query, key, value = projected(self.site, state, features)
        source = attended(attn, query[:frames], key[:frames], value[:frames])
        query, key, value = query[frames:], key[frames:], value[frames:]
        if state.kept is not None:
            shared = (by_part(x, state.parts - 1) for x in (key, value))
            state.kept.store(self.site.index, range(frames), *shared)
            key, value = (x.flatten(0, 1) for x in state.kept.fetched(self.site.index))
        edits = [as_one_sample(x, state.parts - 1, frames) for x in (query, key, value)]
        if state.first_only:
            edits[1:] = [by_part(x, state.parts - 1)[:, 0] for x in (key, value)]
        joint = attended(attn, *edits).reshape(-1, *features.shape[1:])
        result = output(attn, torch.cat([source, joint]))
        state.tokens.store(self.site.index, 0, frames, features, result)
        return result

    def _propagate(self, features: torch.Tensor) -> torch.Tensor:
        state = self.state
        assert state.tokens is not None and state.matches is not None
        source = features[: len(features) // state.parts] if state.source else None
        index = state.matches.find(self.site.index, source)
        keyframes = state.tokens.results(self.site.index, state.matches.keyframes)
        return gather(keyframes, index, state.matches.weights)


def projections(attn: Any, features: torch.Tensor) -> Sequence[torch.Tensor]:
    """Query, key and value of `(samples, tokens, channels)`, in the same shape."""
    return attn.to_q(features), attn.to_k(features), attn.to_v(features)


def projected(site: Site, state: PassState, features: torch.Tensor) -> Sequence[torch.Tensor]:
    """Query, key and value of all parts, with the source's injected into the edit's where due.

    Plug-and-play (Tumanyan et al., CVPR 2023, arXiv 2211.12572): queries and keys carry the layout
    of the source, values are the edit's own.
    """
    attn = site.attention
    if not (state.inject_qk and site.injected):
        return projections(attn, features)
    frames = len(features) // state.parts
    source = features[:frames]
    query = attn.to_q(source).repeat(state.parts, 1, 1)
    key = attn.to_k(source).repeat(state.parts, 1, 1)
    return query, key, attn.to_v(features)


def as_one_sample(x: torch.Tensor, parts: int, frames: int) -> torch.Tensor:
    """Lay the frames of each part side by side: `(parts, frames · tokens, channels)`."""
    return x.reshape(parts, frames * x.shape[1], x.shape[2])


def split_heads(attn: Any, x: torch.Tensor) -> torch.Tensor:
    """View `(samples, tokens, channels)` as `(samples, heads, tokens, head width)`."""
    split: torch.Tensor = x.reshape(*x.shape[:2], attn.heads, -1).transpose(1, 2)
    return split


def attended(
    attn: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
) -> torch.Tensor:
    """Softmax attention per sample, `(samples, tokens, channels)`, before the output projection."""
    joint = F.scaled_dot_product_attention(
        split_heads(attn, query), split_heads(attn, key), split_heads(attn, value)
    )
    return joint.transpose(1, 2).flatten(2)


def output(attn: Any, x: torch.Tensor) -> torch.Tensor:
    """Apply the output projection of an attention."""
    projection, dropout = attn.to_out
    result: torch.Tensor = dropout(projection(x))
    return result
