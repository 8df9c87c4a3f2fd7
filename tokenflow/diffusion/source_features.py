"""What the source contributes to the second pass, kept on disk.

In mode ``paper`` the source is never overwritten, so its part of the second pass does not depend on
the edit: the matches of every frame with its keyframes, and the injected convolution. With both at
hand the second pass runs without the source, in two thirds of the time; every further prompt on a
shot finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from .keyframe_tokens import KeyframeTokens
from .latents import LatentStack, level_name
from .propagation import FeatureMatches, Matches, Neighbours


class SourceFeatures:
    """Matches and convolutions of a shot, step by step.

    They belong to one shot, model, inversion, source prompt, number of steps, seed, keyframe
    interval and choice of keyframes (not to prompt, negative prompt, guidance, thresholds or
    weights): whoever names the folder keeps these apart.

    Parameters
    ----------
    folder
        Holds one folder per step.
    frames
        All frames of the shot. Those that are keyframes of a step have no entry there.

    Attributes
    ----------
    shared
        Whether several processes find them together; one of them finishes each step.
    """

    def __init__(self, folder: Path, frames: Sequence[int]) -> None:
        self.folder = Path(folder)
        self.frames = tuple(frames)
        self.shared = False

    def at(self, step: int, timestep: int) -> StepFeatures:
        """Give the features of one step; its number chose the keyframes."""
        folder = self.folder / f"step{step:04d}-{level_name(timestep)}"
        return StepFeatures(folder, self.frames, self.shared)


class StepFeatures:
    """What the source contributes to one step."""

    def __init__(self, folder: Path, frames: Sequence[int], shared: bool) -> None:
        self._shared = shared
        self._folder = folder
        self._frames = tuple(frames)
        self._stacks: dict[str, LatentStack] = {}

    def complete(self, with_convolution: bool) -> bool:
        """Whether everything is there, with the convolution if the step injects it."""
        names = ("matches", "convolution") if with_convolution else ("matches",)
        return all((self._folder / name / "latents.npy").is_file() for name in names)

    def write(
        self, frames: Sequence[int], matches: FeatureMatches, convolution: torch.Tensor | None
    ) -> None:
        """Keep what a batch found; what goes beyond `frames` is padding."""
        self._write("matches", frames, packed(matches))
        if convolution is not None:
            self._write("convolution", frames, convolution)

    def finish(self) -> None:
        """Declare complete what was written."""
        for stack in self._stacks.values():
            stack.finish()
        self._stacks.clear()

    def matches(
        self,
        batch: Sequence[Neighbours],
        frames: Sequence[int],
        tokens: KeyframeTokens,
        like: torch.Tensor,
    ) -> StoredMatches:
        """Read the matches of a batch."""
        packed_matches = self._stored("matches").read(frames).to(like.device).long()
        return StoredMatches(packed_matches, tokens, batch, like)

    def convolution(self, frames: Sequence[int], like: torch.Tensor) -> torch.Tensor:
        """Read the injected convolution of a batch, `(frames, channels, h, w)`."""
        return self._stored("convolution").read(frames).to(like)

    def _write(self, name: str, frames: Sequence[int], tensor: torch.Tensor) -> None:
        if (self._folder / name / "latents.npy").is_file():
            # An edit that needed no convolution, or was interrupted, has left this part whole.
            return
        if name not in self._stacks:
            self._stacks[name] = LatentStack(
                self._folder / name, self._frames, tensor.shape[1:], tensor.dtype
            )
            self._stacks[name].shared = self._shared
        self._stacks[name].write(frames, tensor[: len(frames)])

    def _stored(self, name: str) -> LatentStack:
        if name not in self._stacks:
            self._stacks[name] = LatentStack.stored(self._folder / name, self._frames)
        return self._stacks[name]


class StoredMatches(Matches):
    """Matches found earlier.

    Parameters
    ----------
    packed_matches
        As `packed` made them, int64 on the device.
    tokens
        The keyframes of the step.
    batch, like
        As in `Matches`.
    """

    def __init__(
        self,
        packed_matches: torch.Tensor,
        tokens: KeyframeTokens,
        batch: Sequence[Neighbours],
        like: torch.Tensor,
    ) -> None:
        super().__init__(batch, like)
        self._packed = packed_matches
        self._tokens = tokens
        self._slot = torch.tensor(self.slots, device=like.device)[:, :, None]

    def find(self, site: int, source: torch.Tensor | None) -> torch.Tensor:
        """Look the indices up."""
        start = sum(self._tokens.length(earlier) for earlier in range(site))
        length = self._tokens.length(site)
        own = self._packed[:, :, start : start + length].transpose(0, 1)
        return own + self._slot * length


def packed(matches: FeatureMatches) -> torch.Tensor:
    """Lay a batch's matches at all self-attentions side by side: `(frames, 2, all tokens)`.

    Each is the number of a token within its keyframe, in 16 bits where they are enough.
    """
    lengths = [matches.found[site].shape[-1] for site in sorted(matches.found)]
    own = [matches.found[site] % length for site, length in enumerate(lengths)]
    dtype = torch.uint16 if max(lengths) <= 1 << 16 else torch.int32
    return torch.cat(own, dim=-1).transpose(0, 1).to(dtype)
