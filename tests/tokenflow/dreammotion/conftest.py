"""Tiny random video models of both families in float64, and shots of random latents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from diffusers import UNet3DConditionModel, UNetMotionModel

from benchmarks.random_model import random_model
from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.schedule import NoiseSchedule
from tokenflow.dreammotion.gradient import Words
from tokenflow.dreammotion.video_unet import VideoUNet

SHAPE = (4, 8, 8)
TEXT = (5, 16)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _lively(unet: torch.nn.Module) -> torch.nn.Module:
    """Fill tensors that begin as zeros, temporal ones above all: else no frame sees another."""
    for parameter in unet.parameters():
        if not bool(parameter.any()):
            torch.nn.init.normal_(parameter, 0.0, 0.2)
    return unet.double()


def make_unet(family: str) -> torch.nn.Module:
    """Make a UNet of three levels with attention on two of them."""
    torch.manual_seed(3)
    down = ("CrossAttnDownBlock", "CrossAttnDownBlock", "DownBlock")
    up = ("UpBlock", "CrossAttnUpBlock", "CrossAttnUpBlock")
    common = {
        "block_out_channels": (8, 16, 16),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "cross_attention_dim": TEXT[1],
    }
    if family == "UNet3DConditionModel":
        return _lively(
            UNet3DConditionModel(
                down_block_types=tuple(f"{name}3D" for name in down),
                up_block_types=tuple(f"{name}3D" for name in up),
                attention_head_dim=8,
                **common,
            )
        )
    return _lively(
        UNetMotionModel(
            down_block_types=tuple(f"{name}Motion" for name in down),
            up_block_types=tuple(f"{name}Motion" for name in up),
            num_attention_heads=2,
            motion_num_attention_heads=2,
            motion_max_seq_length=8,
            **common,
        )
    )


@pytest.fixture(scope="session", params=["UNet3DConditionModel", "UNetMotionModel"])
def video(request: pytest.FixtureRequest) -> VideoUNet:
    """A model that predicts noise."""
    return VideoUNet(make_unet(request.param), NoiseSchedule(random_model().scheduler))


@pytest.fixture(scope="session")
def motion_video() -> VideoUNet:
    """The family that most tests of rules need only one of."""
    return VideoUNet(make_unet("UNetMotionModel"), NoiseSchedule(random_model().scheduler))


@pytest.fixture(scope="session")
def words() -> Words:
    """Three prompts."""
    states = torch.randn(3, *TEXT, generator=torch.Generator().manual_seed(7)).double()
    return Words(*states)


def random_latents(frames: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    """Latents `(frames, 4, 8, 8)` in float64."""
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(frames, *SHAPE, generator=generator, dtype=torch.float64)


@pytest.fixture
def shot(tmp_path: Path) -> Callable[[Sequence[int]], LatentStack]:
    """Make the plate's latents on disk, the same for the same frames."""

    def make(frames: Sequence[int]) -> LatentStack:
        stack = LatentStack(tmp_path / f"plate {len(frames)}", frames, SHAPE, torch.float64)
        for frame in frames:
            stack.write([frame], random_latents(1, seed=frame))
        stack.finish()
        return stack

    return make
