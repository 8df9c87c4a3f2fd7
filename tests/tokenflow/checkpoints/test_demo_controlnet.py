"""The bundled depth ControlNet knows from their depth where things are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from tokenflow.checkpoints.controlnet import (
    DEMO_DEPTH,
    DEMO_DEPTH_FOLDER,
    load_controlnet,
    verify_controlnet,
)
from tokenflow.checkpoints.licence import licence_of
from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.source import resolve
from tokenflow.demo.render import render_depth, render_picture
from tokenflow.demo.view import to_display
from tokenflow.demo.world import Scene, random_scene
from tokenflow.diffusion.text import encode_prompt
from tokenflow.pipeline.control_depth import DepthRange, draw_depth, inverse_depth

WIDTH, HEIGHT = 164, 92
SCENES = 8
NOISY = 801  # timestep at which it is not yet settled where things are


def picture_of(scene: Scene) -> Tensor:
    seen = to_display(render_picture(scene, 0, WIDTH, HEIGHT)[0])
    return torch.from_numpy(seen).permute(2, 0, 1) * 2 - 1


def depth_of(scene: Scene) -> Tensor:
    inverse = inverse_depth(render_depth(scene, 0, WIDTH, HEIGHT))
    return torch.from_numpy(draw_depth(inverse, DepthRange.over([inverse]))).expand(3, -1, -1)


def test_it_is_as_small_as_promised() -> None:
    assert sum(file.stat().st_size for file in DEMO_DEPTH_FOLDER.iterdir()) < 10e6
    assert licence_of(DEMO_DEPTH_FOLDER) == "apache-2.0"


@torch.inference_mode()
def test_the_depth_of_a_picture_tells_more_of_it_than_none_or_that_of_another() -> None:
    source = resolve("demo")
    model = load_model(source, "cpu", torch.float32)
    info = verify_controlnet(DEMO_DEPTH, source)
    network: Any = load_controlnet(info, "cpu", torch.float32)
    rng = np.random.default_rng([4242, 17])  # scenes of the training have other seeds
    scenes = [random_scene(rng) for _ in range(SCENES)]
    text = torch.stack([encode_prompt(model, scene.caption) for scene in scenes])
    latents = model.vae.encode(torch.stack([picture_of(s) for s in scenes])).latent_dist.mean
    clean = latents * model.vae.config.scaling_factor
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    alpha = model.schedule.alphas_cumprod[NOISY].float()
    noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
    velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
    own = torch.stack([depth_of(scene) for scene in scenes])

    def error(depth: Tensor | None) -> float:
        down, mid = None, None
        if depth is not None:
            down, mid = network(noisy, NOISY, text, depth, return_dict=False)
        found = model.unet(
            noisy,
            NOISY,
            text,
            down_block_additional_residuals=down,
            mid_block_additional_residual=mid,
        ).sample
        return float((found - velocity).square().mean())

    right, wrong, without = error(own), error(own.roll(1, 0)), error(None)
    assert right < 0.95 * without
    assert right < 0.9 * wrong
