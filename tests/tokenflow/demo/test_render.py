"""The demo's renderer against plain second ways to the same pictures, depths and motions."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from tokenflow.demo.render import FAR, render, render_picture
from tokenflow.demo.shot import SCENE
from tokenflow.demo.solids import BOUNDS, dot, hit_solid
from tokenflow.demo.surfaces import floor_albedo
from tokenflow.demo.world import FLOORS, PATTERNS, SHAPES, TIMES, Scene

WIDTH, HEIGHT = 160, 90
Doubles = npt.NDArray[np.float64]
MOVING = dataclasses.replace(SCENE, camera_velocity=(-0.05, 0.01, -0.03))


def halved(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean of every two by two pixels."""
    rows = (picture[::2] + picture[1::2]) / 2
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 2, dtype=np.float32)


@pytest.mark.parametrize(
    "scene",
    [
        Scene(shape=shape, pattern=pattern, floor=floor, time=time, heading=0.4)
        for shape, pattern, floor, time in zip(
            [*SHAPES, "ball"], PATTERNS, FLOORS, [*TIMES, "noon"], strict=True
        )
    ],
    ids=lambda scene: scene.caption,
)
def test_a_pixel_is_the_mean_of_the_pixels_of_a_picture_twice_as_large(scene: Scene) -> None:
    """Edges above all: there the samples of a pixel differ most."""
    picture, matte = render_picture(scene, 3, WIDTH, HEIGHT, samples=2)
    large, large_matte = render_picture(scene, 3, 2 * WIDTH, 2 * HEIGHT, samples=1)
    edge = np.flatnonzero((matte > 0) & (matte < 1))
    assert 0.005 < edge.size / matte.size < 0.1
    # A sample that lies on an edge may fall to either side.
    assert np.isclose(matte, halved(large_matte)).mean() > 0.9998
    assert np.isclose(picture, halved(large), rtol=1e-3, atol=1e-4).mean() > 0.9998
    single, _ = render_picture(scene, 3, WIDTH, HEIGHT, samples=1)
    same = np.isclose(picture, single, rtol=1e-3, atol=1e-4).all(axis=-1)
    assert not same.ravel()[edge].any()


class PlainCamera:
    """The camera of a scene at a frame, in double precision and one formula at a time."""

    def __init__(self, scene: Scene, frame: float) -> None:
        self.position = np.array(scene.camera) + frame * np.array(scene.camera_velocity)
        self.ahead = np.array(scene.target) - self.position
        self.ahead /= np.linalg.norm(self.ahead)
        self.right = np.cross(self.ahead, [0, 1, 0])
        self.right /= np.linalg.norm(self.right)
        self.up = np.cross(self.right, self.ahead)
        # The field of view is the angle between opposite corners.
        corner = np.hypot(WIDTH / 2, HEIGHT / 2)
        self.focal = corner / np.tan(scene.field_of_view / 2)

    def towards(self, pixels: Doubles) -> Doubles:
        """Vectors (n, 3) of depth 1 through picture points (n, 2)."""
        x, y = (pixels.T - [[WIDTH / 2], [HEIGHT / 2]]) / self.focal
        rays: Doubles = self.ahead + np.outer(x, self.right) - np.outer(y, self.up)
        return rays

    def pixels(self, points: Doubles) -> Doubles:
        """Picture points (n, 2) of world points (n, 3)."""
        away = points - self.position
        plane = np.stack([away @ self.right, -(away @ self.up)], axis=1)
        middle = np.array([WIDTH / 2, HEIGHT / 2])
        seen: Doubles = plane * self.focal / (away @ self.ahead)[:, None] + middle
        return seen


def centre_of_ball(scene: Scene, frame: float) -> Doubles:
    x, z = np.array(scene.start) + frame * np.array(scene.velocity)
    return np.array([x, scene.size, z])


def rolled(scene: Scene, points: Doubles, frame: float, step: int) -> Doubles:
    """Where points of the ball lie `step` frames on, when it rolls without slipping."""
    vx, vz = scene.velocity
    turn, _ = cv2.Rodrigues(np.array([vz, 0, -vx]) * step / scene.size)
    arms = points - centre_of_ball(scene, frame)
    return arms @ np.asarray(turn).T + centre_of_ball(scene, frame + step)


def test_depth_and_motion_are_those_of_a_plain_trace_through_the_pixel_centres() -> None:
    frame = 7
    layers = render(MOVING, frame, WIDTH, HEIGHT)
    camera, centre = PlainCamera(MOVING, frame), centre_of_ball(MOVING, frame)
    columns, rows = np.meshgrid(np.arange(0.5, WIDTH), np.arange(0.5, HEIGHT))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    ray = camera.towards(pixels)
    away = camera.position - centre
    a, b = (ray**2).sum(axis=1), ray @ away
    root = b**2 - a * (away @ away - MOVING.size**2)
    ball, floor = root > 0, (root <= 0) & (ray[:, 1] < 0)
    depth = np.full(len(ray), FAR)
    depth[ball] = (-b[ball] - np.sqrt(root[ball])) / a[ball]
    depth[floor] = -camera.position[1] / ray[floor, 1]
    # On the very outline of the ball the last digits decide what a pixel shows.
    clear = np.abs(root) > 1e-3
    np.testing.assert_allclose(layers.depth.ravel()[clear], depth[clear], rtol=1e-3)

    points = camera.position + depth[:, None] * ray
    for step, motion in ((1, layers.forward), (-1, layers.backward)):
        then = points.copy()
        then[ball] = rolled(MOVING, points[ball], frame, step)
        expected = PlainCamera(MOVING, frame + step).pixels(then) - pixels
        seen = clear & (ball | floor)
        assert seen.mean() > 0.9
        np.testing.assert_allclose(motion.reshape(-1, 2)[seen], expected[seen], atol=0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_hits_a_solid_passes_through_the_sphere_around_it(shape: str) -> None:
    random = np.random.default_rng(4)
    origin = random.standard_normal((3, 20_000)).astype(np.float32)
    origin *= 5 / np.sqrt(dot(origin, origin))
    ray = random.uniform(-2, 2, origin.shape).astype(np.float32) - origin
    ray /= np.sqrt(dot(ray, ray))
    distance, normal = hit_solid(shape, origin, ray)
    hit = np.isfinite(distance)
    beside = np.sqrt(dot(origin, origin) - dot(origin, ray) ** 2)
    assert 0.8 * BOUNDS[shape] < beside[hit].max() < 1.001 * BOUNDS[shape]
    np.testing.assert_allclose(dot(normal, normal)[hit], 1, atol=1e-3)
    assert (dot(normal, ray)[hit] < 0).all()


def test_the_texture_of_the_floor_has_no_seam_where_it_repeats() -> None:
    x = np.linspace(-7, 7, 140_000, dtype=np.float32)  # twice there and back again
    steps = np.abs(np.diff(floor_albedo("grassy", x, np.full_like(x, 6.39)), axis=1))
    assert 0 < steps.max() < 0.005
