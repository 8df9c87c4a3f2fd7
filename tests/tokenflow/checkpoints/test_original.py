from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tokenflow.checkpoints.source import resolve
from tokenflow.checkpoints.verify import CheckpointInfo, verify
from tokenflow.errors import CheckpointMissing, CheckpointRejected

Write = Callable[..., Path]


def check(path: Path) -> CheckpointInfo:
    return verify(resolve(str(path)))


def test_sd1_files_predict_noise(single_file: Write) -> None:
    assert check(single_file("sd1")).prediction_type == "epsilon"


def test_sd2_files_that_do_not_say_what_they_predict_are_refused(single_file: Write) -> None:
    with pytest.raises(CheckpointRejected, match="noise or velocity") as caught:
        check(single_file("sd2"))
    assert "sd2.tokenflow.json" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "prediction"),
    [("v", "v_prediction"), ("epsilon", "epsilon")],
)
def test_the_files_own_metadata_says_what_it_predicts(
    single_file: Write, said: str, prediction: str
) -> None:
    path = single_file("sd2", metadata={"modelspec.prediction_type": said})
    assert check(path).prediction_type == prediction


def test_a_key_of_its_own_marks_velocity(single_file: Write) -> None:
    path = single_file("sd1", extra={"v_pred": torch.zeros(1)})
    assert check(path).prediction_type == "v_prediction"


@pytest.mark.parametrize(
    ("recipe", "prediction"),
    [
        ('model:\n  params:\n    parameterization: "v"\n', "v_prediction"),
        ("model:\n  params:\n    linear_start: 0.00085\n", "epsilon"),
    ],
)
def test_the_recipe_beside_the_file_says_what_it_predicts(
    single_file: Write, recipe: str, prediction: str
) -> None:
    path = single_file("sd2")
    path.with_suffix(".yaml").write_text(recipe)
    assert check(path).prediction_type == prediction


def test_the_notes_beside_the_file_come_before_everything_else(single_file: Write) -> None:
    path = single_file("sd2", metadata={"modelspec.prediction_type": "v"})
    notes = {"prediction_type": "epsilon", "native_size": [512, 320]}
    path.with_name("sd2.tokenflow.json").write_text(json.dumps(notes))
    info = check(path)
    assert (info.prediction_type, info.native_area) == ("epsilon", 512 * 320)


def test_sd2_velocity_models_work_at_their_own_size(single_file: Write) -> None:
    info = check(single_file("sd2", metadata={"modelspec.prediction_type": "v"}))
    assert info.native_area == (96 * info.vae_scale) ** 2


def test_a_single_file_without_a_tokenizer_says_what_to_put_where(single_file: Write) -> None:
    with pytest.raises(CheckpointMissing, match=r"vocab\.json and merges\.txt .* into .*tokenizer"):
        check(single_file("sd1", tokenizer=False))


@pytest.mark.parametrize(
    ("without", "named"),
    [
        ("model.diffusion_model.", "model.diffusion_model"),
        ("first_stage_model.", "first_stage_model"),
        ("cond_stage_model.", "cond_stage_model"),
        ("input_blocks.0.0.weight", "input_blocks.0.0.weight"),
        ("middle_block.1.proj_in.weight", "mid_block.attentions.0.proj_in.weight"),
        ("decoder.conv_out.bias", "decoder.conv_out.bias"),
        ("text_model.final_layer_norm.weight", "final_layer_norm.weight"),
    ],
)
def test_what_a_single_file_lacks_is_named(single_file: Write, without: str, named: str) -> None:
    with pytest.raises((CheckpointRejected, CheckpointMissing), match=named):
        check(single_file("sd1", without=without))


def test_an_sdxl_file_is_refused_by_name(single_file: Write) -> None:
    extra = {"model.diffusion_model.label_emb.0.0.weight": torch.zeros(4, 4)}
    with pytest.raises(CheckpointRejected, match="SDXL"):
        check(single_file("sd1", extra=extra))


def test_an_inpainting_file_is_refused_by_name(single_file: Write) -> None:
    extra = {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(32, 9, 3, 3)}
    with pytest.raises(CheckpointRejected, match="inpainting"):
        check(single_file("sd1", extra=extra))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "lora.safetensors"
    save_file({"lora_unet_down.weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointRejected, match="Stable Diffusion 1.x or 2.x"):
        check(path)


def test_a_damaged_file_is_refused(single_file: Write) -> None:
    path = single_file("sd1")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointRejected, match="damaged"):
        check(path)
