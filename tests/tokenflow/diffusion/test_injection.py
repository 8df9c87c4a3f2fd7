"""Where the engine takes hold of a UNet, and that it lets go."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel

from tokenflow.diffusion.attention import PassState
from tokenflow.diffusion.injection import injected_convolution, installed, self_attentions
from tokenflow.diffusion.model import Model
from tokenflow.errors import CheckpointRejected


def test_queries_and_keys_are_injected_where_the_authors_do(model: Model) -> None:
    injected = [site.name for site in self_attentions(model.unet) if site.injected]
    assert injected == [
        f"up_blocks.{block}.attentions.{number}.transformer_blocks.0"
        for block, numbers in ((1, (1, 2)), (2, (0, 1, 2)), (3, (0, 1, 2)))
        for number in numbers
    ]


def test_all_sixteen_self_attentions_are_found_in_order(model: Model) -> None:
    sites = self_attentions(model.unet)
    assert [site.index for site in sites] == list(range(16))
    order: list[str] = []
    hooks = [
        site.attention.register_forward_hook(lambda *_, name=site.name: order.append(name))
        for site in sites
    ]
    with torch.inference_mode():
        like = torch.zeros(1, 4, 16, 16, dtype=model.dtype)
        model.unet(like, 1, torch.zeros(1, 77, 32, dtype=model.dtype))
    for hook in hooks:
        hook.remove()
    assert order == [site.name for site in sites]


def test_the_convolution_is_that_of_the_second_resnet(model: Model) -> None:
    assert injected_convolution(model.unet) is model.unet.up_blocks[1].resnets[1].conv2


def test_the_rule_holds_for_a_layout_with_three_levels() -> None:
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=2,
        cross_attention_dim=16,
        norm_num_groups=8,
    )
    injected = {site.name for site in self_attentions(unet) if site.injected}
    first = {
        f"up_blocks.0.attentions.{number}.transformer_blocks.{layer}"
        for number in (1, 2)
        for layer in (0, 1)
    }
    second = {f"up_blocks.1.attentions.{number}.transformer_blocks.0" for number in (0, 1, 2)}
    assert injected == first | second
    assert injected_convolution(unet) is unet.up_blocks[0].resnets[1].conv2


def test_a_unet_without_attention_is_refused() -> None:
    unet = UNet2DConditionModel(
        block_out_channels=(8, 8),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        mid_block_type=None,
        cross_attention_dim=16,
        norm_num_groups=8,
    )
    with pytest.raises(CheckpointRejected, match="no attention"):
        self_attentions(unet)


def test_the_unet_is_the_users_again_afterwards(model: Model) -> None:
    unet = model.unet
    before = dict(unet.attn_processors)
    with pytest.raises(KeyboardInterrupt), installed(unet, PassState()):
        assert unet.attn_processors != before
        raise KeyboardInterrupt
    assert unet.attn_processors == before
    assert not injected_convolution(unet)._forward_hooks


def test_processors_that_are_off_change_nothing(model: Model) -> None:
    like = torch.randn(2, 4, 8, 16, dtype=model.dtype)
    text = torch.randn(2, 77, 32, dtype=model.dtype)
    with torch.inference_mode():
        plain = model.unet(like, 500, text).sample
        with installed(model.unet, PassState()):
            ours = model.unet(like, 500, text).sample
    assert ours.equal(plain)
