"""Carrying the keyframes' edit to all other frames (TokenFlow, arXiv 2307.10373, section 4.2)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from .correspondence import match
from .keyframe_tokens import KeyframeTokens


@dataclass(frozen=True)
class Neighbours:
    """The two keyframes that a frame is made from.

    Attributes
    ----------
    before, after
        Numbers of keyframes within a step, 0 … K − 1; the same twice where there is only one.
    weight
        Share of `after`.
    """

    before: int
    after: int
    weight: float


def neighbours(
    frame: int, keyframes: Sequence[int], weights: Literal["sigmoid", "linear"] = "sigmoid"
) -> Neighbours:
    """Find the keyframes around a frame and the weight of the later one.

    With the distances d⁻ and d⁺ to the keyframes before and after, ``sigmoid`` is σ(d⁻/(d⁻ + d⁺)),
    the paper's weight; ``linear`` is d⁻/(d⁻ + d⁺), which is continuous where a frame passes a
    keyframe.

    Parameters
    ----------
    frame
        Absolute frame number.
    keyframes
        Absolute frame numbers, ascending, at least one.
    """
    after = bisect_left(keyframes, frame)
    before = bisect_right(keyframes, frame) - 1
    if before < 0 or after == len(keyframes) or before == after:
        nearest = min(max(before, 0), len(keyframes) - 1)
        return Neighbours(nearest, nearest, 1.0)
    share = (frame - keyframes[before]) / (keyframes[after] - keyframes[before])
    weight = share if weights == "linear" else 1 / (1 + math.exp(-share))
    return Neighbours(before, after, weight)


class Matches(ABC):
    """Where the tokens of a batch of frames lie in their neighbouring keyframes.

    Parameters
    ----------
    batch
        Neighbours of each frame of the batch, ascending.
    like
        A tensor with the device and number type of the results.

    Attributes
    ----------
    keyframes
        The keyframes that the batch needs; tokens are counted from the first of them on.
    weights
        Share of the later keyframe, `(frames, 1, 1)`.
    slots
        For the keyframe before and the one after: its place among `keyframes`, for every frame.
    """

    def __init__(self, batch: Sequence[Neighbours], like: torch.Tensor) -> None:
        first = min(one.before for one in batch)
        self.keyframes = slice(first, max(one.after for one in batch) + 1)
        weights = torch.tensor([one.weight for one in batch], dtype=torch.float64)
        self.weights = weights.to(like)[:, None, None]
        self.slots = [
            [one.before - first for one in batch],
            [one.after - first for one in batch],
        ]

    @abstractmethod
    def find(self, site: int, source: torch.Tensor | None) -> torch.Tensor:
        """Give the indices at one self-attention.

        Parameters
        ----------
        source
            Features of the source there, `(frames, tokens, channels)`; None if they are known.

        Returns
        -------
        torch.Tensor
            For the keyframe before and the one after, int64 `(2, frames, tokens)`.
        """


class FeatureMatches(Matches):
    """Matches found by comparing the source's features with the keyframes'.

    Parameters
    ----------
    tokens
        The keyframes of the step.
    batch, like
        As in `Matches`.

    Attributes
    ----------
    found
        The indices at every self-attention that was asked for.
    """

    def __init__(
        self, tokens: KeyframeTokens, batch: Sequence[Neighbours], like: torch.Tensor
    ) -> None:
        super().__init__(batch, like)
        self._tokens = tokens
        self.found: dict[int, torch.Tensor] = {}

    def find(self, site: int, source: torch.Tensor | None) -> torch.Tensor:
        """Match every token of `source` with the keyframes around its frame, or look it up."""
        if source is None:
            return self.found[site]
        index = torch.empty((2, *source.shape[:2]), dtype=torch.int64, device=source.device)
        for slot, number in enumerate(range(self.keyframes.start, self.keyframes.stop)):
            runs = [_run(slots, slot) for slots in self.slots]
            # Frames are ascending, so those that need a keyframe follow each other.
            frames = _hull(*runs)
            if frames.start == frames.stop:
                continue
            (keys,) = self._tokens.features(site, slice(number, number + 1))
            found = match(source[frames], keys) + slot * len(keys)
            for row, run in zip(index, runs, strict=True):
                row[run] = found[run.start - frames.start : run.stop - frames.start]
        self.found[site] = index
        return index


def gather(keyframes: torch.Tensor, index: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Blend the keyframes' tokens along the matches.

    Parameters
    ----------
    keyframes
        `(parts, keyframes, tokens, channels)`.
    index
        Into keyframes · tokens, for the keyframe before and the one after: `(2, frames, tokens)`.
    weights
        Share of the one after, `(frames, 1, 1)`.

    Returns
    -------
    torch.Tensor
        `(parts · frames, tokens, channels)`.
    """
    flat = keyframes.flatten(1, 2)
    shape = (len(flat), *index.shape[1:], flat.shape[-1])
    earlier, later = (flat.index_select(1, one.flatten()).view(shape) for one in index)
    return torch.lerp(earlier, later, weights).flatten(0, 1)


def _run(numbers: Sequence[int], number: int) -> slice:
    """Where `number` stands in ascending `numbers`."""
    return slice(bisect_left(numbers, number), bisect_right(numbers, number))


def _hull(a: slice, b: slice) -> slice:
    """Cover two runs, of which one may be empty."""
    if a.start == a.stop or b.start == b.stop:
        return a if a.start < a.stop else b
    return slice(min(a.start, b.start), max(a.stop, b.stop))
