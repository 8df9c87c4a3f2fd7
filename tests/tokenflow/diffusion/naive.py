"""TokenFlow written plainly a second time, from the rules alone.

Loops over frames, heads and tokens, softmax by hand, everything in memory, nothing shared with the
engine. It is slow, and short enough to be checked by reading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass
class Job:
    """One edit: what it is made of, in plain tensors."""

    unet: Any
    alphas: torch.Tensor  # of all training timesteps, float32
    text: torch.Tensor  # (3, tokens, width): source, negative, prompt
    frames: Sequence[int]  # absolute numbers
    timesteps: Sequence[int]
    source: dict[int, torch.Tensor]  # timestep -> (frames, channels, h, w)
    start: torch.Tensor
    keyframes: Sequence[Sequence[int]]  # absolute numbers, for every step
    released: bool
    guidance: float
    interval: int
    qk_steps: int
    conv_steps: int


@dataclass
class Pass:
    """What the attention has to know about the pass that runs."""

    kind: str = ""
    frames: list[int] = field(default_factory=list)
    keyframes: list[int] = field(default_factory=list)
    inject_qk: bool = False
    inject_conv: bool = False
    features: dict[tuple[str, int], torch.Tensor] = field(default_factory=dict)
    results: dict[tuple[str, int, int], torch.Tensor] = field(default_factory=dict)


INJECTED = {
    f"up_blocks.{block}.attentions.{attention}.transformer_blocks.0.attn1.processor"
    for block, attentions in ((1, (1, 2)), (2, (0, 1, 2)), (3, (0, 1, 2)))
    for attention in attentions
}


def naive_edit(job: Job) -> list[torch.Tensor]:
    """Give the latents before the first and after every step."""
    state = Pass()
    processors = {
        name: NaiveAttention(job, state, name) if "attn1" in name else processor
        for name, processor in job.unet.attn_processors.items()
    }
    before = dict(job.unet.attn_processors)
    job.unet.set_attn_processor(processors)

    def replace(module: Any, inputs: Any, result: torch.Tensor) -> torch.Tensor:
        count = len(state.frames)
        result = result.clone()
        if state.inject_conv:
            for sample in range(count, len(result)):
                result[sample] = result[sample % count]
        return result

    hook = job.unet.up_blocks[1].resnets[1].conv2.register_forward_hook(replace)
    try:
        with torch.no_grad():
            return denoise(job, state)
    finally:
        hook.remove()
        job.unet.set_attn_processor(before)


def denoise(job: Job, state: Pass) -> list[torch.Tensor]:
    """Run all steps."""
    x = [latent.clone() for latent in job.start]
    history = [torch.stack(x)]
    for step, t in enumerate(job.timesteps):
        state.inject_qk = step < job.qk_steps
        state.inject_conv = step < job.conv_steps
        state.keyframes = list(job.keyframes[step])
        noise = predict(job, state, "keyframes", state.keyframes, t, x)
        state.inject_qk = False
        rest = [f for f in job.frames if job.released or f not in state.keyframes]
        if job.released:
            noise = {}
        # One frame at a time: frames of the second pass know nothing of each other.
        for frame in rest:
            noise.update(predict(job, state, "propagate", [frame], t, x))
        last = step == len(job.timesteps) - 1
        mu, sigma = coefficients(job, t)
        mu_next, sigma_next = coefficients(job, 0 if last else job.timesteps[step + 1])
        for i, frame in enumerate(job.frames):
            x0 = (x[i] - sigma * noise[frame]) / mu
            x[i] = mu_next * x0 + sigma_next * noise[frame]
        history.append(torch.stack(x))
    return history


def coefficients(job: Job, t: int) -> tuple[float, float]:
    """Give the share of signal and noise at a timestep; the released code has float32 numbers."""
    alpha = job.alphas[t] if job.released else job.alphas[t].double()
    return float(alpha.sqrt()), float((1 - alpha).sqrt())


def predict(
    job: Job, state: Pass, kind: str, frames: list[int], t: int, x: list[torch.Tensor]
) -> dict[int, torch.Tensor]:
    """Give the guided noise of some frames."""
    state.kind, state.frames = kind, frames
    rows = [job.frames.index(frame) for frame in frames]
    source = [job.source[t][row] for row in rows]
    edit = [x[row] for row in rows]
    text = [job.text[part] for part in range(3) for _ in frames]
    noise = job.unet(torch.stack(source + edit + edit), t, torch.stack(text)).sample
    guided = {}
    for i, frame in enumerate(frames):
        negative, prompt = noise[len(frames) + i], noise[2 * len(frames) + i]
        guided[frame] = negative + job.guidance * (prompt - negative)
    return guided


class NaiveAttention:
    """All three kinds of self-attention, spelled out."""

    def __init__(self, job: Job, state: Pass, name: str) -> None:
        self.job, self.state, self.name = job, state, name

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        count = len(self.state.frames)
        thirds = [hidden_states[part * count : (part + 1) * count] for part in range(3)]
        if self.state.kind == "keyframes":
            return torch.cat(self.keyframes(attn, thirds))
        return torch.cat(self.propagate(attn, thirds))

    def keyframes(self, attn: Any, thirds: list[torch.Tensor]) -> list[torch.Tensor]:
        inject = self.state.inject_qk and self.name in INJECTED
        results = []
        for part, third in enumerate(thirds):
            carrier = thirds[0] if inject else third
            queries = [attn.to_q(frame) for frame in carrier]
            keys = [attn.to_k(frame) for frame in carrier]
            values = [attn.to_v(frame) for frame in third]
            frames = []
            for i, number in enumerate(self.state.frames):
                if part == 0:
                    raw = softmax_attention(queries[i], keys[i], values[i], attn.heads)
                else:
                    raw = softmax_attention(
                        queries[i], torch.cat(keys), torch.cat(values), attn.heads
                    )
                frames.append(attn.to_out[0](raw))
                self.state.results[self.name, part, number] = frames[-1]
                self.state.features[self.name, number] = thirds[0][i]
            results.append(torch.stack(frames))
        return results

    def propagate(self, attn: Any, thirds: list[torch.Tensor]) -> list[torch.Tensor]:
        (frame,) = self.state.frames
        parts = neighbours_released if self.job.released else neighbours_paper
        made_from = parts(frame, self.job, self.state.keyframes)
        results = []
        for part, third in enumerate(thirds):
            if part == 0 and not self.job.released:
                q, k, v = attn.to_q(third[0]), attn.to_k(third[0]), attn.to_v(third[0])
                raw = softmax_attention(q, k, v, attn.heads)
                results.append(attn.to_out[0](raw)[None])
                continue
            total = torch.zeros_like(third[0])
            for keyframe, weight in made_from:
                nearest = matches(thirds[0][0], self.state.features[self.name, keyframe])
                total += weight * self.state.results[self.name, part, keyframe][nearest]
            results.append(total[None])
        return results


def softmax_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int
) -> torch.Tensor:
    """Attend head by head, `(tokens, channels)`."""
    width = q.shape[-1] // heads
    result = torch.empty_like(q)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = (q[:, part] @ k[:, part].T / math.sqrt(width)).exp()
        result[:, part] = scores @ v[:, part] / scores.sum(1, keepdim=True)
    return result


def matches(tokens: torch.Tensor, candidates: torch.Tensor) -> list[int]:
    """Find for every token the candidate at the smallest angle; the first one on ties."""
    lengths = candidates.norm(dim=1)
    # argmax gives the first of several.
    return [int(torch.argmax(candidates @ token / (lengths * token.norm()))) for token in tokens]


def sigmoid(x: float) -> float:
    """Logistic function."""
    return 1 / (1 + math.exp(-x))


def neighbours_paper(frame: int, job: Job, keyframes: list[int]) -> list[tuple[int, float]]:
    """Keyframes around a frame with their weights."""
    before = [k for k in keyframes if k < frame]
    after = [k for k in keyframes if k > frame]
    if not before or not after:
        return [(max(before) if before else min(after), 1.0)]
    past, future = frame - max(before), min(after) - frame
    weight = sigmoid(past / (past + future))
    return [(min(after), weight), (max(before), 1 - weight)]


def neighbours_released(frame: int, job: Job, keyframes: list[int]) -> list[tuple[int, float]]:
    """Keyframes of a frame's own and the previous block with their weights."""
    position = list(job.frames).index(frame)
    block = position // job.interval
    if block == 0:
        return [(keyframes[0], 1.0)]
    own = abs(position - (block * job.interval + job.interval // 2))
    previous = abs(position - ((block - 1) * job.interval + job.interval // 2))
    share = torch.tensor(previous, dtype=torch.float32) / (own + previous)
    weight = float(torch.sigmoid(share))  # a float32 number there
    return [(keyframes[block], weight), (keyframes[block - 1], 1 - weight)]
