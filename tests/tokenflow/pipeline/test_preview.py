from __future__ import annotations

import base64
import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.random_model import random_model
from tests.tokenflow.frames import exr_files
from tests.tokenflow.service.work import quick_job
from tokenflow.diffusion.latents import CLEAN, LatentStack, Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.events import Event, Preview
from tokenflow.job import RunOptions
from tokenflow.pipeline import run_job
from tokenflow.pipeline.preview import WIDTH, Previews, clean_latent, small_png

LEVELS = (801, 601, 401, 201, 1, CLEAN)
FRAMES = (1001, 1002, 1003)
SHAPE = (4, 8, 8)


@pytest.fixture(scope="module")
def model() -> Model:
    return random_model()


@pytest.fixture
def levels(tmp_path: Path) -> Trajectory:
    return Trajectory(tmp_path / "edit", LEVELS, FRAMES, SHAPE)


def add_noise(model: Model, level: int, clean: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    mu, sigma = model.schedule.signal_and_noise(level)
    return mu * clean + sigma * noise


def write(stack: LatentStack, latents: torch.Tensor) -> None:
    stack.write(FRAMES, latents)
    stack.finish()


def test_the_clean_latent_is_found_between_two_levels(model: Model, levels: Trajectory) -> None:
    draw = torch.Generator().manual_seed(1)
    clean, noise = (torch.randn(3, *SHAPE, generator=draw) for _ in range(2))
    for level in LEVELS:
        write(levels.at(level), add_noise(model, level, clean, noise))
    for step in range(1, len(LEVELS)):
        found = clean_latent(model.schedule, levels, step, 1002)
        assert torch.allclose(found, clean[1], atol=1e-4)


def test_a_preview_is_shown_of_the_middle_frame_when_there_is_time_and_something_new(
    model: Model, levels: Trajectory
) -> None:
    now, seen = 0.0, list[Event]()
    previews = Previews(model, levels, seen.append, every=2.0, share=1.0, clock=lambda: now)
    for level in LEVELS[:2]:
        write(levels.at(level), torch.zeros(3, *SHAPE))
    now = 1.9
    previews.look()
    assert seen == []
    now = 2.0
    previews.look()
    assert [(e.frame, e.step, e.steps) for e in seen if isinstance(e, Preview)] == [(1002, 1, 5)]
    now = 9.0
    previews.look()
    assert len(seen) == 1
    write(levels.at(LEVELS[2]), torch.zeros(3, *SHAPE))
    previews.look()
    assert len(seen) == 2


def test_previews_take_no_more_than_their_share_of_the_time(
    model: Model, levels: Trajectory
) -> None:
    now, seen = 0.0, list[float]()

    def one_second_each(event: Event) -> None:
        nonlocal now
        now += 1.0
        seen.append(now)

    previews = Previews(model, levels, one_second_each, every=2.0, share=0.03, clock=lambda: now)
    for level in LEVELS[:2]:
        write(levels.at(level), torch.zeros(3, *SHAPE))
    for level in LEVELS[2:]:
        for _ in range(300):
            now += 0.1
            previews.look()
        write(levels.at(level), torch.zeros(3, *SHAPE))
    assert seen
    assert len(seen) <= 0.03 * now + 1


def test_a_picture_is_small_and_shows_what_it_should() -> None:
    picture = np.zeros((300, 600, 3), np.float32)
    picture[:, :300] = (1.5, 0.5, -0.2)
    image = Image.open(io.BytesIO(base64.b64decode(small_png(picture))))
    assert (image.format, image.size) == ("PNG", (WIDTH, WIDTH // 2))
    assert image.getpixel((10, 10)) == (255, 128, 0)
    assert image.getpixel((WIDTH - 10, 10)) == (0, 0, 0)


def test_looking_on_changes_no_bit_of_the_result(
    demo_plate: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    eager = partial(Previews, every=0.0, share=100.0)
    monkeypatch.setattr("tokenflow.pipeline.denoise.Previews", eager)

    def run(name: str, previews: bool) -> tuple[dict[str, bytes], list[Event]]:
        seen: list[Event] = []
        job = quick_job(demo_plate, tmp_path / name, tiny_checkpoint)
        options = RunOptions(
            device="cpu", workspace=tmp_path / f"{name} workspace", previews=previews
        )
        run_job(job, options, seen.append)
        return exr_files(tmp_path / name), [e for e in seen if isinstance(e, Preview)]

    unseen, nothing = run("unseen", False)
    seen, shown = run("seen", True)
    assert nothing == [] and shown
    assert unseen == seen
