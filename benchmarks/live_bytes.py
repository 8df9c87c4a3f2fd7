"""Memory of living tensors, counted operation by operation."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that operations touch while it is active.

    Storages of memory-mapped files do not count: the system can drop their pages at any time. What
    lived before (weights) does not count either.

    Attributes
    ----------
    now, peak
        Bytes of living storages, at present and at most.
    largest
        Bytes of the largest single storage.
    """

    def __init__(self, before: Sequence[torch.Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = self.largest = 0
        self._seen: dict[int, int] = {}
        self._kept = [tensor.untyped_storage() for tensor in before]
        self._ignored = {storage._cdata for storage in self._kept}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the operation and note its tensors."""
        result = func(*args, **(kwargs or {}))
        mapped = "from_file" in str(func)
        for tensor in tree_leaves((args, kwargs, result)):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage(), mapped)
        return result

    def _note(self, storage: torch.UntypedStorage, mapped: bool) -> None:
        key = storage._cdata
        if key in self._seen or key in self._ignored:
            return
        size = 0 if mapped else storage.nbytes()
        self._seen[key] = size
        weakref.finalize(storage, self._gone, key)
        self.now += size
        self.peak = max(self.peak, self.now)
        self.largest = max(self.largest, size)

    def _gone(self, key: int) -> None:
        self.now -= self._seen.pop(key, 0)
