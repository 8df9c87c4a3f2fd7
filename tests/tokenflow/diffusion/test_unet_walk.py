"""The walk repeats the UNet's forward pass, and leaves nothing in memory while it waits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.random_model import random_model
from tokenflow.diffusion.attention import attended, output, projections
from tokenflow.diffusion.host_memory import HostMemory
from tokenflow.diffusion.injection import self_attentions
from tokenflow.diffusion.unet_walk import check_layout, walk
from tokenflow.errors import CheckpointRejected


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("size", [(16, 16), (9, 14)])
def test_a_walk_is_a_forward_pass(tmp_path: Path, linear: bool, size: tuple[int, int]) -> None:
    unet = random_model(dtype=torch.float64, linear=linear).unet
    x = torch.randn(3, 4, *size, dtype=torch.float64)
    text = torch.randn(3, 77, 32, dtype=torch.float64)
    with torch.inference_mode(), HostMemory(tmp_path, unet.device) as memory:
        under_way = walk(unet, lambda: x, 321, text, memory, "walk")
        features = next(under_way)
        sites = self_attentions(unet)
        for site in sites[:-1]:
            result = output(
                site.attention, attended(site.attention, *projections(site.attention, features))
            )
            features = under_way.send(result)
        last = sites[-1].attention
        with pytest.raises(StopIteration) as end:
            under_way.send(output(last, attended(last, *projections(last, features))))
        expected = unet(x, 321, text).sample
    assert torch.allclose(end.value.value, expected, rtol=0, atol=1e-12)


def test_layouts_that_the_walk_does_not_know_are_refused() -> None:
    unet = random_model().unet
    unet.register_to_config(addition_embed_type="text_time")
    with pytest.raises(CheckpointRejected, match="addition_embed_type"):
        check_layout(unet)
