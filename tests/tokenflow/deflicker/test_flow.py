"""Motion of the plate: DIS, the shot's own vectors, and what is visible."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.flicker_clips import Clip, Scene
from tests.tokenflow.deflicker.shots import HEIGHT, WIDTH, Float32, texture
from tokenflow.deflicker.flow import DisFlow, FlowPair, flow_picture
from tokenflow.deflicker.stops import to_stops
from tokenflow.deflicker.vectors import VectorFlow, Vectors, from_blender, from_nuke
from tokenflow.deflicker.visibility import visible
from tokenflow.deflicker.warp import Kernel, warp
from tokenflow.demo.render import render
from tokenflow.demo.shot import SCENE, to_frame

CLIP = Clip(Scene("still"), WIDTH, HEIGHT, 12)
FRAMES = dict(zip(CLIP.numbers, CLIP, strict=True))


def plate(number: int) -> Float32:
    return to_stops(FRAMES[number].plate)


def exact(number: int) -> Vectors:
    return Vectors(FRAMES[number].forward, FRAMES[number].backward)


def steady(to_next: tuple[float, float], to_previous: tuple[float, float]) -> Vectors:
    ones = np.ones((HEIGHT, WIDTH, 2), dtype=np.float32)
    return Vectors(
        ones * np.asarray(to_next, np.float32), ones * np.asarray(to_previous, np.float32)
    )


def test_dis_finds_the_motion_of_a_pan() -> None:
    pair = DisFlow().pair(1003, 1005, plate)
    wanted = VectorFlow(exact, list(CLIP.numbers), "exact").pair(1003, 1005, plate)
    seen = visible(wanted)
    for ours, theirs in zip(pair, wanted, strict=True):
        assert np.median(np.linalg.norm(ours - theirs, axis=-1)[seen]) < 0.15


def test_a_flash_does_not_disturb_the_motion() -> None:
    calm = DisFlow().pair(1003, 1004, plate)
    bright = DisFlow().pair(1003, 1004, lambda n: plate(n) + np.float32(1.5 if n == 1004 else 0))
    assert np.abs(calm.forward - bright.forward).max() < 0.05


def test_a_pair_depends_on_its_two_frames_only() -> None:
    flow = DisFlow()
    for number in range(1002, 1008):
        flow.pair(number, number + 1, plate)
    again, fresh = flow.pair(1003, 1006, plate), DisFlow().pair(1003, 1006, plate)
    assert all((a == b).all() for a, b in zip(again, fresh, strict=True))


def test_flow_sees_five_stops_to_each_side_in_eight_bits() -> None:
    stops = np.repeat(np.linspace(-9, 9, 25, dtype=np.float32)[:, None, None], 3, axis=2)
    picture = flow_picture(stops)
    assert picture.dtype == np.uint8
    assert (picture[0, 0], picture[12, 0], picture[-1, 0]) == (0, 128, 255)


def test_vectors_of_nuke_point_up() -> None:
    ones = np.ones((HEIGHT, WIDTH), dtype=np.float32)
    vectors = from_nuke(ones * 3, ones * 2, ones * -3, ones * -2)
    assert vectors.to_next[0, 0].tolist() == [3, -2]
    assert vectors.to_previous[0, 0].tolist() == [-3, 2]


def test_vectors_of_blender_point_up_and_backwards() -> None:
    """A point that goes 3 pixels right and 2 up per frame."""
    ones = np.ones((HEIGHT, WIDTH), dtype=np.float32)
    vectors = from_blender(ones * -3, ones * -2, ones * -3, ones * -2)
    assert vectors.to_next[0, 0].tolist() == [3, -2]
    assert vectors.to_previous[0, 0].tolist() == [-3, 2]


def test_vectors_of_the_demo_shot_lead_to_the_next_and_the_previous_frame() -> None:
    layers = [render(SCENE, index, 96, 54) for index in (4, 5, 6)]
    channels = to_frame(layers[1], 1006).parts[0].channels
    names = ("forward.u", "forward.v", "backward.u", "backward.v")
    vectors = from_nuke(*(np.asarray(channels[name]) for name in names))
    np.testing.assert_allclose(vectors.to_next, layers[1].forward, atol=0.02)
    for motion, neighbour in ((vectors.to_next, layers[2]), (vectors.to_previous, layers[0])):
        here, there = to_stops(layers[1].rgb), to_stops(neighbour.rgb)
        moved = np.abs(warp(there, motion, Kernel.CUBIC) - here)
        wrong = np.abs(warp(there, -motion, Kernel.CUBIC) - here)
        assert np.median(moved) < 0.75 * np.median(wrong)


def test_longer_pairs_are_chained() -> None:
    vectors = steady((1.5, -0.5), (-1.25, 0.5))
    pair = VectorFlow(lambda _: vectors, [3, 5, 7, 9], "steady").pair(3, 9, lambda _: texture())
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(pair.forward[inner], np.broadcast_to((4.5, -1.5), (38, 80, 2)))
    np.testing.assert_allclose(pair.backward[inner], np.broadcast_to((-3.75, 1.5), (38, 80, 2)))


def test_chained_vectors_lead_to_the_same_thing() -> None:
    pair = VectorFlow(exact, list(CLIP.numbers), "exact").pair(1002, 1006, plate)
    seen = visible(pair)
    assert seen.mean() > 0.7
    error = np.abs(warp(plate(1006), pair.forward, Kernel.CUBIC) - plate(1002))
    assert np.median(error[seen]) < 0.04
    assert np.median(error[~seen]) > 0.1


def test_vectors_of_a_larger_plate_are_picked_and_scaled() -> None:
    large = Vectors(*(np.repeat(np.repeat(m, 3, 0), 3, 1) * 3 for m in exact(1004)))
    flow = VectorFlow(lambda _: large, list(CLIP.numbers), "large")
    motion = flow.pair(1004, 1005, plate).forward
    np.testing.assert_allclose(motion, FRAMES[1004].forward, rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e10])
def test_motion_that_is_not_known_is_not_visible(value: float) -> None:
    vectors = steady((1, 0), (-1, 0))
    vectors.to_next[20:30, 20:30] = value
    flow = VectorFlow(lambda _: vectors, [1, 2, 3, 4], "holes")
    for last in (2, 4):
        seen = visible(flow.pair(1, last, lambda _: texture()))
        assert not seen[20:30, 20:30].any()
        assert seen[35:, 5:80].all()


def test_what_is_covered_or_outside_is_not_visible() -> None:
    forward, backward = (np.zeros((40, 60, 2), dtype=np.float32) for _ in range(2))
    forward[10:20, 10:20, 0] = 8  # a solid moves right over a still ground
    backward[10:20, 18:28, 0] = -8
    seen = visible(FlowPair(forward, backward))
    assert seen[10:20, 10:20].all()
    assert not seen[10:20, 20:28].any()
    forward[:, :, 1] = -5
    backward[:, :, 1] = 5
    assert not visible(FlowPair(forward, backward))[:5].any()
