"""Inversion: the round trip, what it keeps, and how it goes on after a crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from benchmarks.random_model import random_model
from tests.tokenflow.diffusion.shot import Shot, levels_of, relative
from tokenflow.diffusion.editor import edit
from tokenflow.diffusion.inversion import inversion_levels
from tokenflow.diffusion.latents import Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.settings import EditSettings, InversionSettings
from tokenflow.errors import InvalidJob, NonFiniteResult

MakeShot = Callable[..., Shot]

SIZE = (8, 8)
FRAMES = range(-2, 3)
FIXED = InversionSettings(steps=8, frames_per_batch=2)
PLAIN = replace(FIXED, scheme="plain")


def round_trip_error(shot: Shot, settings: InversionSettings, folder: str) -> float:
    """Relative error of the clean latents after inverting and denoising with the same prompt."""
    trajectory, _ = shot.invert(settings, folder=folder)
    same = EditSettings(
        prompt="a ball",
        source_prompt="a ball",
        method="per-frame",
        guidance=1.0,
        steps=settings.steps,
        qk_threshold=0.0,
        conv_threshold=0.0,
    )
    out = shot.output(same)
    edit(shot.model, trajectory, shot.x0, out, same)
    return relative(levels_of(out)[-1], shot.x0.read(shot.frames))


def test_more_evaluations_bring_the_shot_back_better(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    settings = [PLAIN, *(replace(FIXED, evaluations=n) for n in (1, 2, 5))]
    errors = [round_trip_error(shot, one, f"inversion {i}") for i, one in enumerate(settings)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.5 * errors[0]


def test_residuals_fall_below_the_tolerance_and_save_evaluations(
    model: Model, make_shot: MakeShot
) -> None:
    settings = replace(FIXED, steps=50, evaluations=5)
    _, report = make_shot(model, FRAMES, SIZE).invert(settings)
    assert all(one.mean <= one.worst < 2e-3 for t, one in report.residuals.items() if t > 1)
    assert report.samples < 50 * 5 * 6


def test_the_first_step_is_evaluated_once(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, range(2), SIZE)
    _, report = shot.invert(replace(FIXED, steps=1, evaluations=4))
    assert report.samples == 2


def test_frames_do_not_depend_on_what_is_inverted_beside_them(
    model: Model, make_shot: MakeShot
) -> None:
    whole = levels_of(make_shot(model, FRAMES, SIZE).invert(FIXED)[0])
    alone = levels_of(make_shot(model, [1], SIZE).invert(replace(FIXED, frames_per_batch=1))[0])
    assert relative(alone[:, 0], whole[:, 3]) < 1e-9


@pytest.mark.parametrize("settings", [FIXED, PLAIN], ids=["fixed-point", "plain"])
def test_a_finer_grid_keeps_only_what_is_asked_for(
    model: Model, make_shot: MakeShot, settings: InversionSettings
) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    every, _ = shot.invert(settings, folder="every")
    some, _ = shot.invert(settings, keep=every.timesteps[1::3], folder="some")
    assert levels_of(some).equal(levels_of(every)[1::3])
    assert sorted(path.name for path in some.folder.iterdir()) == sorted(
        f"t{t:04d}" for t in some.timesteps
    )


@pytest.mark.parametrize("settings", [FIXED, PLAIN], ids=["fixed-point", "plain"])
@pytest.mark.parametrize("stop_at", [1, 11])
@pytest.mark.parametrize("every", [1, 3])
def test_an_inversion_that_was_cut_off_goes_on_to_the_same_bits(
    model: Model, make_shot: MakeShot, settings: InversionSettings, stop_at: int, every: int
) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    grid = model.schedule.timesteps(settings.steps)[::-1]
    keep = grid[every - 1 :: every]
    whole, complete = shot.invert(settings, keep=keep, folder="whole")
    calls = 0

    def stop(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shot.invert(settings, keep=keep, progress=stop)
    ours, report = shot.invert(settings, keep=keep)
    assert levels_of(ours).equal(levels_of(whole))
    assert (report.samples < complete.samples) == (stop_at > 3)


def test_a_finished_inversion_is_not_repeated(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    keep = shot.invert(FIXED, folder="every")[0].timesteps[::3]
    shot.invert(FIXED, keep=keep)
    assert shot.invert(FIXED, keep=keep)[1].samples == 0


def test_released_keeps_the_noisiest_level_as_well(model: Model) -> None:
    settings = EditSettings(steps=50)
    inversion = InversionSettings(steps=500, scheme="plain")
    assert inversion_levels(model.schedule, settings, inversion)[-1] == 981
    released = inversion_levels(model.schedule, replace(settings, mode="released"), inversion)
    assert (len(released), released[-1]) == (51, 999)


def test_a_grid_without_the_edits_timesteps_is_refused(model: Model, make_shot: MakeShot) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    with pytest.raises(InvalidJob, match=r"\[334, 667\]"):
        shot.invert(FIXED, keep=(1, 334, 667))


def test_progress_never_passes_the_total(model: Model, make_shot: MakeShot) -> None:
    seen: list[tuple[int, int]] = []
    make_shot(model, FRAMES, SIZE).invert(FIXED, progress=lambda *report: seen.append(report))
    assert all(0 < done <= total for done, total in seen)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_a_latent_that_is_not_finite_names_frame_and_timestep(
    model: Model, make_shot: MakeShot
) -> None:
    shot = make_shot(model, FRAMES, SIZE)
    clean = shot.x0.read(shot.frames)
    clean[3] = float("inf")
    shot.x0.discard()
    shot.x0.write(shot.frames, clean)
    shot.x0.finish()
    with pytest.raises(NonFiniteResult, match=r"frame 1, timestep 1\b"):
        shot.invert(FIXED)


def test_half_precision_keeps_latents_in_float32(make_shot: MakeShot) -> None:
    shot = make_shot(random_model(dtype=torch.bfloat16), range(2), SIZE)
    half: Trajectory = shot.invert(FIXED)[0]
    assert levels_of(half).dtype == torch.float32
    full = make_shot(random_model(), range(2), SIZE).invert(FIXED)[0]
    assert relative(levels_of(half), levels_of(full)) < 0.05
