"""Latents on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tokenflow.diffusion.latents import CLEAN, LatentStack, Trajectory
from tokenflow.errors import WorkspaceUnusable

FRAMES = (-2, -1, 7)
SHAPE = (4, 3, 5)


@pytest.mark.parametrize(
    "dtype",
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint16, torch.int32],
)
def test_what_is_written_is_read_by_frame_number(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = (torch.rand(3, *SHAPE, dtype=torch.float64) * 60000).to(dtype)
    stack = LatentStack(tmp_path / "stack", FRAMES, SHAPE, dtype)
    stack.write([7, -2], tensor[:2])
    stack.write([-1], tensor[2:])
    stack.finish()
    again = LatentStack.stored(tmp_path / "stack", FRAMES)
    assert again.shape == SHAPE
    assert again.read([-2, -1, 7, 7]).equal(tensor[[1, 2, 0, 0]])


def test_an_unfinished_stack_is_not_complete_to_others(tmp_path: Path) -> None:
    stack = LatentStack(tmp_path / "stack", FRAMES, SHAPE)
    stack.write(FRAMES, torch.zeros(3, *SHAPE))
    assert not LatentStack(tmp_path / "stack", FRAMES, SHAPE).complete
    stack.finish()
    assert LatentStack(tmp_path / "stack", FRAMES, SHAPE).complete


def test_a_stack_that_was_left_unfinished_is_written_anew(tmp_path: Path) -> None:
    LatentStack(tmp_path / "stack", FRAMES, SHAPE).write([7], torch.ones(1, *SHAPE))
    again = LatentStack(tmp_path / "stack", FRAMES, SHAPE)
    again.write([-1], torch.ones(1, *SHAPE))
    assert float(again.read([7]).sum()) == 0


def test_a_stack_of_other_frames_is_refused(tmp_path: Path) -> None:
    stack = LatentStack(tmp_path / "stack", FRAMES, SHAPE)
    stack.write(FRAMES, torch.zeros(3, *SHAPE))
    stack.finish()
    with pytest.raises(WorkspaceUnusable, match="other frames"):
        LatentStack(tmp_path / "stack", (1, 2, 3), SHAPE).read([1])


def test_a_stack_of_another_shape_is_refused(tmp_path: Path) -> None:
    stack = LatentStack(tmp_path / "stack", FRAMES, SHAPE)
    stack.write(FRAMES, torch.zeros(3, *SHAPE))
    stack.finish()
    with pytest.raises(WorkspaceUnusable, match="shape"):
        LatentStack(tmp_path / "stack", FRAMES, (4, 6, 5)).read([7])


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    stack = LatentStack(tmp_path / "stack", FRAMES, SHAPE)
    stack.write(FRAMES, torch.zeros(3, *SHAPE))
    stack.finish()
    file = tmp_path / "stack" / "latents.npy"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(WorkspaceUnusable, match="stack"):
        LatentStack(tmp_path / "stack", FRAMES, SHAPE).read([7])


def test_a_place_that_cannot_hold_a_stack_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkspaceUnusable, match="file"):
        LatentStack(tmp_path / "file" / "stack", FRAMES, SHAPE).write([7], torch.zeros(1, *SHAPE))


def test_what_was_read_is_a_copy(tmp_path: Path) -> None:
    stack = LatentStack(tmp_path / "stack", FRAMES, SHAPE)
    stack.write(FRAMES, torch.zeros(3, *SHAPE))
    stack.read([7]).fill_(5)
    assert float(stack.read([7]).sum()) == 0


def test_a_trajectory_is_complete_when_every_level_is(tmp_path: Path) -> None:
    trajectory = Trajectory(tmp_path, (901, 401, CLEAN), FRAMES, SHAPE)
    for level in (901, CLEAN):
        trajectory.at(level).write(FRAMES, torch.zeros(3, *SHAPE))
        trajectory.at(level).finish()
    assert not trajectory.complete
    trajectory.at(401).write(FRAMES, torch.zeros(3, *SHAPE))
    trajectory.at(401).finish()
    assert trajectory.complete
