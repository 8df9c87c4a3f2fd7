"""The demo's renderer: exact motion, the words of its captions, and the layers of its frames."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ocio.exr import read_frame
from tests.patience import SOON
from tests.tokenflow.frames import exr_files, litter
from tokenflow.demo.render import FAR, Layers, render, render_picture
from tokenflow.demo.shot import SCENE, grain, render_frame, render_shot
from tokenflow.demo.world import (
    KINDS,
    PATTERNS,
    SHAPES,
    VOCABULARY,
    Scene,
    paint,
    random_edit,
    random_scene,
)
from tokenflow.errors import Cancelled
from tokenflow.metrics.warp_error import Motion, visible, warp

SIZE = (160, 90)
HELD_OUT = [random_scene(np.random.default_rng([2026, seed])) for seed in range(4)]


def neighbours(scene: Scene, samples: int = 3) -> tuple[Layers, Layers, Motion]:
    """Two frames of a scene without grain, and the motion between them."""
    first, second = (render(scene, frame, *SIZE, samples=samples) for frame in (7, 8))
    return first, second, Motion(first.forward, second.backward)


def tones(layers: Layers) -> npt.NDArray[np.float32]:
    """The picture in stops, so that bright places do not outweigh the others."""
    return np.asarray(np.log2(np.maximum(layers.rgb, 0) + 0.02), np.float32)


@pytest.mark.parametrize("scene", [SCENE, *HELD_OUT], ids=lambda scene: scene.caption)
def test_the_next_frame_fetched_along_the_motion_is_this_frame(scene: Scene) -> None:
    first, second, motion = neighbours(scene)
    mask = visible(motion) & (first.depth < FAR)

    def error(dx: float = 0.0, dy: float = 0.0, scale: float = 1.0) -> float:
        moved = motion.forward * scale + np.array([dx, dy], np.float32)
        return float(np.abs(warp(tones(second), moved) - tones(first))[mask].mean())

    exact = error()
    assert exact < 0.8 * error(scale=0)
    # Exact to a part of a pixel, in both directions: any other motion fits worse.
    assert exact < min(error(dx=0.25), error(dx=-0.25), error(dy=0.25), error(dy=-0.25))
    assert exact < error(scale=-1)


@pytest.mark.parametrize("scene", [SCENE, *HELD_OUT], ids=lambda scene: scene.caption)
def test_there_and_back_is_the_same_point(scene: Scene) -> None:
    first, _, motion = neighbours(scene, samples=1)
    mask = visible(motion) & (first.depth < FAR)
    round_trip = motion.forward + warp(motion.backward, motion.forward)
    assert mask.mean() > 0.3
    assert np.quantile(np.abs(round_trip[mask]), 0.99) < 0.05


def test_the_sky_moves_with_the_turn_of_the_camera_only() -> None:
    scene = Scene(camera=(0.0, 1.2, 5.0), target=(0.0, 1.6, 0.0))
    layers = render(scene, 0, *SIZE, samples=1)
    assert (layers.depth == FAR).any()
    assert np.abs(layers.forward).max() < 1e-3


def test_motion_in_a_file_counts_right_and_up(tmp_path: Path) -> None:
    path = render_frame(SCENE, 1008, tmp_path / "a.1008.exr", *SIZE)
    channels = read_frame(path).parts[0].channels
    layers = render(SCENE, 7, *SIZE)
    for name, expected in (
        ("forward.u", layers.forward[..., 0]),
        ("forward.v", -layers.forward[..., 1]),
        ("backward.u", layers.backward[..., 0]),
        ("backward.v", -layers.backward[..., 1]),
        ("Z", layers.depth),
        ("matte.a", layers.matte),
    ):
        np.testing.assert_array_equal(channels[name], expected.astype(np.float16))
    # The ball of the shot rolls to the right.
    ball = channels["matte.a"] == 1
    assert channels["forward.u"][ball].mean() > 0.3 > -0.3 > channels["backward.u"][ball].mean()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_matte_is_where_the_solid_is(shape: str) -> None:
    """Another paint changes the picture inside the matte and nowhere else."""
    base = Scene(shape=shape, color="red", pattern="plain", heading=0.4)
    picture, matte = render_picture(base, 0, *SIZE)
    painted, same = render_picture(base.with_word("color", "white"), 0, *SIZE)
    np.testing.assert_array_equal(matte, same)
    differs = (picture != painted).any(axis=-1)
    assert matte.min() == 0 and matte.max() == 1
    assert differs[matte == 1].all() and not differs[matte == 0].any()


@pytest.mark.parametrize("pattern", PATTERNS[1:])
def test_every_pattern_shows_a_second_paint(pattern: str) -> None:
    plain, matte = render_picture(Scene(pattern="plain"), 0, *SIZE)
    drawn, _ = render_picture(Scene(pattern=pattern), 0, *SIZE)
    share = (plain != drawn).any(axis=-1)[matte == 1].mean()
    assert 0.1 < share < 0.95


def test_the_shot_has_highlights_far_above_white_on_every_tenth_frame() -> None:
    for frame in range(0, 48, 10):
        picture, _ = render_picture(SCENE, frame, 240, 135)
        assert picture.max() > 10
        assert np.isfinite(picture).all() and picture.min() >= 0


def test_a_frame_is_the_same_whenever_and_wherever_it_is_rendered(tmp_path: Path) -> None:
    render_shot(tmp_path / "one", frames=2, width=64, height=36)
    render_shot(tmp_path / "two", frames=2, width=64, height=36)
    single = render_frame(SCENE, 1002, tmp_path / "three/plate.1002.exr", 64, 36)
    assert exr_files(tmp_path / "one") == exr_files(tmp_path / "two")
    assert single.read_bytes() == exr_files(tmp_path / "one")["plate.1002.exr"]


def test_a_render_that_is_stopped_ends_at_once_and_leaves_whole_frames(tmp_path: Path) -> None:
    stopped = 0.0

    def stop(done: int, total: int) -> None:
        nonlocal stopped
        stopped = time.monotonic()
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        render_shot(tmp_path, frames=200, width=320, height=180, progress=stop)
    assert time.monotonic() - stopped < SOON
    assert multiprocessing.active_children() == []
    assert litter(tmp_path) == []
    names = [*exr_files(tmp_path)]
    assert 1 <= len(names) < 100
    for name in names:
        read_frame(tmp_path / name)


def test_every_frame_has_its_own_grain_which_grows_with_the_light() -> None:
    flat = np.concatenate([np.full((40, 80, 3), light, np.float32) for light in (0.05, 2.0)])
    one, two = (grain(flat, frame) - flat for frame in (1001, 1002))
    assert abs(float(np.corrcoef(one.ravel(), two.ravel())[0, 1])) < 0.05
    assert one[:40].std() < 0.5 * one[40:].std()
    assert abs(one.mean()) < 0.001


def test_captions_use_the_vocabulary_and_say_what_a_scene_is() -> None:
    random = np.random.default_rng(5)
    for _ in range(200):
        scene = random_scene(random)
        words = scene.caption.split()
        assert set(words) <= set(VOCABULARY)
        assert {scene.color, scene.pattern, scene.shape, scene.floor, scene.time} <= set(words)


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_replaces_one_word(kind: str) -> None:
    random = np.random.default_rng(6)
    for _ in range(20):
        scene = random_scene(random)
        edited = random_edit(scene, kind, random)  # type: ignore[arg-type]
        pairs = zip(scene.caption.split(), edited.caption.split(), strict=True)
        assert sum(one != other for one, other in pairs) == 1
        assert getattr(edited, kind) != getattr(scene, kind)


def test_an_unknown_word_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"mauve.*purple"):
        SCENE.with_word("color", "mauve")


def test_paints_lie_within_the_gamut_and_are_told_apart() -> None:
    red, blue = paint("red"), paint("blue")
    assert (red > 0).all() and (blue > 0).all() and max(red.max(), blue.max()) < 1
    assert red.argmax() == 0 and blue.argmax() == 2
