"""Tiny random models and shots: enough for every rule, and done in a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from diffusers.utils import logging as diffusers_logging

from benchmarks.random_model import random_model
from tests.tokenflow.diffusion.shot import Shot
from tokenflow.diffusion.model import Model

# Casting a random model in place is what the tests want.
diffusers_logging.set_verbosity_error()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep tiny tensors on one thread: more of them only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def model() -> Model:
    """A random pipeline in float64, so that only rules and not rounding can differ."""
    return random_model(dtype=torch.float64)


@pytest.fixture
def make_shot(tmp_path: Path) -> Callable[..., Shot]:
    """Make a shot of random latents, the same for the same frames."""
    made = 0

    def make(model: Model, frames: Sequence[int], size: tuple[int, int] = (16, 16)) -> Shot:
        nonlocal made
        made += 1
        return Shot(model, tmp_path / f"shot {made}", tuple(frames), size)

    return make
