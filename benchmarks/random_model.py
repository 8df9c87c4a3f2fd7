"""Models in Stable Diffusion's layout with random weights: for benchmarks and tests.

The weights of the norms are random too: with the usual ones all features would have the same
length, and a rule that forgets to normalise them would go unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from tokenflow.diffusion.model import Model

#: Widths and numbers of heads of the demo checkpoint's UNet: 8 million parameters.
DEMO_CHANNELS, DEMO_HEADS = (32, 64, 120, 120), (1, 2, 3, 3)

#: The smallest UNet that has every part: 0.4 million parameters.
TINY_CHANNELS, TINY_HEADS = (8, 16, 24, 24), (1, 2, 3, 3)

_TEXT_WIDTH = 32


def random_model(
    channels: Sequence[int] = TINY_CHANNELS,
    heads: Sequence[int] = TINY_HEADS,
    *,
    dtype: torch.dtype = torch.float32,
    prediction_type: str = "epsilon",
    linear: bool = True,
    seed: int = 0,
) -> Model:
    """Make a pipeline with random weights.

    Parameters
    ----------
    channels, heads
        Of the UNet's four levels.
    dtype
        Number type of the UNet; VAE and text encoder are float32, in float64 the VAE is as well.
    prediction_type
        ``epsilon`` or ``v_prediction``.
    linear
        Whether transformers project with linear layers (Stable Diffusion 2.x) or convolutions
        (1.x).
    """
    torch.manual_seed(seed)
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=tuple(channels),
        layers_per_block=2,
        down_block_types=(*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
        up_block_types=("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
        attention_head_dim=tuple(heads),
        cross_attention_dim=_TEXT_WIDTH,
        norm_num_groups=8,
        use_linear_projection=linear,
    )
    _randomise_norms(unet)
    wide = torch.promote_types(torch.float32, dtype)
    return Model(
        unet=unet.to(dtype).eval(),
        vae=_vae().to(wide).eval(),
        text_encoder=_text_encoder().eval(),
        tokenizer=_tokenizer(),
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
            prediction_type=prediction_type,
        ),
        name="random",
    )


def _randomise_norms(module: torch.nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, (torch.nn.GroupNorm, torch.nn.LayerNorm)):
            torch.nn.init.normal_(part.weight, 1.0, 0.4)
            torch.nn.init.normal_(part.bias, 0.0, 0.2)


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
    )


def _text_encoder() -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=514,
        hidden_size=_TEXT_WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )
    return CLIPTextModel(config)


def _tokenizer() -> CLIPTokenizer:
    """Make a tokenizer whose tokens are single bytes."""
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)
