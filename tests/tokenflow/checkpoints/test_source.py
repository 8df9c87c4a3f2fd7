from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tokenflow.checkpoints import source
from tokenflow.checkpoints.hub import wanted_files
from tokenflow.checkpoints.source import list_checkpoints, resolve
from tokenflow.errors import CheckpointMissing, CheckpointRejected

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, pristine_folder: Path) -> Path:
    """A hub cache that holds one checkpoint, ``someone/tiny``."""
    repository = tmp_path / "hub" / "models--someone--tiny"
    shutil.copytree(pristine_folder, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "blobs").mkdir()
    return repository.parent


def test_a_diffusers_folder_is_found(folder: Path) -> None:
    found = resolve(str(folder))
    assert (found.path, found.is_folder) == (folder, True)


def test_a_home_folder_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert resolve("~/tiny").path == folder


def test_a_single_file_is_found(single_file: Callable[..., Path]) -> None:
    path = single_file("sd1")
    assert (resolve(str(path)).path, resolve(str(path)).is_folder) == (path, False)


def test_a_hub_id_is_found_in_the_local_cache(cache: Path) -> None:
    found = resolve("someone/tiny", cache=cache)
    assert found.name == "someone/tiny"
    assert (found.path / "model_index.json").is_file()


def test_a_hub_id_that_the_cache_lacks_is_missing_and_not_fetched(cache: Path) -> None:
    with pytest.raises(CheckpointMissing, match="someone/else is not, or not whole, in this"):
        resolve("someone/else", cache=cache)


def test_a_hub_that_cannot_be_reached_is_one_line(cache: Path) -> None:
    with pytest.raises(CheckpointMissing) as caught:
        resolve("someone/else", fetch=True, cache=cache)
    assert "someone/else cannot be downloaded" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "nothing", "./nothing/here", "a/b/c", "no/such.safetensors"])
def test_a_name_that_leads_nowhere_is_missing(name: str, tmp_path: Path) -> None:
    if name == "":
        name = str(tmp_path / "gone")
    with pytest.raises(CheckpointMissing) as caught:
        resolve(name)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt", ".pth", ".CKPT"])
def test_a_pickle_is_refused_with_the_reason(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"\x80\x04.")
    with pytest.raises(CheckpointRejected, match="can run any program when it is opened") as caught:
        resolve(str(path))
    assert caught.value.exit_code == 65
    assert path.name in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"x")
    with pytest.raises(CheckpointRejected, match="not a .safetensors file"):
        resolve(str(path))


def test_a_folder_of_another_kind_is_refused_and_names_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(CheckpointRejected, match=r"no model_index.json.*model\.safetensors"):
        resolve(str(tmp_path))


def test_the_bundled_checkpoint_goes_by_the_name_of_demo(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "DEMO_FOLDER", folder)
    assert resolve("demo").path == folder


def test_an_installation_without_the_bundled_checkpoint_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "DEMO_FOLDER", tmp_path / "gone")
    with pytest.raises(CheckpointMissing):
        resolve("demo")


def test_the_list_holds_the_bundled_checkpoint_and_the_hubs_cache(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "DEMO_FOLDER", folder)
    assert [each.name for each in list_checkpoints(cache)] == ["demo", "someone/tiny"]


def test_the_list_is_empty_where_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "DEMO_FOLDER", tmp_path / "gone")
    assert list_checkpoints(tmp_path / "no-cache") == []


def test_only_what_the_engine_reads_is_downloaded() -> None:
    names = [
        "README.md",
        "model_index.json",
        "safety_checker/model.safetensors",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.fp16.safetensors",
        "v1-5-pruned.safetensors",
    ]
    assert wanted_files(names) == [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.fp16.safetensors",
    ]


def test_a_cached_download_that_was_cut_short_is_missing_files_and_says_which(
    cache: Path,
) -> None:
    from tokenflow.checkpoints.verify import verify

    snapshot = cache / "models--someone--tiny" / "snapshots" / COMMIT
    (snapshot / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(CheckpointMissing, match="vae/diffusion_pytorch_model.safetensors"):
        verify(resolve("someone/tiny", cache=cache))


def test_a_folder_may_do_without_a_pipeline_description(folder: Path) -> None:
    from tokenflow.checkpoints.verify import verify

    (folder / "model_index.json").unlink()
    assert json.loads((folder / "unet" / "config.json").read_text())
    assert verify(resolve(str(folder))).latent_channels == 4
