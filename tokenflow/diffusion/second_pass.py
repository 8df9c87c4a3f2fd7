"""The second pass of a step: all frames that the keyframe pass does not denoise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from .attention import PassState
from .batches import Batch
from .control import NONE, Controls, predict
from .denoising import NeighboursOf
from .keyframe_tokens import KeyframeTokens, by_part
from .propagation import FeatureMatches, Matches, Neighbours
from .source_features import StepFeatures

#: Gives latents `(frames, channels, h, w)` of some frames, in the UNet's number type.
Latents = Callable[[Sequence[int]], torch.Tensor]


class SecondPass:
    """Sends batches of frames through the UNet, and propagates the edit of keyframes to them.

    Parameters
    ----------
    unet, state
        The UNet, with the processors of `state` installed.
    source, edited
        Give the latents of the source and the edit at this step.
    timestep
        Of this step.
    text
        Text states of the source and the edit parts, `(parts, tokens, width)`.
    tokens, neighbours
        What the keyframe pass left and what a frame is made from; None if each attends to itself.
    features
        What the source contributes, read if it is complete and else written; None to do neither.
    controls
        What holds the frames in place.

    Attributes
    ----------
    samples
        UNet samples evaluated, padding included.
    """

    def __init__(
        self,
        unet: Any,
        state: PassState,
        source: Latents,
        edited: Latents,
        timestep: int,
        text: torch.Tensor,
        tokens: KeyframeTokens,
        neighbours: NeighboursOf | None,
        features: StepFeatures | None,
        controls: Controls = NONE,
    ) -> None:
        self._unet, self._state = unet, state
        self._source, self._edited = source, edited
        self._timestep, self._text = timestep, text
        self._tokens, self._neighbours, self._features = tokens, neighbours, features
        self._controls = controls
        self._stored = features is not None and features.complete(state.inject_conv)
        self.samples = 0

    def predict(self, batch: Batch) -> torch.Tensor:
        """Give the predictions for a batch, `(parts, frames, channels, h, w)`, edit parts last."""
        state = self._state
        edited = self._edited(batch.padded)
        edits = [edited] * (len(self._text) - 1)
        if self._neighbours is None:
            state.mode = "off"
            prediction = self._through_unet(batch, [self._source(batch.padded), *edits])
        elif state.source_propagated:
            state.matches = FeatureMatches(self._tokens, self._around(batch), edited)
            state.mode = "propagate"
            prediction = self._through_unet(batch, [self._source(batch.padded), *edits])
        else:
            # The source goes by itself, so that the edit's samples meet kernels of one shape
            # whether the source's part was stored or is found now: the same bits either way.
            state.matches = self._source_part(batch, edited)
            state.mode = "propagate"
            prediction = self._through_unet(batch, edits, first=1)
        return by_part(prediction, state.parts)[:, : len(batch.frames)]

    def finish(self, whole: bool = True) -> None:
        """End the pass after its last batch.

        Parameters
        ----------
        whole
            Whether all of the step is there: one of several ranks declares it, for all of them.
        """
        if whole and self._features is not None and not self._stored:
            self._features.finish()
        self._state.source, self._state.parts = True, len(self._text)

    def _around(self, batch: Batch) -> list[Neighbours]:
        assert self._neighbours is not None
        return [self._neighbours(frame) for frame in batch.padded]

    def _source_part(self, batch: Batch, like: torch.Tensor) -> Matches:
        """Find or read where the batch's tokens lie in the keyframes, and the convolution."""
        state, around = self._state, self._around(batch)
        if self._features is not None and self._stored:
            if state.inject_conv:
                state.convolution = self._features.convolution(batch.padded, like)
            return self._features.matches(around, batch.padded, self._tokens, like)
        found = FeatureMatches(self._tokens, around, like)
        state.matches, state.mode = found, "match"
        self._through_unet(batch, [self._source(batch.padded)])
        if self._features is not None:
            kept = state.convolution if state.inject_conv else None
            self._features.write(batch.frames, found, kept)
        return found

    def _through_unet(
        self, batch: Batch, samples: Sequence[torch.Tensor], first: int = 0
    ) -> torch.Tensor:
        """Predict for the parts from number `first` on; number 0 is the source."""
        state = self._state
        state.source, state.parts = first == 0, len(samples)
        text = self._text[first : first + len(samples)].repeat_interleave(len(samples[0]), 0)
        self.samples += sum(len(part) for part in samples)
        given = torch.cat(list(samples))
        return predict(self._unet, given, self._timestep, text, self._controls, batch.padded)
