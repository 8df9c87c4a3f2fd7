"""A stretch made anew grows out of the edit around it, and leaves that alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import pytest
import torch

from benchmarks.random_model import random_model
from tests.tokenflow.diffusion.shot import Shot, final, relative
from tokenflow.diffusion.editor import EditReport, edit_levels
from tokenflow.diffusion.latents import Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.reedit import reedit, reedit_samples
from tokenflow.diffusion.settings import EditSettings
from tokenflow.diffusion.versions import Drawing, Version

MakeShot = Callable[..., Shot]

FRAMES = range(1001, 1013)
STRETCH = range(1005, 1010)
BASE = EditSettings(prompt="a red ball", steps=2, keyframe_interval=3)
OTHER = replace(BASE, prompt="a blue cube")


@pytest.fixture
def shot(model: Model, make_shot: MakeShot) -> Shot:
    return make_shot(model, FRAMES, (8, 8))


def whole(shot: Shot, settings: EditSettings) -> Version:
    out = shot.output(settings)
    shot.edit(settings, out)
    return Version(settings, out)


def upon(shot: Shot, base: Version, settings: EditSettings, frames: Sequence[int]) -> Version:
    levels = edit_levels(shot.model.schedule, settings)
    folder = shot.folder / f"again {len(list(shot.folder.iterdir()))}"
    return Version(settings, Trajectory(folder, levels, frames, shot.shape, shot.x0_dtype), base)


def again(
    shot: Shot, base: Version, settings: EditSettings, frames: Sequence[int] = STRETCH
) -> tuple[Version, EditReport]:
    version = upon(shot, base, settings, frames)
    return version, reedit(shot.model, shot.trajectory(BASE), shot.x0, version)


def of_base(version: Version) -> torch.Tensor:
    assert version.base is not None
    frames = version.out.frames
    stacks = [version.base.stack(frame, -1) for frame in frames]
    return torch.cat([s.read([f]) for s, f in zip(stacks, frames, strict=True) if s is not None])


@pytest.mark.parametrize("frames", [STRETCH, range(1010, 1011)])
@pytest.mark.parametrize("keyframes", ["random", "fixed"])
def test_settings_that_do_not_change_give_the_latents_of_the_base_bit_for_bit(
    make_shot: MakeShot, frames: range, keyframes: Literal["random", "fixed"]
) -> None:
    shot = make_shot(random_model(), FRAMES, (8, 8))
    settings = replace(BASE, keyframes=keyframes)
    version, _ = again(shot, whole(shot, settings), settings, frames)
    assert final(version.out).equal(of_base(version))


def test_a_stretch_upon_a_stretch_gives_its_latents_bit_for_bit_too(make_shot: MakeShot) -> None:
    shot = make_shot(random_model(), FRAMES, (8, 8))
    first, _ = again(shot, whole(shot, BASE), OTHER)
    second, _ = again(shot, first, OTHER, range(1007, 1009))
    assert final(second.out).equal(of_base(second))


def test_other_words_change_the_stretch(shot: Shot) -> None:
    version, _ = again(shot, whole(shot, BASE), OTHER)
    assert relative(final(version.out), of_base(version)) > 1e-3


def test_a_stretch_grows_out_of_what_lies_around_it(shot: Shot) -> None:
    ours, theirs = (
        final(again(shot, whole(shot, base), OTHER)[0].out)
        for base in (BASE, replace(BASE, prompt="a green cone"))
    )
    assert relative(ours, theirs) > 1e-3


def test_keyframes_outside_are_those_of_the_base(shot: Shot) -> None:
    base = whole(shot, BASE)
    version = upon(shot, base, replace(OTHER, seed=9), STRETCH)
    schedule = shot.model.schedule
    for timestep in schedule.timesteps(BASE.steps):
        before = Drawing(base, schedule).keyframes(timestep)
        after = Drawing(version, schedule).keyframes(timestep)
        outside = tuple(frame for frame in before.frames if frame not in STRETCH)
        assert tuple(frame for frame in after.frames if frame not in STRETCH) == outside
        assert set(after.own) == set(after.frames) & set(STRETCH)


@pytest.mark.parametrize("stretches", [[1010], [1004, 1010, 1011]])
def test_a_stretch_without_a_keyframe_gets_one_for_new_words_to_enter_by(
    shot: Shot, stretches: list[int]
) -> None:
    settings = replace(OTHER, keyframe_interval=50)
    version = upon(shot, whole(shot, replace(BASE, keyframe_interval=50)), settings, stretches)
    for timestep in shot.model.schedule.timesteps(BASE.steps):
        own = Drawing(version, shot.model.schedule).keyframes(timestep).own
        assert {1004, 1010}.intersection(stretches) <= {1010 if f == 1011 else f for f in own}


@pytest.mark.parametrize(("before", "after"), [("pnp", "sdedit"), ("sdedit", "pnp")])
def test_a_stretch_may_use_another_technique(
    shot: Shot, before: Literal["pnp", "sdedit"], after: Literal["pnp", "sdedit"]
) -> None:
    start, words = replace(BASE, start=0.6), replace(OTHER, start=0.6)
    base = whole(shot, replace(start, technique=before))
    version, report = again(shot, base, replace(words, technique=after))
    assert bool(final(version.out).isfinite().all())
    assert len(report.keyframes) == (1 if after == "sdedit" else 2)


def test_batches_leave_the_result_as_it_is(shot: Shot) -> None:
    base = whole(shot, BASE)
    apart = replace(OTHER, frames_per_batch=1, keyframes_per_batch=1)
    ours, theirs = (final(again(shot, base, settings)[0].out) for settings in (apart, OTHER))
    assert relative(ours, theirs) < 1e-9


def test_a_re_edit_that_was_cut_off_goes_on_to_the_same_bits(shot: Shot) -> None:
    base = whole(shot, BASE)
    undisturbed, _ = again(shot, base, OTHER)
    version, source, seen = upon(shot, base, OTHER, STRETCH), shot.trajectory(BASE), []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reedit(shot.model, source, shot.x0, version, stop)
    report = reedit(shot.model, source, shot.x0, version, lambda *told: seen.append(told))
    assert final(version.out).equal(final(undisturbed.out))
    assert seen[-1] == (seen[0][1], seen[0][1])
    assert report.samples < reedit_samples(version, Drawing(version, shot.model.schedule))


def test_twelve_frames_of_two_hundred_cost_less_than_a_fifth(shot: Shot) -> None:
    """Counted as `reedit` counts; the whole is two thirds for every further prompt."""
    settings = EditSettings(prompt="a red ball")
    schedule = shot.model.schedule
    frames = tuple(range(1001, 1201))
    levels = edit_levels(schedule, settings)
    base = Version(settings, Trajectory(shot.folder / "none", levels, frames, shot.shape))
    stretch = Trajectory(shot.folder / "none", levels, range(1020, 1032), shot.shape)
    version = Version(replace(settings, prompt="a blue ball"), stretch, base)
    edit, inversion = 3 * 200 * 50, 200 * (2 * 50 - 1)
    assert reedit_samples(version, Drawing(version, schedule)) < 0.2 * (edit + inversion)


def test_the_samples_are_those_that_were_counted_before(shot: Shot) -> None:
    version, report = again(shot, whole(shot, BASE), OTHER)
    assert report.samples == reedit_samples(version, Drawing(version, shot.model.schedule))
