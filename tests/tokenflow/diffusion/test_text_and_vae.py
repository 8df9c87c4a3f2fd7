"""Prompts to text states, pictures to latents and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.random_model import random_model
from tokenflow.diffusion.latents import LatentStack
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.text import encode_prompt, prompt_warnings
from tokenflow.diffusion.vae import decode_frame, encode_frame, encode_frames
from tokenflow.errors import NonFiniteResult


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((32, 48, 3), np.float32)


def test_a_prompt_becomes_77_states(model: Model) -> None:
    states = encode_prompt(model, "a red ball")
    assert states.shape == (77, 32)
    assert states.dtype == model.dtype
    assert not states.equal(encode_prompt(model, "a blue ball"))


def test_a_prompt_of_500_words_is_cut_and_said(model: Model) -> None:
    long = " ".join(f"w{i}" for i in range(500))
    (warning,) = prompt_warnings(model.tokenizer, "short", long)
    assert "77" in warning
    # Every character is a token: what fits ends within the first 30 words.
    assert "w499" in warning.replace(" ", "")
    assert "w27w" not in warning.replace(" ", "")
    assert encode_prompt(model, long).equal(encode_prompt(model, long[:300]))


def test_a_prompt_that_just_fits_gives_no_warning(model: Model) -> None:
    assert prompt_warnings(model.tokenizer, "a" * 75, "") == ()
    assert len(prompt_warnings(model.tokenizer, "a" * 76)) == 1


def test_a_latent_is_the_scaled_mean_of_the_posterior(model: Model) -> None:
    image = picture(0)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].double() * 2 - 1
    with torch.inference_mode():
        mean = model.vae.encode(pixels).latent_dist.mode()[0]
    latent = encode_frame(model, image)
    assert latent.shape == model.latent_shape(48, 32)
    assert torch.allclose(latent, mean * model.vae.config.scaling_factor)


def test_frames_are_encoded_in_any_order(model: Model, tmp_path: Path) -> None:
    stack = LatentStack(tmp_path, (5, 6), model.latent_shape(48, 32), model.latent_dtype)
    seen: list[tuple[int, int]] = []
    encode_frames(
        model, [(6, picture(6)), (5, picture(5))], stack, lambda *report: seen.append(report)
    )
    assert stack.complete
    assert seen == [(1, 2), (2, 2)]
    assert stack.read([5])[0].equal(encode_frame(model, picture(5)))


def test_a_picture_with_nan_is_named(model: Model, tmp_path: Path) -> None:
    stack = LatentStack(tmp_path, (5, 6), model.latent_shape(48, 32), model.latent_dtype)
    broken = picture(6)
    broken[3, 4] = np.nan
    with pytest.raises(NonFiniteResult, match="frame 6"):
        encode_frames(model, [(5, picture(5)), (6, broken)], stack)
    assert not stack.complete


def test_a_decoded_frame_is_not_clipped() -> None:
    model = random_model()
    with torch.no_grad():
        model.vae.decoder.conv_out.weight *= 100
    image = decode_frame(model, torch.randn(model.latent_shape(48, 32)))
    assert image.shape == (32, 48, 3)
    assert image.dtype == np.float32
    assert image.min() < 0 < 1 < image.max()


def test_equal_latents_decode_to_equal_bits(model: Model) -> None:
    latent = torch.randn(model.latent_shape(48, 32), dtype=torch.float64)
    assert np.array_equal(decode_frame(model, latent), decode_frame(model, latent.clone()))
