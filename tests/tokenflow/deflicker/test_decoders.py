"""Decoders that see time or the plate: windows, cuts of the shot, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AsymmetricAutoencoderKL, AutoencoderKLTemporalDecoder

from ocio.exr import read_frame
from tests.tokenflow.frames import changed, exr_files
from tests.tokenflow.program import Ran
from tokenflow.checkpoints.decoder import load_decoder, verify_decoder
from tokenflow.checkpoints.source import resolve
from tokenflow.deflicker.decoders import decode_beside_plate, decode_windows, windows
from tokenflow.errors import CheckpointDamaged

SHOT = range(1001, 1031)


def _temporal(**options: Any) -> Any:
    torch.manual_seed(5)
    return AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 4,
        # The temporal decoder norms over groups of 32.
        block_out_channels=(32, 32, 32, 32),
        **options,
    )


def _asymmetric() -> Any:
    torch.manual_seed(6)
    return AsymmetricAutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        down_block_out_channels=(8, 8, 8, 8),
        up_block_types=("UpDecoderBlock2D",) * 4,
        up_block_out_channels=(8, 8, 8, 8),
        layers_per_up_block=1,
        norm_num_groups=4,
    )


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random decoders of each kind, and a temporal one of another latent space."""
    folder = tmp_path_factory.mktemp("decoders")
    made = {
        "temporal": _temporal(),
        "asymmetric": _asymmetric(),
        "other space": _temporal(scaling_factor=0.13025),
    }
    for name, decoder in made.items():
        decoder.save_pretrained(folder / name)
    return {name: folder / name for name in made}


def latents(frames: Any) -> torch.Tensor:
    return torch.stack(
        [torch.randn(4, 3, 4, generator=torch.Generator().manual_seed(f)) for f in frames]
    )


def test_windows_lie_at_the_same_frames_whatever_the_shots_range() -> None:
    whole = {window.frames for window in windows(SHOT)}
    later = {window.frames for window in windows(range(1009, 1031))}
    assert len(whole & later) == 1
    assert all(window.frames[0] % 12 == 0 for window in windows(SHOT)[1:])


def test_the_weights_of_a_frame_add_up_to_one() -> None:
    for shot in (SHOT, range(-9, 20), [1001, 1003, 1040]):
        totals = dict.fromkeys(shot, 0.0)
        for window in windows(shot):
            for frame, weight in zip(window.frames, window.weights, strict=True):
                totals[frame] += weight
        assert list(totals.values()) == pytest.approx([1.0] * len(totals))


def test_the_temporal_decoder_is_not_the_same_for_another_cut() -> None:
    decoder = _temporal().eval()
    with torch.inference_mode():
        together = decoder.decode(latents(range(4)), num_frames=4).sample
        apart = decoder.decode(latents(range(2)), num_frames=2).sample
    assert (together[:2] - apart).abs().max() > 1e-3


def test_windows_give_every_frame_once_in_order_and_read_a_bounded_stretch() -> None:
    decoder = _temporal().eval()
    asked: list[int] = []

    def read(frames: Any) -> torch.Tensor:
        asked.append(len(frames))
        return latents(frames)

    found = [frame for frame, _ in decode_windows(decoder, read, SHOT)]
    assert found == list(SHOT) and max(asked) == 16


def test_beside_the_plate_what_the_matte_leaves_comes_from_the_plate() -> None:
    decoder = _asymmetric().eval()
    plate = np.random.default_rng(1).random((24, 32, 3), dtype=np.float32)
    matte = np.zeros((24, 32), np.float32)
    one, other = latents([1, 2])
    nothing = [decode_beside_plate(decoder, latent, plate, matte) for latent in (one, other)]
    everything = [decode_beside_plate(decoder, latent, plate, matte + 1) for latent in (one, other)]
    assert np.array_equal(nothing[0], nothing[1])
    assert not np.array_equal(everything[0], everything[1])
    assert not np.array_equal(nothing[0], decode_beside_plate(decoder, one, plate * 0.5, matte))


@pytest.mark.parametrize(
    ("kind", "folder", "said"),
    [
        ("temporal", "asymmetric", "and AutoencoderKLTemporalDecoder is needed"),
        ("temporal", "other space", "scaling factor 0.13025 against 0.18215"),
        ("asymmetric", "nowhere", "no such folder"),
    ],
)
def test_a_decoder_that_does_not_fit_is_refused_by_name(
    edit: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    folders: dict[str, Path],
    kind: str,
    folder: str,
    said: str,
) -> None:
    given = ("--decoder", kind, "--decoder-checkpoint", folders.get(folder, tmp_path / folder))
    ran = edit(demo_plate, tmp_path / "out", *given)
    assert ran.code in (65, 78) and said in ran.error


def test_a_decoder_that_differs_from_its_checksum_is_damaged(
    folders: dict[str, Path], tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["temporal"], tmp_path / "decoder")
    (folder / "checksums.json").write_text(json.dumps({"config.json": "0" * 64}))
    with pytest.raises(CheckpointDamaged, match=r"config\.json differs from its checksum"):
        verify_decoder("temporal", folder, resolve(str(tiny_checkpoint)))


def test_another_decoder_without_its_folder_is_wrong_usage(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path
) -> None:
    ran = edit(demo_plate, tmp_path / "out", "--decoder", "temporal")
    assert ran.code == 2 and "do not go together" in ran.err.replace("\n", " ")


def test_weights_come_back_from_disk_as_they_were(
    folders: dict[str, Path], tiny_checkpoint: Path
) -> None:
    info = verify_decoder("asymmetric", folders["asymmetric"], resolve(str(tiny_checkpoint)))
    loaded, made = load_decoder(info, "cpu").state_dict(), _asymmetric().state_dict()
    assert loaded.keys() == made.keys()
    assert all(torch.equal(loaded[key], made[key]) for key in made)


@pytest.mark.parametrize("kind", ["temporal", "asymmetric"])
def test_an_edit_is_decoded_by_the_other_decoder_and_outside_the_matte_nothing_changes(
    edit: Callable[..., Ran],
    demo_plate: Path,
    tmp_path: Path,
    folders: dict[str, Path],
    kind: str,
) -> None:
    options = ("--matte", ":matte.a", "--frames", "1001-1003")
    given = ("--decoder", kind, "--decoder-checkpoint", folders[kind])
    assert edit(demo_plate, tmp_path / "own", *options).code == 0
    ran = edit(demo_plate, tmp_path / "other", *options, *given)
    assert ran.code == 0, ran.err
    assert exr_files(tmp_path / "own").keys() == exr_files(tmp_path / "other").keys()
    for number in range(1001, 1004):
        name = f"plate.{number}.exr"
        assert changed(tmp_path / "own" / name, tmp_path / "other" / name)
        outside = read_frame(demo_plate / name).parts[0].channels["matte.a"] == 0
        where = np.any([*changed(demo_plate / name, tmp_path / "other" / name).values()], axis=0)
        assert not where[outside].any()


def test_an_edit_that_changes_nothing_returns_the_plate_whatever_decodes_it(
    edit: Callable[..., Ran], demo_plate: Path, tmp_path: Path, folders: dict[str, Path]
) -> None:
    given = ("--decoder", "temporal", "--decoder-checkpoint", folders["temporal"])
    assert edit(demo_plate, tmp_path, "--method", "passthrough", *given).code == 0
    for path in demo_plate.glob("*.exr"):
        assert changed(path, tmp_path / path.name) == {}
