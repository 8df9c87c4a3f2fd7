"""The device that a job runs on."""

from __future__ import annotations

import os

import torch

from tokenflow.errors import DeviceUnavailable

DEVICES = ("cpu", "cuda", "mps")


def find_device(name: str) -> torch.device:
    """Find the device that a run option means; `auto` is the best one here."""
    # Read once, at the first product on a GPU: torch asks for it where bits must be the same.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in DEVICES:
            raise RuntimeError("a device that computes nothing we need")
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise _no_device(name) from error
    return device


def device_kind(name: str) -> str:
    """Name the kind of device that a run option means: cpu, cuda or mps.

    The device itself may be another machine's, as for a plan that is made where a job is submitted.
    """
    if name == "auto":
        return find_device(name).type
    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        raise _no_device(name) from error
    if kind not in DEVICES:
        raise _no_device(name)
    return kind


def _no_device(name: str) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"there is no device {name!r} on this machine",
        hint="Use cpu, or leave --device out: then it is the best there is.",
    )


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an error means too little memory; only CUDA has a type of its own for it."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "out of memory" in text
    )
