"""Keys and values that the keyframes of a step attend to."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .host_memory import HostMemory
from .ranks import Ranks


class JointKeys:
    """Keys and values of all keyframes at the running self-attention, outside the device's memory.

    Parameters
    ----------
    memory
        Where they wait.
    keyframes
        Number of keyframes K.
    """

    def __init__(self, memory: HostMemory, keyframes: int) -> None:
        self.memory = memory
        self.keyframes = keyframes
        self._keys: dict[int, torch.Tensor] = {}
        self._values: dict[int, torch.Tensor] = {}

    def store(self, site: int, numbers: range, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Keep keys and values `(parts, n, tokens, channels)` of the keyframes `numbers`."""
        self._open(site, keys)
        self._keys[site][:, numbers.start : numbers.stop].copy_(keys)
        self._values[site][:, numbers.start : numbers.stop].copy_(values)

    def at(self, site: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Give keys and values at a self-attention, `(parts, K, tokens, channels)` each."""
        return self._keys[site], self._values[site]

    def share(self, site: int, batches: Sequence[range], ranks: Ranks) -> None:
        """Let all ranks have the keys and values of all micro-batches, each of its owner."""
        for number, batch in enumerate(batches):
            owner, both, own = ranks.owner(number), None, slice(batch.start, batch.stop)
            if owner == ranks.rank:
                both = torch.stack([x[:, own] for x in self.at(site)])
            both = ranks.handed_round(both, owner)
            if owner != ranks.rank:
                self.store(site, batch, *both)

    def _open(self, site: int, like: torch.Tensor) -> None:
        """Make room at a self-attention."""
        if site not in self._keys:
            shape = (len(like), self.keyframes, *like.shape[2:])
            # Some micro-batches still read one site's keys while others write the next one's.
            turn = site % 2
            self._keys[site] = self.memory.buffer(f"keys {turn}", shape, like.dtype)
            self._values[site] = self.memory.buffer(f"values {turn}", shape, like.dtype)


class KeptKeys(JointKeys):
    """Keys and values at all self-attentions, some taken over from another pass.

    Parameters
    ----------
    memory
        Where they wait.
    keyframes
        Number of keyframes K, those of another pass included.
    own
        Numbers of the keyframes that the pass is for; the others are taken over.
    name
        Tells the buffers of several passes apart.
    """

    def __init__(self, memory: HostMemory, keyframes: int, own: Sequence[int], name: str) -> None:
        super().__init__(memory, keyframes)
        self.own = frozenset(own)
        self._name = name

    def store(self, site: int, numbers: range, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Keep keys and values of those keyframes among `numbers` that the pass is for."""
        self._open(site, keys)
        for index, number in enumerate(numbers):
            if number in self.own:
                self._keys[site][:, number].copy_(keys[:, index])
                self._values[site][:, number].copy_(values[:, index])

    def fetched(self, site: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Give keys and values at a self-attention on the device."""
        keys, values = self.at(site)
        return self.memory.fetch(keys), self.memory.fetch(values)

    def take(self, other: KeptKeys, places: Sequence[tuple[int, int]]) -> None:
        """Take over from another pass what stands there in the second of `places`."""
        for site in other._keys:
            keys, values = other.at(site)
            self._open(site, keys)
            for here, there in places:
                self._keys[site][:, here].copy_(keys[:, there])
                self._values[site][:, here].copy_(values[:, there])

    def _open(self, site: int, like: torch.Tensor) -> None:
        if site not in self._keys:
            shape = (len(like), self.keyframes, *like.shape[2:])
            for kind, held in (("keys", self._keys), ("values", self._values)):
                name = f"{self._name} {kind} {site}"
                held[site] = self.memory.buffer(name, shape, like.dtype)
