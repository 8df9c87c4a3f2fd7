"""How far a stage is, in units that a person understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Tell(Protocol):
    """Takes the progress of a stage."""

    def __call__(self, done: int, of: int, detail: str = "") -> None:
        """Report `done` of `of` units, and where that is in words."""
        ...


def in_steps(tell: Tell, frames: int, steps: int) -> Callable[[int, int], None]:
    """Turn progress in UNet batches into progress in frames times steps, which never goes back.

    The size of a batch may change under way, when memory gets short.
    """
    total = frames * steps
    furthest = 0

    def progress(done: int, of: int) -> None:
        nonlocal furthest
        furthest = max(furthest, done * total // of)
        step = min(steps, furthest // frames + 1)
        tell(furthest, total, f"step {step} of {steps}")

    return progress
