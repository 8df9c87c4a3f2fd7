from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from tests.tokenflow.checkpoints.conftest import write_tokenizer
from tokenflow.checkpoints.load import load_model, model_dtype
from tokenflow.checkpoints.source import CheckpointSource, resolve
from tokenflow.checkpoints.verify import verify
from tokenflow.diffusion.model import Model

Parts = dict[str, tuple[Any, Any, Any]]


def load(path: Path, dtype: torch.dtype = torch.float32) -> Model:
    return load_model(resolve(str(path)), "cpu", dtype)


def assert_same_weights(model: Model, parts: tuple[Any, Any, Any]) -> None:
    for loaded, made in zip((model.unet, model.vae, model.text_encoder), parts, strict=True):
        wanted = made.state_dict()
        assert loaded.state_dict().keys() == wanted.keys()
        for key, tensor in loaded.state_dict().items():
            assert torch.equal(tensor, wanted[key]), key


def test_a_diffusers_folder_loads_with_the_weights_it_holds(folder: Path, parts: Parts) -> None:
    assert_same_weights(load(folder), parts["sd1"])


@pytest.mark.parametrize("kind", ["sd1", "sd2"])
def test_a_single_file_loads_as_the_model_it_was_written_from(
    single_file: Callable[..., Path], parts: Parts, kind: str
) -> None:
    model = load(single_file(kind, metadata={"modelspec.prediction_type": "v"}))
    assert_same_weights(model, parts[kind])


@pytest.mark.parametrize("kind", ["sd1", "sd2"])
def test_a_single_file_computes_what_its_model_computes(
    single_file: Callable[..., Path], parts: Parts, kind: str
) -> None:
    # Heads and activations stand in no tensor, so equal weights alone prove nothing.
    model = load(single_file(kind, metadata={"modelspec.prediction_type": "epsilon"}))
    unet, vae, text = parts[kind]
    torch.manual_seed(1)
    latents, states = torch.randn(1, 4, 8, 8), torch.randn(1, 5, 64)
    tokens = torch.arange(7)[None]
    with torch.inference_mode():
        for loaded, made in (
            (model.unet(latents, 3, states).sample, unet(latents, 3, states).sample),
            (model.vae.decode(latents).sample, vae.eval().decode(latents).sample),
            (model.text_encoder(tokens)[0], text.eval()(tokens)[0]),
        ):
            assert torch.equal(loaded, made)


def test_unet_and_text_run_in_the_type_asked_for_and_the_autoencoder_in_float32(
    folder: Path,
) -> None:
    model = load(folder, torch.bfloat16)
    assert {each.dtype for each in model.unet.parameters()} == {torch.bfloat16}
    assert {each.dtype for each in model.text_encoder.parameters()} == {torch.bfloat16}
    assert {each.dtype for each in model.vae.parameters()} == {torch.float32}


def test_a_loaded_model_is_for_inference_only(folder: Path) -> None:
    model = load(folder)
    for part in (model.unet, model.vae, model.text_encoder):
        assert not part.training
        assert not any(each.requires_grad for each in part.parameters())


def test_half_precision_files_load_as_they_are(folder: Path, parts: Parts) -> None:
    copy.deepcopy(parts["sd1"][0]).half().save_pretrained(folder / "unet", variant="fp16")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    model = load(folder)
    assert model.unet.dtype == torch.float32
    assert torch.equal(model.unet.conv_in.weight, parts["sd1"][0].conv_in.weight.half().float())


def test_sharded_weights_load(folder: Path, parts: Parts) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    parts["sd1"][0].save_pretrained(folder / "unet", max_shard_size="500KB")
    assert len(list((folder / "unet").glob("*.safetensors"))) > 1
    assert_same_weights(load(folder), parts["sd1"])


def test_autoencoders_with_old_names_of_attention_load(folder: Path, parts: Parts) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for key, tensor in load_file(path).items():
        for new, old in names.items():
            key = key.replace(f"attentions.0.{new}", f"attentions.0.{old}")
        renamed[key] = tensor
    save_file(renamed, path)
    assert_same_weights(load(folder), parts["sd1"])


def test_the_scheduler_is_that_of_the_checkpoint(
    folder: Path, edit_config: Callable[..., None]
) -> None:
    edit_config("scheduler/scheduler_config.json", prediction_type="v_prediction", beta_end=0.02)
    config = load(folder).scheduler.config
    assert (config.prediction_type, config.beta_end) == ("v_prediction", 0.02)


def test_a_scheduler_that_says_little_is_read_as_stable_diffusions(folder: Path) -> None:
    path = folder / "scheduler" / "scheduler_config.json"
    path.write_text(
        '{"_class_name": "PNDMScheduler", "beta_schedule": "scaled_linear",'
        ' "beta_start": 0.00085, "beta_end": 0.012}'
    )
    config = load(folder).scheduler.config
    assert (config.steps_offset, config.set_alpha_to_one, config.clip_sample) == (1, False, False)


def test_the_model_carries_name_and_hash(folder: Path) -> None:
    source = resolve(str(folder))
    model = load_model(source, "cpu", torch.float32)
    assert (model.name, model.sha256) == (str(folder), verify(source).sha256)


def test_a_tokenizer_of_two_files_cuts_words_by_its_merges(folder: Path) -> None:
    tokenizer = load(folder).tokenizer
    words = tokenizer.convert_ids_to_tokens(tokenizer("Red bed").input_ids)
    assert words == ["<|startoftext|>", "red</w>", "b", "e", "d</w>", "<|endoftext|>"]


def test_prompts_are_as_long_as_the_text_encoder_takes_them(folder: Path) -> None:
    tokenizer = load(folder).tokenizer
    assert tokenizer.model_max_length == 77
    assert len(tokenizer("a", padding="max_length").input_ids) == 77


def test_sd2_prompts_are_padded_with_exclamation_marks(single_file: Callable[..., Path]) -> None:
    path = single_file("sd2", metadata={"modelspec.prediction_type": "v"})
    tokenizer = load(path).tokenizer
    assert tokenizer("a", padding="max_length").input_ids[-1] == 0


def test_the_recorded_pipelines_text_states_come_out_the_same(
    shared_data: Callable[[str], Path],
) -> None:
    recorded = shared_data("released-tokenflow")
    settings = json.loads((recorded / "settings.json").read_text())
    name, case = next(iter(settings["cases"].items()))
    states = load_file(recorded / f"{name}.safetensors")
    model = load(recorded / settings["pipeline"])
    for prompt, key in (("prompt", "text.prompt"), ("inversion_prompt", "text.source")):
        tokens = model.tokenizer(case[prompt], padding="max_length", return_tensors="pt")
        with torch.inference_mode():
            found = model.text_encoder(tokens.input_ids).last_hidden_state[0]
        torch.testing.assert_close(found, states[key], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "device", "dtype"),
    [
        ("auto", "cpu", torch.float32),
        ("auto", "cuda:0", torch.float16),
        ("bfloat16", "cpu", torch.bfloat16),
        ("float32", "cuda", torch.float32),
    ],
)
def test_the_number_type_follows_job_and_device(name: str, device: str, dtype: torch.dtype) -> None:
    assert model_dtype(name, device) == dtype


def test_a_tokenizer_json_alone_is_enough(folder: Path) -> None:
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    ids = tokenizer("a red ball").input_ids
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    tokenizer.save_pretrained(folder / "tokenizer")
    for name in ("vocab.json", "merges.txt"):
        (folder / "tokenizer" / name).unlink(missing_ok=True)
    assert load(folder).tokenizer("a red ball").input_ids == ids


def test_the_source_of_a_file_is_no_folder(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer")
    assert not CheckpointSource("x", tmp_path / "x.safetensors").is_folder
