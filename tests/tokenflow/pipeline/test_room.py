from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tokenflow.diffusion.model import Model
from tokenflow.pipeline.room import PARTS, Room

# A device that holds no numbers, so that every machine has it.
DEVICE = torch.device("meta")


class Part:
    """A part of a checkpoint, of which only the place matters."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")

    def to(self, device: torch.device | str) -> None:
        self.device = torch.device(device)


@pytest.fixture
def model() -> Model:
    unet, vae, text_encoder = Part(), Part(), Part()
    return Model(unet, vae, text_encoder, None, None)


def places(model: Model) -> dict[str, str]:
    return {part: getattr(model, part).device.type for part in PARTS}


def fits(most: int, model: Model, alone: str | None = None) -> Callable[[int], int]:
    """Return work that runs out of memory with more frames, or with other parts beside it."""

    def work(frames: int) -> int:
        beside = [part for part, place in places(model).items() if place != "cpu"]
        if frames > most or (alone and beside != [alone]):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return frames

    return work


def test_everything_is_on_the_device_while_there_is_room(model: Model) -> None:
    room = Room(DEVICE, lambda said: pytest.fail(said))
    assert room.fitting(model, "unet", 8, fits(8, model)) == 8
    assert set(places(model).values()) == {"meta"}


def test_batches_get_smaller_until_they_fit(model: Model) -> None:
    said: list[str] = []
    assert Room(DEVICE, said.append).fitting(model, "unet", 8, fits(2, model)) == 2
    assert [text.rpartition("with ")[2] for text in said] == [
        "4 frames at once",
        "2 frames at once",
    ]


def test_then_the_parts_that_are_not_needed_leave_the_device(model: Model) -> None:
    said: list[str] = []
    assert Room(DEVICE, said.append).fitting(model, "unet", 2, fits(1, model, alone="unet")) == 1
    assert places(model) == {"unet": "meta", "vae": "cpu", "text_encoder": "cpu"}
    assert "waits in the host's memory" in said[-1]


def test_they_come_back_for_their_own_work(model: Model) -> None:
    room = Room(DEVICE, lambda said: None)
    room.fitting(model, "unet", 1, fits(1, model, alone="unet"))
    room.fitting(model, "vae", 1, fits(1, model, alone="vae"))
    assert places(model) == {"unet": "cpu", "vae": "meta", "text_encoder": "cpu"}
    room.fitting(model, "unet", 1, fits(1, model))
    assert set(places(model).values()) == {"meta"}


def test_after_every_fallback_the_error_stands(model: Model) -> None:
    said: list[str] = []
    with pytest.raises(torch.OutOfMemoryError):
        Room(DEVICE, said.append).fitting(model, "unet", 2, fits(0, model))
    assert len(said) == 2


def test_on_the_cpu_host_and_device_are_one(model: Model) -> None:
    said: list[str] = []
    with pytest.raises(torch.OutOfMemoryError):
        Room(torch.device("cpu"), said.append).fitting(model, "unet", 1, fits(0, model))
    assert said == []


def test_other_errors_are_not_taken_for_too_little_memory(model: Model) -> None:
    def work(frames: int) -> int:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        Room(DEVICE, lambda said: pytest.fail(said)).fitting(model, "unet", 8, work)
