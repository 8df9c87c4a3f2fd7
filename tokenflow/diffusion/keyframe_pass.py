"""The keyframe pass: all keyframes through the UNet together, in the memory of a few.

Micro-batches of keyframes go through the UNet in step: all reach a self-attention and leave keys
and values there, each attends to the keys and values of all, all go on. (Batches that attend only
among themselves would be another algorithm.) Keys and values are read in blocks, and the partial
results are merged by their log-sum-exp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from .attention import (
    PassState,
    Site,
    as_one_sample,
    attended,
    output,
    projected,
    split_heads,
)
from .control import NONE, Controls, Residuals, predict
from .host_memory import HostMemory
from .joint_keys import JointKeys, KeptKeys
from .keyframe_tokens import by_part
from .ranks import ALONE, Ranks
from .unet_walk import Walk, walk

#: Gives the UNet's input of the keyframes numbered by a range, `(parts · n, channels, h, w)`.
Samples = Callable[[range], torch.Tensor]


def keyframe_pass(
    unet: Any,
    sites: Sequence[Site],
    state: PassState,
    samples: Samples,
    keyframes: int,
    timestep: int,
    text: torch.Tensor,
    memory: HostMemory,
    per_batch: int,
    kept: KeptKeys | None = None,
    ranks: Ranks = ALONE,
    controls: Controls = NONE,
    frames: Sequence[int] = (),
) -> Iterator[tuple[range, torch.Tensor]]:
    """Run the keyframe pass and yield its predictions, one micro-batch at a time.

    Parameters
    ----------
    sites, state
        Of `injection.installed`; ``state.tokens`` takes the tokens.
    keyframes
        Number of keyframes K.
    text
        Text states `(parts, tokens, width)`.
    per_batch
        Keyframes per micro-batch at most.
    kept
        Takes keys and values of the keyframes that the pass is for, and holds those of the others,
        which need not be edited; default is to edit all and to keep nothing.
    ranks
        Those that run the pass together, each its share of the micro-batches; one of several
        gives its own predictions, and leaves the tokens of the others to `KeyframeTokens.share`.
    controls, frames
        What holds the keyframes in place, and which frames they are; the latter may be left out
        where there is nothing.

    Yields
    ------
    range, torch.Tensor
        Numbers of the keyframes, and the prediction `(parts · n, channels, h, w)`.
    """
    batches = micro_batches(keyframes, per_batch, kept.own if kept else None)
    if keyframes <= per_batch:
        if not ranks.dealt(batches):
            return
        everything = range(keyframes)
        state.mode, state.kept = "keyframes", kept
        states = text.repeat_interleave(keyframes, 0)
        yield everything, predict(unet, samples(everything), timestep, states, controls, frames)
        return
    # Also where the last one, which is shorter, is the only one that is run.
    per_batch = micro_batch_size(keyframes, per_batch)
    keys = kept or JointKeys(memory, keyframes)
    joint, own = _JointAttention(state, memory, keys, per_batch), ranks.dealt(batches)
    states = text.repeat_interleave(per_batch, 0)
    walks = [
        walk(
            unet,
            given := _padded(samples, batch, per_batch, state.parts),
            timestep,
            states,
            memory,
            f"{i}",
            partial(_added, controls, frames, batch, given, timestep, states, state.parts),
        )
        for i, batch in enumerate(own)
    ]
    for before, site in zip((None, *sites), sites, strict=False):
        for batch, one in zip(own, walks, strict=True):
            features = _advance(one, joint.results(before, batch) if before else None)
            joint.enter(site, batch, features)
            del features
        if not ranks.alone:
            keys.share(site.index, batches, ranks)
    for batch, one in zip(own, walks, strict=True):
        prediction = _finish(one, joint.results(sites[-1], batch))
        real = by_part(prediction, state.parts)[:, : len(batch)]
        yield batch, real.flatten(0, 1)


def micro_batch_size(keyframes: int, limit: int) -> int:
    """Give the size of as few micro-batches as the limit allows, as equal as can be."""
    return -(-keyframes // -(-keyframes // limit))


def micro_batches(keyframes: int, limit: int, own: Collection[int] | None = None) -> list[range]:
    """Cut the numbers of keyframes into as few micro-batches as the limit allows.

    They are as equal as can be: little is padded.

    Parameters
    ----------
    own
        Only micro-batches that hold some of these: what shares one, and so the bits of the result,
        does not depend on which keyframes are edited.
    """
    if keyframes == 0:
        return []
    size = micro_batch_size(keyframes, limit)
    batches = [range(i, min(i + size, keyframes)) for i in range(0, keyframes, size)]
    return [batch for batch in batches if own is None or not set(own).isdisjoint(batch)]


class _JointAttention:
    """Extended attention of all keyframes, at one site after the other."""

    def __init__(
        self, state: PassState, memory: HostMemory, keys: JointKeys, per_batch: int
    ) -> None:
        assert state.tokens is not None
        self._state = state
        self._tokens = state.tokens
        self._memory = memory
        self._keys = keys
        self._per_batch = per_batch
        self._waiting: dict[range, tuple[torch.Tensor, torch.Tensor]] = {}
        self._block_size = 0

    def enter(self, site: Site, batch: range, features: torch.Tensor) -> None:
        """Take a micro-batch's features: leave its keys and values, keep its queries."""
        n, edits = self._per_batch, self._state.parts - 1
        query, key, value = projected(site, self._state, features)
        self._tokens.store_features(site.index, batch.start, len(batch), features)
        source = attended(site.attention, query[:n], key[:n], value[:n])
        self._waiting[batch] = (
            self._memory.put(f"source {batch}", source),
            self._memory.put(f"query {batch}", query[n:]),
        )
        real = (by_part(x[n:], edits)[:, : len(batch)] for x in (key, value))
        self._keys.store(site.index, batch, *real)

    def results(self, site: Site, batch: range) -> torch.Tensor:
        """Let a micro-batch attend to all keyframes: `(parts · n, tokens, channels)`."""
        n, attn = self._per_batch, site.attention
        source, own = (self._memory.fetch(x) for x in self._waiting.pop(batch))
        query = split_heads(attn, as_one_sample(own, self._state.parts - 1, n))
        joint = merged_attention(query, self._blocks(site))
        joint = joint.transpose(1, 2).reshape(own.shape)
        result = output(attn, torch.cat([source, joint]))
        self._tokens.store_results(site.index, batch.start, len(batch), result)
        return result

    def _blocks(self, site: Site) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Give keys and values in blocks, `(parts, heads, tokens, head width)`."""
        keys, values = self._keys.at(site.index)
        one = keys[0, 0].numel()
        # As much as one micro-batch has where the tokens are most: smaller layers take more
        # keyframes at once.
        self._block_size = max(self._block_size, self._per_batch * one)
        count = self._block_size // one
        seen = 1 if self._state.first_only else self._keys.keyframes
        for start in range(0, seen, count):
            end = min(start + count, seen)
            block = (self._memory.fetch(x[:, start:end]) for x in (keys, values))
            key, value = (split_heads(site.attention, x.flatten(1, 2)) for x in block)
            yield key, value


def merged_attention(
    query: torch.Tensor, blocks: Iterable[tuple[torch.Tensor, torch.Tensor]]
) -> torch.Tensor:
    """Softmax attention over keys and values that come in blocks.

    Each block's result is weighted by its share of the softmax's denominator: with ℓ = log Σ
    exp(q·k) over a block, exp(ℓ_block − ℓ_all). Milakov and Gimelshein, arXiv 1805.02867.

    Parameters
    ----------
    query
        `(samples, heads, queries, head width)`.
    blocks
        Keys and values, `(samples, heads, n, head width)` each.
    """
    total: torch.Tensor | None = None
    result = torch.empty(0)
    for key, value in blocks:
        part, log_sum = _attention_and_log_sum(query, key, value)
        if total is None:
            total, result = log_sum, part.to(log_sum.dtype)
            continue
        merged = torch.logaddexp(total, log_sum)
        result = result * (total - merged).exp()[..., None]
        result += part * (log_sum - merged).exp()[..., None]
        total = merged
    return result.to(query.dtype)


def _attention_and_log_sum(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention, and the logarithm of its denominator, `(samples, heads, queries)`.

    ``scaled_dot_product_attention`` keeps the latter to itself, so its kernels are called by name.
    """
    kernels = torch.ops.aten
    if query.device.type == "cpu":
        fused = kernels._scaled_dot_product_flash_attention_for_cpu(query, key, value)
        return fused[0], fused[1]
    if query.device.type == "cuda":
        fused = kernels._scaled_dot_product_efficient_attention(query, key, value, None, True)
        # The kernel pads the number of queries.
        return fused[0], fused[1][..., : query.shape[2]]
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    log_sum = torch.logsumexp(scores.float(), dim=-1)
    return F.scaled_dot_product_attention(query, key, value), log_sum


def _padded(samples: Samples, batch: range, size: int, parts: int) -> Callable[[], torch.Tensor]:
    """Make a micro-batch's input, filled up with its last keyframe to one shape for all."""

    def make() -> torch.Tensor:
        real = by_part(samples(batch), parts)
        missing = real[:, -1:].expand(-1, size - len(batch), -1, -1, -1)
        return torch.cat([real, missing], dim=1).flatten(0, 1)

    return make


def _added(
    controls: Controls,
    frames: Sequence[int],
    batch: range,
    given: Callable[[], torch.Tensor],
    timestep: int,
    text: torch.Tensor,
    parts: int,
) -> Residuals | None:
    """Make what ControlNets add to a micro-batch."""
    if not controls.controls:
        return None
    own, size = [frames[number] for number in batch], len(text) // parts
    return controls.residuals(given(), timestep, text, own + own[-1:] * (size - len(own)))


def _advance(one: Walk, result: torch.Tensor | None) -> torch.Tensor:
    """Let a walk go on to its next self-attention."""
    return next(one) if result is None else one.send(result)


def _finish(one: Walk, result: torch.Tensor) -> torch.Tensor:
    """Let a walk go on to its end."""
    try:
        one.send(result)
    except StopIteration as end:
        prediction: torch.Tensor = end.value
        return prediction
    raise RuntimeError("the UNet has more self-attentions than were counted")
