"""Whole optimisations of random shots: masks, windows, resuming, bits."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tokenflow.diffusion.latents import LatentStack
from tokenflow.dreammotion.bend import Bending, BendReport, Mask, Tell, untold
from tokenflow.dreammotion.gradient import Gradient, Losses, Step, Words
from tokenflow.dreammotion.settings import BendSettings
from tokenflow.dreammotion.video_unet import VideoUNet
from tokenflow.errors import Cancelled, InvalidJob, NonFiniteResult, WorkspaceUnusable
from tokenflow.job import DreamMotion

FRAMES = tuple(range(1001, 1006))


class Bent:
    """Bends one shot in several ways, each in a folder of its own."""

    def __init__(self, video: VideoUNet, words: Words, shot: LatentStack, folder: Path) -> None:
        self.video, self.words, self.shot, self.folder = video, words, shot, folder

    def __call__(
        self,
        name: str,
        *,
        frames: Sequence[int] = (),
        open_: Mask | None = None,
        tell: Tell = untold,
        seed: int = 1,
        key: str = "",
        **how: object,
    ) -> tuple[torch.Tensor, BendReport]:
        how = {"steps": 3, **how}
        settings = BendSettings(seed=seed, how=DreamMotion(**how))  # type: ignore[arg-type]
        out = LatentStack(
            self.folder / name, tuple(frames) or self.shot.frames, self.shot.shape, torch.float64
        )
        bending = Bending(
            self.video,
            self.words,
            settings,
            self.shot,
            key=key,
            mask=open_,
            tell=tell,
        )
        report = bending.run(out)
        assert out.complete
        return out.read(out.frames), report


@pytest.fixture
def bent(
    motion_video: VideoUNet, words: Words, shot: Callable[..., LatentStack], tmp_path: Path
) -> Callable[[Sequence[int]], Bent]:
    return lambda frames: Bent(motion_video, words, shot(frames), tmp_path)


def left_half(frames: Sequence[int]) -> torch.Tensor:
    open_ = torch.zeros(len(frames), 1, 8, 8, dtype=torch.bool)
    open_[..., :4] = True
    return open_


def test_a_step_goes_down_the_sum_of_both_gradients(
    bent: Callable[..., Bent], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = torch.ones(len(FRAMES), 4, 8, 8, dtype=torch.float64)
    given = Gradient(2 * one, one, Losses(2.0, 0.5, 0.25, 1.0))
    monkeypatch.setattr(Step, "gradient", lambda *a: given)
    make = bent(FRAMES)
    found, report = make("a", steps=2, step_size=0.1)
    plate = make.shot.read(FRAMES)
    torch.testing.assert_close(found, plate - 2 * 0.1 * 3)
    assert report.losses == (given.losses, given.losses)


def test_the_same_seed_gives_the_same_bits_and_another_one_others(
    bent: Callable[..., Bent],
) -> None:
    make = bent(FRAMES)
    first, second, third = make("a")[0], make("b")[0], make("c", seed=2)[0]
    assert torch.equal(first, second) and not torch.equal(first, third)


def test_the_same_bits_every_time_are_asked_for_while_it_runs_and_change_none_on_a_cpu(
    bent: Callable[..., Bent],
) -> None:
    make, seen = bent(FRAMES), set()

    def look(done: int, of: int, losses: Losses | None) -> None:
        warned = torch.is_deterministic_algorithms_warn_only_enabled()
        seen.add((torch.are_deterministic_algorithms_enabled(), warned))

    found = make("a", deterministic=True, tell=look)[0]
    assert seen == {(True, False)}
    assert torch.equal(found, make("b")[0])


def test_outside_the_mask_not_a_bit_changes(bent: Callable[..., Bent]) -> None:
    make = bent(FRAMES)
    found, plate = make("a", open_=left_half)[0], make.shot.read(FRAMES)
    assert torch.equal(found[..., 4:], plate[..., 4:])
    assert (found[..., :4] != plate[..., :4]).all()


def test_in_the_papers_form_of_the_mask_latents_outside_move(bent: Callable[..., Bent]) -> None:
    make = bent(FRAMES)
    found, plate = make("a", open_=left_half, mask="paper")[0], make.shot.read(FRAMES)
    assert (found[..., 4:] != plate[..., 4:]).any()


def test_nan_outside_the_mask_reaches_nothing(
    bent: Callable[..., Bent], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Step.gradient

    def poisoned(self: Step, *given: torch.Tensor) -> Gradient:
        found = plain(self, *given)  # type: ignore[arg-type]
        found.edit[..., 6] = float("nan")
        found.held[..., 7] = float("inf")
        return found

    make = bent(FRAMES)
    wanted = make("a", open_=left_half)[0]
    monkeypatch.setattr(Step, "gradient", poisoned)
    assert torch.equal(make("b", open_=left_half)[0], wanted)


def test_nan_inside_ends_the_work_and_names_step_and_frame(
    bent: Callable[..., Bent], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, seen = Step.gradient, []

    def poisoned(self: Step, *given: torch.Tensor) -> Gradient:
        found = plain(self, *given)  # type: ignore[arg-type]
        seen.append(found)
        if len(seen) == 2:
            found.edit[3, 0, 0, 0] = float("nan")
        return found

    monkeypatch.setattr(Step, "gradient", poisoned)
    with pytest.raises(NonFiniteResult, match="in step 2.*bfloat16") as caught:
        bent(FRAMES)("a")
    assert caught.value.frame == 1004


class Interrupted:
    """Ends the work once a number of steps is done."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, done: int, of: int, losses: Losses | None) -> None:
        if done >= self.after:
            raise Cancelled("enough")


def test_what_was_interrupted_goes_on_with_the_same_bits(
    bent: Callable[..., Bent], tmp_path: Path
) -> None:
    make = bent(FRAMES)
    wanted, report = make("a", steps=4)
    with pytest.raises(Cancelled):
        make("b", steps=4, tell=Interrupted(2))
    counted: list[int] = []
    found, again = make("b", steps=4, tell=lambda done, of, losses: counted.append(done))
    assert torch.equal(found, wanted) and again == report
    assert min(counted) == 2
    left = {path.name for path in (tmp_path / "b").iterdir() if not path.name.startswith(".")}
    assert left == {"latents.npy", "frames.json"}


def test_a_crash_goes_on_from_the_last_of_every_twenty_steps(
    bent: Callable[..., Bent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenflow.dreammotion.bend.EVERY", 2)
    make = bent(FRAMES[:2])
    wanted, _ = make("a", steps=5)

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    def dies(done: int, of: int, losses: Losses | None) -> None:
        if done == 3:
            # No time to save anything, as when the power fails.
            monkeypatch.setattr("tokenflow.dreammotion.snapshots.Snapshots.save", killed)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make("b", steps=5, tell=dies)
    monkeypatch.undo()
    counted: list[int] = []
    found, _ = make("b", steps=5, tell=lambda done, of, losses: counted.append(done))
    assert torch.equal(found, wanted) and min(counted) == 2


def test_a_snapshot_of_which_the_power_took_a_part_is_begun_anew(
    bent: Callable[..., Bent], tmp_path: Path
) -> None:
    make = bent(FRAMES[:2])
    wanted, _ = make("a")
    with pytest.raises(Cancelled):
        make("b", tell=Interrupted(2))
    (state,) = (tmp_path / "b").glob("step*/state.json")
    state.write_bytes(bytes(9))
    assert torch.equal(make("b")[0], wanted)


def test_a_disk_that_is_full_at_a_snapshot_is_named_and_hides_no_other_end(
    bent: Callable[..., Bent], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Path.write_text

    def full(path: Path, *given: Any, **named: Any) -> int:
        if path.name == "state.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        return plain(path, *given, **named)

    make = bent(FRAMES[:2])
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(WorkspaceUnusable, match="cannot keep a step: No space left"):
        make("a")
    with pytest.raises(Cancelled):
        make("b", tell=Interrupted(2))


def test_an_optimisation_of_something_else_is_not_gone_on_with(bent: Callable[..., Bent]) -> None:
    make = bent(FRAMES[:2])
    with pytest.raises(Cancelled):
        make("a", key="one", tell=Interrupted(2))
    with pytest.raises(WorkspaceUnusable, match="another job"):
        make("a", key="other")


LONG = tuple(range(0, 10))
WINDOWS: dict[str, Any] = {"window": 4, "overlap": 1, "steps": 2}


def test_coupled_windows_average_where_they_share_frames(
    bent: Callable[..., Bent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each window pushes by a number of its own; a frame of two gets the mean by weight."""
    calls: list[int] = []

    def by_number(self: Step, latents: torch.Tensor, *given: object) -> Gradient:
        value = float((0, 3, 6)[len(calls)])
        calls.append(len(latents))
        push = torch.full_like(latents, value)
        return Gradient(push, torch.zeros_like(push), Losses(value))

    monkeypatch.setattr(Step, "gradient", by_number)
    make = bent(LONG)
    found, report = make("a", step_size=1.0, **{**WINDOWS, "steps": 1})
    pushed = (make.shot.read(LONG) - found)[:, 0, 0, 0]
    assert calls == [4, 4, 4]
    # Windows 0-3, 3-6, 6-9 share frames 3 and 6, at their ends: weight 1 against 1.
    assert pushed.tolist() == pytest.approx([0, 0, 0, 1.5, 3, 3, 4.5, 6, 6, 6])
    assert report.windows == ((0, 3), (3, 6), (6, 9))
    assert report.losses[0].edit == pytest.approx(3.0)


def test_one_window_is_pushed_by_its_gradient_as_it_is(bent: Callable[..., Bent]) -> None:
    make = bent(FRAMES)
    assert torch.equal(make("a", window=5, overlap=1)[0], make("b", window=8, overlap=3)[0])


def test_independent_windows_do_not_depend_on_the_part_that_is_asked_for(
    bent: Callable[..., Bent],
) -> None:
    make = bent(LONG)
    whole, _ = make("a", windows="independent", **WINDOWS)
    for name, part in (("b", LONG[:5]), ("c", LONG[5:]), ("d", (3,)), ("e", (4, 5))):
        found, _ = make(name, frames=part, windows="independent", **WINDOWS)
        assert torch.equal(found, whole[list(part)])
    coupled, _ = make("f", **WINDOWS)
    assert not torch.equal(coupled, whole)


def test_independent_windows_go_on_where_they_were_interrupted(bent: Callable[..., Bent]) -> None:
    make = bent(LONG)
    wanted, _ = make("a", windows="independent", **WINDOWS)
    with pytest.raises(Cancelled):
        make("b", windows="independent", tell=Interrupted(3), **WINDOWS)
    counted: list[int] = []
    again = make("b", windows="independent", tell=lambda d, o, x: counted.append(d), **WINDOWS)
    assert torch.equal(again[0], wanted) and max(counted) == 6


def test_progress_never_goes_back_and_ends_at_the_total(bent: Callable[..., Bent]) -> None:
    seen: list[tuple[int, int]] = []
    bent(LONG)("a", tell=lambda done, of, losses: seen.append((done, of)), **WINDOWS)
    assert seen == sorted(seen) and seen[-1] == (6, 6)


def test_a_window_longer_than_the_model_sees_is_refused_before_any_work(
    bent: Callable[..., Bent],
) -> None:
    with pytest.raises(InvalidJob, match="8 frames at once at most, not 10.*--window 8"):
        bent(LONG)("a", window=12, overlap=2)


def test_the_report_counts_what_the_model_saw(
    bent: Callable[..., Bent], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = bent(FRAMES)
    seen: list[int] = []
    plain = VideoUNet.noise

    def counted(self: VideoUNet, clip: torch.Tensor, *given: Any) -> torch.Tensor:
        seen.append(len(clip))
        return plain(self, clip, *given)

    monkeypatch.setattr(VideoUNet, "noise", counted)
    for features in ("null", "source", "cond"):
        seen.clear()
        _, report = make(features, features=features, steps=2)
        assert report.samples == sum(seen)
