"""What the keyframe pass leaves: features and attention results of every keyframe."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .host_memory import HostMemory
from .ranks import Ranks


def by_part(x: torch.Tensor, parts: int) -> torch.Tensor:
    """View a batch `(parts · n, …)` as `(parts, n, …)`."""
    return x.reshape(parts, -1, *x.shape[1:])


class KeyframeTokens:
    """Tokens of the keyframes of one step, for every self-attention, outside the device's memory.

    Parameters
    ----------
    memory
        Where they wait; only the keyframes of the running batch come to the device.
    keyframes
        Number of keyframes K.
    parts
        Samples per keyframe in the keyframe pass.
    source_results
        Whether the source's attention results are kept too (mode ``released``).
    own
        Numbers of the keyframes that the pass is for, where it is not for all; the others are taken
        over from another pass.
    name
        Tells the buffers of several passes apart.
    """

    def __init__(
        self,
        memory: HostMemory,
        keyframes: int,
        parts: int,
        source_results: bool = False,
        own: Sequence[int] | None = None,
        name: str = "",
    ) -> None:
        self._memory = memory
        self._own = frozenset(range(keyframes) if own is None else own)
        self._name = name
        self._keyframes = keyframes
        self._parts = parts
        self._first_part = 0 if source_results else 1
        self._features: dict[int, torch.Tensor] = {}
        self._results: dict[int, torch.Tensor] = {}

    def store(
        self, site: int, first: int, count: int, features: torch.Tensor, results: torch.Tensor
    ) -> None:
        """Keep the tokens of the keyframes `first` … `first + count` − 1.

        Parameters
        ----------
        features, results
            Input and output of the attention, `(parts · n, tokens, channels)` with n ≥ `count`:
            what goes beyond is padding.
        """
        self.store_features(site, first, count, features)
        self.store_results(site, first, count, results)

    def store_features(self, site: int, first: int, count: int, features: torch.Tensor) -> None:
        """Keep the source's features, `(parts · n, tokens, channels)`."""
        if site not in self._features:
            shape = (self._keyframes, *features.shape[1:])
            self._features[site] = self._buffer(f"features {site}", shape, features)
        for number in self._own.intersection(range(first, first + count)):
            self._features[site][number].copy_(features[number - first])

    def store_results(self, site: int, first: int, count: int, results: torch.Tensor) -> None:
        """Keep the results of the attention, `(parts · n, tokens, channels)`."""
        kept = by_part(results, self._parts)[self._first_part :, :count]
        if site not in self._results:
            shape = (len(kept), self._keyframes, *results.shape[1:])
            self._results[site] = self._buffer(f"results {site}", shape, results)
        for number in self._own.intersection(range(first, first + count)):
            self._results[site][:, number].copy_(kept[:, number - first])

    def take(self, other: KeyframeTokens, places: Sequence[tuple[int, int]]) -> None:
        """Take over from another pass the keyframes that stand there in the second of `places`."""
        for site, features in other._features.items():
            results = other._results[site]
            whole = (self._keyframes, *features.shape[1:])
            self._features[site] = self._buffer(f"features {site}", whole, features)
            shape = (len(results), self._keyframes, *results.shape[2:])
            self._results[site] = self._buffer(f"results {site}", shape, results)
            for here, there in places:
                self._features[site][here].copy_(features[there])
                self._results[site][:, here].copy_(results[:, there])

    def share(self, sites: int, batches: Sequence[range], ranks: Ranks) -> None:
        """Let all ranks have the tokens of all micro-batches, each of its owner.

        Parameters
        ----------
        sites
            Number of self-attentions.
        """
        if ranks.alone:
            return
        for site in range(sites):
            for number, batch in enumerate(batches):
                owner, tokens, count = ranks.owner(number), None, len(batch)
                if owner == ranks.rank:
                    own = slice(batch.start, batch.stop)
                    features = self._features[site][None, own]
                    tokens = torch.cat([features, self._results[site][:, own]])
                tokens = ranks.handed_round(tokens, owner)
                if owner != ranks.rank:
                    missing = tokens.new_zeros((self._first_part, *tokens.shape[1:]))
                    self.store_features(site, batch.start, count, tokens[0])
                    self.store_results(
                        site, batch.start, count, torch.cat([missing, tokens[1:]]).flatten(0, 1)
                    )

    def length(self, site: int) -> int:
        """Tell the number of tokens per frame at a self-attention."""
        return self._features[site].shape[1]

    def features(self, site: int, keyframes: slice) -> torch.Tensor:
        """Fetch features of the source: `(keyframes, tokens, channels)`."""
        return self._memory.fetch(self._features[site][keyframes])

    def results(self, site: int, keyframes: slice) -> torch.Tensor:
        """Fetch results of the attention: `(parts, keyframes, tokens, channels)`."""
        return self._memory.fetch(self._results[site][:, keyframes])

    def _buffer(self, name: str, shape: Sequence[int], like: torch.Tensor) -> torch.Tensor:
        return self._memory.buffer(f"{self._name}{name}", shape, like.dtype)
