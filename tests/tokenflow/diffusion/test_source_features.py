"""What the source contributes is computed once per shot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.tokenflow.diffusion.shot import Shot, levels_of
from tokenflow.diffusion.editor import EditReport, edit
from tokenflow.diffusion.latents import Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.settings import EditSettings
from tokenflow.diffusion.source_features import SourceFeatures

MakeShot = Callable[..., Shot]

FRAMES = range(1001, 1008)
SETTINGS = EditSettings(
    prompt="a red ball", steps=3, keyframe_interval=3, conv_threshold=0.7, frames_per_batch=2
)


@pytest.fixture
def shot(model: Model, make_shot: MakeShot) -> Shot:
    return make_shot(model, FRAMES, (16, 8))


@pytest.fixture
def features(shot: Shot) -> SourceFeatures:
    return SourceFeatures(shot.folder / "features", shot.frames)


def edit_with(
    shot: Shot, settings: EditSettings, features: SourceFeatures
) -> tuple[Trajectory, EditReport]:
    out = shot.output(settings)
    source = shot.trajectory(settings)
    return out, edit(shot.model, source, shot.x0, out, settings, features=features)


def test_a_second_prompt_runs_two_thirds_and_gives_the_same_bits(
    shot: Shot, features: SourceFeatures
) -> None:
    _, first = edit_with(shot, SETTINGS, features)
    other = replace(SETTINGS, prompt="a blue cube", negative_prompt="grey", guidance=5.0)
    fast, second = edit_with(shot, other, features)
    whole, _ = shot.edit(other)
    assert levels_of(fast).equal(whole)
    # Three keyframes with three samples each; four other frames with three or two.
    assert (first.samples, second.samples) == (3 * (3 * 3 + 4 * 3), 3 * (3 * 3 + 4 * 2))


def test_recording_leaves_the_edit_as_it_is(shot: Shot, features: SourceFeatures) -> None:
    recorded, _ = edit_with(shot, SETTINGS, features)
    assert levels_of(recorded).equal(shot.edit(SETTINGS)[0])


def test_an_edit_that_injects_longer_adds_what_is_missing(
    shot: Shot, features: SourceFeatures
) -> None:
    longer = replace(SETTINGS, conv_threshold=1.0)
    edit_with(shot, SETTINGS, features)
    _, report = edit_with(shot, longer, features)
    again, last = edit_with(shot, longer, features)
    assert last.samples < report.samples
    assert levels_of(again).equal(shot.edit(longer)[0])


def test_a_step_that_was_interrupted_is_recorded_again(
    shot: Shot, features: SourceFeatures
) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    source = shot.trajectory(SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        edit(shot.model, source, shot.x0, shot.output(SETTINGS), SETTINGS, stop, None, features)
    edit_with(shot, SETTINGS, features)
    again, _ = edit_with(shot, SETTINGS, features)
    assert levels_of(again).equal(shot.edit(SETTINGS)[0])
