"""Loops over full-resolution frames, compiled.

numpy takes a pass over the whole picture, and a new array, for every sign in a formula. At 4K those
passes are what a merge costs; one compiled loop takes them all while the samples are in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache

F = TypeVar("F", bound=Callable[..., Any])


def compiled(loop: F) -> F:
    """Compile a loop over arrays on its first call, and keep the result on disk.

    It runs without the interpreter's lock, so that frames in several threads do not wait for each
    other. Sums keep the order they are written in: the bits do not depend on the processor.
    """
    made: Any = numba.njit(nogil=True, error_model="numpy")(loop)
    with suppress(RuntimeError):  # neither the sources' folder nor the user's cache can be written
        made._cache = _OnDisk(loop)  # type: ignore[no-untyped-call]
    result: F = made
    return result


class _OnDisk(FunctionCache):
    """Compiled loops on disk: one that is full or out of reach costs time, and no frame."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except OSError:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
