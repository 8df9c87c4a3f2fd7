"""Tensors that wait outside the device's memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tokenflow.diffusion import host_memory
from tokenflow.diffusion.host_memory import HostMemory
from tokenflow.errors import WorkspaceUnusable

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_what_was_put_comes_back(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = torch.randn(3, 5, 2).to(dtype)
    with HostMemory(tmp_path, CPU) as memory:
        waiting = memory.put("a", tensor)
        assert waiting.data_ptr() != tensor.data_ptr()
        assert memory.fetch(waiting).equal(tensor)


def test_a_name_is_one_buffer(tmp_path: Path) -> None:
    with HostMemory(tmp_path, CPU) as memory:
        first = memory.put("a", torch.zeros(10))
        assert memory.put("a", torch.ones(2, 3)).data_ptr() == first.data_ptr()
        larger = memory.put("a", torch.ones(99))
        assert memory.put("b", torch.zeros(99)).data_ptr() != larger.data_ptr()
        assert float(larger.sum()) == 99


def test_its_files_are_gone_when_it_closes(tmp_path: Path) -> None:
    with HostMemory(tmp_path, CPU) as memory:
        memory.put("a", torch.zeros(10))
        assert list(tmp_path.rglob("*"))
    assert not list(tmp_path.rglob("*"))


def test_a_full_disk_is_an_error_and_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(host_memory, "reserve", full)
    with (
        HostMemory(tmp_path, CPU) as memory,
        pytest.raises(WorkspaceUnusable, match="No space left"),
    ):
        memory.put("a", torch.zeros(10))


def test_reserved_bytes_are_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        host_memory.reserve(file.fileno(), 1 << 16)
    assert path.stat().st_blocks * 512 >= 1 << 16
