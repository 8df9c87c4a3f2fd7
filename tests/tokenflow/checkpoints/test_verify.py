from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tokenflow.checkpoints.source import resolve
from tokenflow.checkpoints.verify import CheckpointInfo, verify
from tokenflow.errors import CheckpointDamaged, CheckpointMissing, CheckpointRejected

UNET = "unet/diffusion_pytorch_model.safetensors"

FILES = [
    "unet/config.json",
    UNET,
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "scheduler/scheduler_config.json",
]


def check(path: Path) -> CheckpointInfo:
    return verify(resolve(str(path)))


def change_weights(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(path)
    change(tensors)
    path.unlink()
    save_file(tensors, path)


def test_a_good_checkpoint_passes_and_says_what_it_is(folder: Path) -> None:
    info = check(folder)
    assert (info.prediction_type, info.latent_channels, info.vae_scale) == ("epsilon", 4, 4)
    assert info.native_area == 256 * 256  # 64 latents of 4 pixels
    assert info.parameters > 100_000


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointMissing) as caught:
        check(folder)
    assert caught.value.exit_code == 78
    assert f"{name} is missing" in str(caught.value)


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / UNET).unlink()
    index = {"weight_map": {"conv_in.weight": "diffusion_pytorch_model-00001.safetensors"}}
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(
        json.dumps(index)
    )
    with pytest.raises(CheckpointMissing, match="unet/diffusion_pytorch_model-00001.* is missing"):
        check(folder)


@pytest.mark.parametrize(
    ("component", "name"),
    [
        ("unet", "diffusion_pytorch_model.bin"),
        ("vae", "diffusion_pytorch_model.ckpt"),
        ("text_encoder", "pytorch_model.bin"),
    ],
)
def test_a_folder_with_pickles_only_is_refused_with_the_reason(
    folder: Path, component: str, name: str
) -> None:
    for path in (folder / component).glob("*.safetensors"):
        path.rename(path.with_name(name))
    with pytest.raises(CheckpointRejected, match=f"{name} is a pickle, which can run any program"):
        check(folder)


def test_a_pickle_beside_safetensors_does_no_harm(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert check(folder).latent_channels == 4


def test_weights_that_are_cut_off_are_refused(folder: Path) -> None:
    data = (folder / UNET).read_bytes()
    (folder / UNET).write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointRejected, match="damaged or is not a safetensors file") as caught:
        check(folder)
    assert UNET in str(caught.value)


def test_weights_of_another_format_are_refused(folder: Path) -> None:
    (folder / UNET).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CheckpointRejected, match="damaged or is not a safetensors file"):
        check(folder)


def test_a_missing_key_is_named(folder: Path) -> None:
    change_weights(folder / UNET, lambda tensors: tensors.pop("conv_in.weight"))
    with pytest.raises(CheckpointRejected, match="weights of unet lack the key conv_in.weight"):
        check(folder)


def test_missing_text_weights_are_named(folder: Path) -> None:
    path = folder / "text_encoder" / "model.safetensors"
    change_weights(path, lambda tensors: tensors.pop(next(k for k in tensors if "fc1" in k)))
    with pytest.raises(CheckpointRejected, match="weights of text_encoder lack the key"):
        check(folder)


def test_a_key_of_another_model_is_named(folder: Path) -> None:
    change_weights(folder / UNET, lambda tensors: tensors.update({"motion.weight": torch.zeros(2)}))
    with pytest.raises(CheckpointRejected, match="weights of unet hold the key motion.weight"):
        check(folder)


def test_a_wrong_shape_is_named_with_both_sizes(folder: Path) -> None:
    change_weights(folder / UNET, lambda tensors: tensors.update({"conv_in.bias": torch.zeros(7)}))
    with pytest.raises(
        CheckpointRejected, match="unet: conv_in.bias has the shape 7, and .* needs 32"
    ):
        check(folder)


def test_quantised_weights_are_refused(folder: Path) -> None:
    change_weights(
        folder / UNET,
        lambda tensors: tensors.update(
            {"conv_in.weight": tensors["conv_in.weight"].to(torch.int8)}
        ),
    )
    with pytest.raises(CheckpointRejected, match="conv_in.weight is stored as I8"):
        check(folder)


@pytest.mark.parametrize(
    ("file", "keys", "message"),
    [
        ("unet/config.json", {"in_channels": 9}, "takes 9 channels .an inpainting model."),
        ("unet/config.json", {"in_channels": 5}, "takes 5 channels .a depth model."),
        ("unet/config.json", {"in_channels": 6}, "takes 6 channels, and the autoencoder gives 4"),
        ("unet/config.json", {"out_channels": 8}, "the UNet gives 8 channels"),
        ("unet/config.json", {"cross_attention_dim": 768}, "gives 64 channels, .* takes 768"),
        ("unet/config.json", {"only_cross_attention": True}, "no self-attention"),
        ("unet/config.json", {"only_cross_attention": [False, True]}, "no self-attention"),
        ("unet/config.json", {"up_block_types": ["UpBlock2D"] * 2}, "no attention on its way up"),
        ("unet/config.json", {"addition_embed_type": "text_time"}, "addition_embed_type .SDXL"),
        ("unet/config.json", {"time_cond_proj_dim": 256}, "distilled consistency models"),
        ("unet/config.json", {"_class_name": "SanaModel"}, "the unet is a SanaModel"),
        (
            "unet/config.json",
            {"down_block_types": ["AttnDownBlock2D", "DownBlock2D"]},
            "the UNet has a AttnDownBlock2D",
        ),
        ("unet/config.json", {"block_out_channels": "many"}, "does not describe a model"),
        ("vae/config.json", {"_class_name": "AsymmetricAutoencoderKL"}, "the vae is a Asymmetric"),
        ("vae/config.json", {"latent_channels": 16}, "and the autoencoder gives 16"),
        ("vae/config.json", {"shift_factor": 0.1}, "shifts its latents"),
        ("text_encoder/config.json", {"model_type": "t5"}, "the text_encoder is a t5"),
        ("text_encoder/config.json", {"vocab_size": 10}, "the tokenizer knows 192 tokens"),
        ("model_index.json", {"text_encoder_2": ["a", "b"]}, "two text encoders"),
        ("scheduler/scheduler_config.json", {"prediction_type": "sample"}, "predicts 'sample'"),
        ("scheduler/scheduler_config.json", {"beta_schedule": None}, "beta_schedule None"),
    ],
)
def test_a_model_that_does_not_fit_the_engine_is_refused_with_the_reason(
    folder: Path,
    edit_config: Callable[..., None],
    file: str,
    keys: dict[str, object],
    message: str,
) -> None:
    edit_config(file, **keys)
    with pytest.raises(CheckpointRejected, match=message) as caught:
        check(folder)
    assert caught.value.exit_code == 65


@pytest.mark.parametrize("content", ["", "{", "[]", '"x"'])
def test_a_broken_configuration_is_named(folder: Path, content: str) -> None:
    (folder / "vae" / "config.json").write_text(content)
    with pytest.raises(CheckpointRejected, match=r"config\.json is not .*vae/config\.json"):
        check(folder)


def test_a_broken_vocabulary_is_named(folder: Path) -> None:
    (folder / "tokenizer" / "vocab.json").write_text("{")
    with pytest.raises(CheckpointRejected, match="tokenizer/vocab.json is not readable"):
        check(folder)


def test_the_hash_is_that_of_sha256sum_over_the_files(folder: Path) -> None:
    names = "\n".join(sorted(check(folder).files))
    printed = subprocess.run(
        ["xargs", "sha256sum"], cwd=folder, input=names, capture_output=True, text=True, check=True
    ).stdout
    assert check(folder).sha256 == hashlib.sha256(printed.encode()).hexdigest()


def test_the_hash_of_a_single_file_is_the_files_own(single_file: Callable[..., Path]) -> None:
    path = single_file("sd1")
    assert check(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("json")])
def test_the_hash_changes_with_any_file_that_the_model_is_made_of(folder: Path, name: str) -> None:
    before = check(folder).sha256
    (folder / name).write_text((folder / name).read_text() + "\n")
    assert check(folder).sha256 != before


def test_the_hash_does_not_change_with_where_the_checkpoint_lies(
    folder: Path, tmp_path: Path
) -> None:
    before = check(folder).sha256
    assert check(folder.rename(tmp_path / "moved")).sha256 == before


def test_matching_checksums_pass(folder: Path) -> None:
    (folder / "checksums.json").write_text(json.dumps(dict(check(folder).files)))
    assert check(folder).latent_channels == 4


def test_a_wrong_checksum_is_named(folder: Path) -> None:
    (folder / "checksums.json").write_text(json.dumps({UNET: "0" * 64}))
    with pytest.raises(CheckpointDamaged, match=f"{UNET} differs from its checksum") as caught:
        check(folder)
    assert caught.value.exit_code == 78


def test_a_checksum_without_its_file_is_named(folder: Path) -> None:
    (folder / "checksums.json").write_text(json.dumps({"gone.txt": "0" * 64}))
    with pytest.raises(CheckpointMissing, match=r"gone\.txt is missing"):
        check(folder)
