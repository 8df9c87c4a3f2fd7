"""Motion of the plate by RAFT, a network whose weights the user gives."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tokenflow.deflicker.flow import FlowPair, PlateAt, centred
from tokenflow.deflicker.raft_network import SMALLEST, STEP, Raft


class RaftFlow:
    """RAFT on the plate in stops minus their median, as every estimated flow sees it.

    Both ways of a pair are asked together, so the bits depend on its two frames alone.

    Parameters
    ----------
    network
        With weights, on the device it is to run on.
    weights
        Their name, for the manifest.
    device
        Where the weights are.
    """

    def __init__(self, network: Raft, weights: str, device: torch.device | str) -> None:
        self._network, self._weights, self._device = network, weights, torch.device(device)

    @property
    def name(self) -> str:
        """Method, weights and version: other devices may round otherwise."""
        return raft_name(self._weights, self._device.type)

    def pair(self, first: int, second: int, plate: PlateAt) -> FlowPair:
        """Return the motion between two frames."""
        stops = np.stack([centred(plate(frame)) for frame in (first, second)])
        height, width = stops.shape[1:3]
        pictures = torch.from_numpy(stops).permute(0, 3, 1, 2).to(self._device)
        padded = _padded(pictures)
        found = self._network(padded, padded.flip(0))
        motion = found[..., :height, :width].permute(0, 2, 3, 1).cpu().numpy()
        forward, backward = (np.ascontiguousarray(one, dtype=np.float32) for one in motion)
        return FlowPair(forward, backward)


def raft_name(weights: str, device_kind: str) -> str:
    """Return what names motion by these weights."""
    return f"{weights} torch-{torch.__version__} {device_kind}"


def _padded(pictures: Tensor) -> Tensor:
    """Repeat the right and lower edge up to sides that the network takes."""
    height, width = pictures.shape[-2:]
    below, right = (max(SMALLEST, -(-side // STEP) * STEP) - side for side in (height, width))
    return functional.pad(pictures, (0, right, 0, below), mode="replicate")
