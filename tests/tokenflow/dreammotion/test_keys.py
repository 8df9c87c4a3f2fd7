from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.tokenflow.dreammotion.conftest import make_unet
from tokenflow.dreammotion.keys import KeyCapture, key_layers
from tokenflow.dreammotion.video_unet import VideoUNet
from tokenflow.errors import CheckpointRejected, InvalidJob

BLOCKS = (("up_blocks.1", 2), ("up_blocks.2", 2))


def test_the_keys_are_those_of_attention_inside_a_frame(video: VideoUNet) -> None:
    wanted = [
        f"{block}.attentions.{number}.transformer_blocks.0.attn1.to_k"
        for block, count in BLOCKS
        for number in range(count)
    ]
    assert list(key_layers(video.unet)) == wanted
    assert list(key_layers(video.unet, "up")) == wanted


def test_keys_come_in_the_order_in_which_they_are_named(video: VideoUNet) -> None:
    order: list[str] = []
    layers = key_layers(video.unet)
    hooks = [
        layer.register_forward_hook(lambda m, i, o, name=name: order.append(name))
        for name, layer in layers.items()
    ]
    video.noise(torch.zeros(2, 4, 8, 8).double(), 10, torch.zeros(5, 16).double())
    for hook in hooks:
        hook.remove()
    assert order == list(layers)


@pytest.mark.parametrize("family", ["UNet3DConditionModel", "UNetMotionModel"])
def test_a_fused_model_is_refused(family: str) -> None:
    unet: Any = make_unet(family)
    unet.fuse_qkv_projections()
    with pytest.raises(CheckpointRejected, match="fused at .*keys cannot be told apart"):
        key_layers(unet)


def test_hooks_are_gone_when_the_model_fails(motion_video: VideoUNet) -> None:
    layers = key_layers(motion_video.unet)
    with pytest.raises(IndexError), KeyCapture(layers).captured(stop=True):
        motion_video.unet(torch.zeros(1), 0, None)
    assert all(not layer._forward_hooks for layer in layers.values())
    assert torch.is_grad_enabled()


def test_more_frames_than_the_model_sees_are_refused_with_the_remedy(
    motion_video: VideoUNet,
) -> None:
    clip = torch.zeros(9, 4, 8, 8).double()
    with pytest.raises(InvalidJob, match=r"8 frames at once at most, not 9.*--window 8"):
        motion_video.noise(clip, 10, torch.zeros(5, 16).double())


def test_a_model_of_still_pictures_is_refused(motion_video: VideoUNet) -> None:
    with pytest.raises(CheckpointRejected, match="a Linear, and DreamMotion works with"):
        VideoUNet(torch.nn.Linear(1, 1), motion_video.schedule)
