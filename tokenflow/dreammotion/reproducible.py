"""The same bits every time, from a GPU too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tokenflow.errors import DeviceUnavailable


@contextmanager
def reproducible(wanted: bool) -> Iterator[None]:
    """Let torch take only kernels whose sums have one order, while the block runs.

    It must refuse the others: told only to warn of them, it keeps attention's backward pass as it
    is, which adds up in any order.

    Raises
    ------
    DeviceUnavailable
        An operation has no such kernel on the device.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    except RuntimeError as error:
        if "determinis" not in str(error):
            raise
        raise DeviceUnavailable(
            f"the device cannot give the same bits every time: {error}",
            hint="Leave out --deterministic, or use --device cpu.",
        ) from error
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
