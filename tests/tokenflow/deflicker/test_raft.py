"""Motion by RAFT: its weights, its network, its signs and units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.tokenflow.deflicker.raft_weights import raft_weights
from tests.tokenflow.deflicker.shots import HEIGHT, WIDTH, Float32, texture
from tokenflow.checkpoints.flow import load_raft, verify_raft
from tokenflow.deflicker.raft import RaftFlow
from tokenflow.deflicker.raft_network import UPDATES, Raft
from tokenflow.errors import CheckpointMissing, CheckpointRejected

PLACES = ([3, 64, 120], [5, 80, 150])
RECORDED = {
    False: [11.593, 7.1817, 26.1009, 20.3072, 28.6373, 3.9679],
    True: [14.4616, 32.4417, -12.2254, 20.4261, 10.9471, -1.4904],
}
"""What torchvision 0.28.0 makes of the same weights and pictures, at three places: x, then y."""


def plate(number: int) -> Float32:
    """Return a texture that moves, in stops."""
    return np.roll(texture(), 2 * number, axis=1)


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_the_network_gives_what_torchvisions_gives(large: bool) -> None:
    pictures = torch.rand(2, 1, 3, 128, 160, generator=torch.Generator().manual_seed(7)) * 2 - 1
    motion = Raft(raft_weights(large))(*pictures)
    found = motion[0][:, PLACES[0], PLACES[1]].flatten()
    np.testing.assert_allclose(found, RECORDED[large], atol=2e-3)


def test_motion_is_in_pixels_of_the_plate_x_before_y() -> None:
    """A network whose every refinement adds the same: an eighth of a pixel right, half up."""
    weights = {name: torch.zeros_like(one) for name, one in raft_weights(False).items()}
    step = torch.tensor([1.0, -4.0]) / UPDATES / 8
    weights["update_block.flow_head.conv2.bias"] = step
    pair = RaftFlow(Raft(weights), "constant", "cpu").pair(1, 2, plate)
    for motion in pair:
        assert motion.shape == (HEIGHT, WIDTH, 2)
        np.testing.assert_allclose(motion, np.broadcast_to((1, -4), motion.shape), atol=1e-4)


def test_forward_leads_from_the_first_frame_to_the_second() -> None:
    network = Raft(raft_weights(False))
    asked = []

    def noting(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        asked.append((first, second))
        return network(first, second)

    pair = RaftFlow(noting, "random", "cpu").pair(1, 2, plate)  # type: ignore[arg-type]
    ((first, second),) = asked
    assert torch.equal(first[0], second[1]) and torch.equal(first[1], second[0])
    assert not torch.equal(first[0], first[1])
    seen = first[0, :, :HEIGHT, :WIDTH].permute(1, 2, 0).numpy()
    stops = plate(1) - np.median(plate(1).mean(-1))
    np.testing.assert_allclose(seen, np.clip(stops / 5, -1, 1), atol=1e-6)
    alone = network(first[:1], second[:1])[0].permute(1, 2, 0)[:HEIGHT, :WIDTH]
    np.testing.assert_allclose(pair.forward, alone, atol=1e-2)


def test_a_flash_does_not_change_what_the_network_sees() -> None:
    flow = RaftFlow(Raft(raft_weights(False)), "random", "cpu")
    calm = flow.pair(1, 2, plate)
    bright = flow.pair(1, 2, lambda n: plate(n) + np.float32(0.5 if n == 2 else 0))
    np.testing.assert_allclose(calm.forward, bright.forward, atol=1e-2)


def test_weights_are_told_by_their_hash_and_size(tmp_path: Path) -> None:
    names = set()
    for large in (False, True):
        path = tmp_path / "raft.safetensors"
        save_file(raft_weights(large), path)
        info = verify_raft(path)
        assert info.kind == ("raft-large" if large else "raft-small")
        assert load_raft(info, "cpu").large is large
        names.add(info.name)
    assert len(names) == 2


def test_weights_that_are_none_of_rafts_are_refused(tmp_path: Path) -> None:
    weights = raft_weights(False)
    path = tmp_path / "raft.safetensors"
    save_file({name: one for name, one in weights.items() if "flow_head" not in name}, path)
    with pytest.raises(CheckpointRejected, match="lack 'update_block.flow_head.conv1.weight'"):
        verify_raft(path)
    save_file(weights | {"feature_encoder.conv.weight": torch.zeros(128, 95, 1, 1)}, path)
    with pytest.raises(CheckpointRejected, match="do not fit together"):
        verify_raft(path)


def test_a_pickle_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "raft_small.pth").write_bytes(b"anything")
    with pytest.raises(CheckpointRejected, match="is a pickle"):
        verify_raft(tmp_path / "raft_small.pth")
    with pytest.raises(CheckpointMissing):
        verify_raft(tmp_path / "raft.safetensors")
