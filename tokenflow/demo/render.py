"""A small ray tracer: one solid, a floor, a sky, one light with hard shadows; exact motion.

Pictures are scene-linear ACEScg. Points are metres, y up; picture coordinates are pixels from the
top left.

Vectors lie in three planes, (3, n), since numpy is slow along a short last axis, and a picture is
made a band of rows at a time, so that the arrays stay in the processor's caches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tokenflow.demo.solids import BOUNDS, dot, hit_solid
from tokenflow.demo.surfaces import floor_albedo, sky_radiance, solid_albedo
from tokenflow.demo.world import LIGHTS, Floats, Scene

FAR = 10000.0  # depth written for the sky
_SKY, _FLOOR, _SOLID = 0, 1, 2
_RAYS = 32768  # in a band


@dataclass(frozen=True)
class Layers:
    """What the renderer knows of a frame.

    Attributes
    ----------
    rgb : (h, w, 3)
        Scene-linear ACEScg, box-filtered over the samples of a pixel.
    matte : (h, w)
        Share of the pixel that the solid covers, 0..1.
    depth : (h, w)
        Distance along the view axis in metres at the pixel centre; `FAR` for the sky and beyond.
    forward, backward : (h, w, 2)
        Where the point seen at the pixel centre lies in the next and in the previous frame, minus
        where it lies now: pixels, x to the right, y **down**.
    """

    rgb: Floats
    matte: Floats
    depth: Floats
    forward: Floats
    backward: Floats


@dataclass(frozen=True)
class _Camera:
    position: Floats  # (3, 1)
    axes: Floats  # rows: right, up, forward
    focal: float  # in pixels
    width: int
    height: int

    @classmethod
    def of(cls, scene: Scene, frame: float, width: int, height: int) -> _Camera:
        position = np.array(scene.camera) + frame * np.array(scene.camera_velocity)
        forward = np.array(scene.target) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 1.0, 0.0))
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(right, forward), forward])
        focal = np.hypot(width, height) / 2 / np.tan(scene.field_of_view / 2)
        return cls(
            position.astype(np.float32)[:, None],
            axes.astype(np.float32),
            float(focal),
            width,
            height,
        )

    def rays(self, x: Floats, y: Floats) -> Floats:
        """Unit directions (3, rows * columns) through the picture points of columns x, rows y."""
        right, up, forward = self.axes[:, :, None, None]
        ray = (x - self.width / 2) * right + (
            (self.height / 2 - y)[:, None] * up + self.focal * forward
        )
        flat = ray.reshape(3, -1)
        return np.asarray(flat / np.sqrt(dot(flat, flat)), dtype=np.float32)

    def project(self, towards: Floats) -> Floats:
        """Picture points (2, points) of vectors (3, points) that start at the camera."""
        right, up, forward = self.axes @ towards
        scale = self.focal / np.maximum(forward, 1e-6)
        return np.stack([self.width / 2 + right * scale, self.height / 2 - up * scale])


@dataclass(frozen=True)
class _Pose:
    """The solid at one frame: world = turn @ local * size + centre."""

    centre: Floats  # (3, 1)
    turn: Floats
    size: float

    @classmethod
    def of(cls, scene: Scene, frame: float) -> _Pose:
        x = scene.start[0] + frame * scene.velocity[0]
        z = scene.start[1] + frame * scene.velocity[1]
        turn = _rotation(np.array([0.0, 1.0, 0.0]), scene.heading + frame * scene.spin)
        speed = float(np.hypot(*scene.velocity))
        if scene.shape == "ball":
            # Tilted, so that stripes do not lie level, and rolling without slipping.
            turn = turn @ _rotation(np.array([1.0, 0.0, 0.0]), 0.5)
            if speed > 0:
                axis = np.array([scene.velocity[1], 0.0, -scene.velocity[0]]) / speed
                turn = _rotation(axis, frame * speed / scene.size) @ turn
        centre = np.array([[x], [scene.size], [z]], dtype=np.float32)
        return cls(centre, turn.astype(np.float32), scene.size)

    def to_local(self, points: Floats) -> Floats:
        return np.asarray((self.turn.T / self.size) @ (points - self.centre), dtype=np.float32)

    def to_world(self, local: Floats) -> Floats:
        return np.asarray((self.turn * self.size) @ local + self.centre, dtype=np.float32)


def _rotation(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Rotation about a unit axis (Rodrigues' formula), shape (3, 3)."""
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: NDArray[np.float64] = (
        np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew
    )
    return turned


@dataclass(frozen=True)
class _Hits:
    what: NDArray[np.int8]
    distance: Floats
    normal: Floats  # of the solid, world space; undefined elsewhere


def _hit(shape: str, pose: _Pose, origin: Floats, ray: Floats) -> tuple[Floats, Floats]:
    """First hits of unit rays (3, n) with the solid, in world space; as `hit_solid`.

    `origin` or `ray` may be a single one, (3, 1).
    """
    to_centre = pose.centre - origin
    along = dot(to_centre, ray)
    # Most rays pass beside the sphere around the solid; a little wide, for the rounding.
    near = dot(to_centre, to_centre) - along * along < (1.01 * BOUNDS[shape] * pose.size) ** 2
    columns = np.flatnonzero(near)
    distance = np.full(along.shape, np.inf, dtype=np.float32)
    normal = np.zeros((3, len(along)), dtype=np.float32)
    start, way = (np.broadcast_to(v, normal.shape).take(columns, axis=1) for v in (origin, ray))
    local_way = np.asarray((pose.turn.T / pose.size) @ way, dtype=np.float32)
    hit, facing = hit_solid(shape, pose.to_local(start), local_way)
    distance[columns], normal[:, columns] = hit, pose.turn @ facing
    return distance, normal


def _trace(scene: Scene, pose: _Pose, origin: Floats, ray: Floats) -> _Hits:
    solid, normal = _hit(scene.shape, pose, origin, ray)
    with np.errstate(divide="ignore"):
        floor = np.where(ray[1] < -1e-5, -origin[1] / ray[1], np.float32(np.inf))
    what = np.where(solid < floor, _SOLID, np.where(np.isfinite(floor), _FLOOR, _SKY))
    return _Hits(what.astype(np.int8), np.minimum(solid, floor), normal)


def _sun_direction(scene: Scene) -> Floats:
    level = np.cos(scene.sun_height)
    return np.array(
        [
            level * np.sin(scene.sun_azimuth),
            np.sin(scene.sun_height),
            level * np.cos(scene.sun_azimuth),
        ],
        dtype=np.float32,
    )


def _shade_solid(scene: Scene, pose: _Pose, ray: Floats, point: Floats, normal: Floats) -> Floats:
    light, sun = LIGHTS[scene.time], _sun_direction(scene)
    sunlight, zenith, horizon = (c[:, None] for c in (light.sun, light.zenith, light.horizon))
    albedo = solid_albedo(scene.color, scene.pattern, scene.shape, pose.to_local(point))
    facing = np.clip(sun @ normal, 0, None)
    up = 0.5 + 0.5 * normal[1]
    ambient = up * (0.6 * zenith + 0.4 * horizon) + (1 - up) * (0.25 * horizon)
    diffuse = albedo * (facing * sunlight + ambient)
    against = dot(ray, normal)
    mirror = ray - 2 * against * normal
    # A sharp lobe carries the highlight far above 1; a wide one is the sheen of varnish.
    # Through the logarithm: a power that ends near zero is a hundred times as slow.
    decay = np.log(np.clip(sun @ mirror, 1e-6, 1))
    gloss = (9.0 * np.exp(500 * decay) + 0.12 * np.exp(24 * decay)) * (facing > 0) * sunlight
    fresnel = 0.04 + 0.5 * (1 - np.clip(-against, 0, 1)) ** 5
    reflected = np.where(mirror[1] > 0, np.float32(0.5), np.float32(0.15)) * horizon
    return np.asarray(diffuse + gloss + fresnel * reflected, dtype=np.float32)


def _shade_floor(scene: Scene, pose: _Pose, point: Floats, distance: Floats) -> Floats:
    light, sun = LIGHTS[scene.time], _sun_direction(scene)
    sunlight, zenith, horizon = (c[:, None] for c in (light.sun, light.zenith, light.horizon))
    albedo = floor_albedo(
        scene.floor, point[0] + scene.texture_offset[0], point[2] + scene.texture_offset[1]
    )
    above = point + np.array([[0], [1e-3], [0]], np.float32)
    blocked, _ = _hit(scene.shape, pose, above, sun[:, None])
    offset = point - pose.centre
    close = pose.size / np.maximum(np.sqrt(dot(offset, offset)), pose.size)
    open_sky = 1 - 0.75 * close * close * close  # contact shadow
    direct = np.isinf(blocked) * sun[1]
    colour = albedo * (direct * sunlight + open_sky * (0.6 * zenith + 0.4 * horizon))
    haze = 1 - np.exp(-np.square(distance / 28))
    return np.asarray(colour + (horizon - colour) * haze, dtype=np.float32)


def _shade(
    scene: Scene, pose: _Pose, origin: Floats, ray: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Radiance (3, rays) along rays, and whether they see the solid, (rays,)."""
    hits = _trace(scene, pose, origin, ray)
    rgb = np.empty_like(ray)
    for what in (_SKY, _FLOOR, _SOLID):
        columns = np.flatnonzero(hits.what == what)
        seen = ray.take(columns, axis=1)
        if what == _SKY:
            rgb[:, columns] = sky_radiance(LIGHTS[scene.time], seen, _sun_direction(scene))
            continue
        distance = hits.distance[columns]
        point = origin + distance * seen
        if what == _FLOOR:
            rgb[:, columns] = _shade_floor(scene, pose, point, distance)
        else:
            normal = hits.normal.take(columns, axis=1)
            rgb[:, columns] = _shade_solid(scene, pose, seen, point, normal)
    return rgb, hits.what == _SOLID


def _bands(width: int, height: int) -> Iterator[slice]:
    """Stretches of rows that make up the picture, each of about `_RAYS` pixels."""
    rows = max(1, _RAYS // width)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def render_picture(
    scene: Scene, frame: float, width: int, height: int, *, samples: int = 2
) -> tuple[Floats, Floats]:
    """Picture (h, w, 3) and matte (h, w) of one frame; parameters as for `render`."""
    camera, pose = _Camera.of(scene, frame, width, height), _Pose.of(scene, frame)
    picture: Floats = np.empty((height, width, 3), dtype=np.float32)
    matte: Floats = np.empty((height, width), dtype=np.float32)
    x, y = (np.arange(side, dtype=np.float32) for side in (width, height))
    within = [(index + 0.5) / samples for index in range(samples)]
    for band in _bands(width, height):
        pixels = width * (band.stop - band.start)
        colour = np.zeros((3, pixels), dtype=np.float32)
        cover = np.zeros(pixels, dtype=np.float32)
        for right, down in product(within, within):
            ray = camera.rays(x + right, y[band] + down)
            rgb, on_solid = _shade(scene, pose, camera.position, ray)
            colour += rgb
            cover += on_solid
        picture[band] = (colour / samples**2).T.reshape(-1, width, 3)
        matte[band] = (cover / samples**2).reshape(-1, width)
    return picture, matte


def render(scene: Scene, frame: float, width: int, height: int, *, samples: int = 2) -> Layers:
    """Render one frame with all its layers.

    Parameters
    ----------
    scene : Scene
    frame : float
        Frames since the scene's frame 0.
    width, height : int
        Picture size in pixels.
    samples : int
        Samples per pixel along each axis, on a regular grid.
    """
    picture, matte = render_picture(scene, frame, width, height, samples=samples)
    return Layers(picture, matte, *_centre_layers(scene, frame, width, height))


def render_depth(scene: Scene, frame: float, width: int, height: int) -> Floats:
    """Depth (h, w) alone, as in `Layers`; parameters as for `render`."""
    camera, pose = _Camera.of(scene, frame, width, height), _Pose.of(scene, frame)
    depth: Floats = np.empty((height, width), dtype=np.float32)
    x, y = (np.arange(side, dtype=np.float32) + np.float32(0.5) for side in (width, height))
    for band in _bands(width, height):
        ray = camera.rays(x, y[band])
        hits = _trace(scene, pose, camera.position, ray)
        depth[band] = _along_view(camera, hits, ray).reshape(-1, width)
    return depth


def _along_view(camera: _Camera, hits: _Hits, ray: Floats) -> Floats:
    """Depths (rays,) of hits along the view axis, `FAR` for the sky and beyond."""
    along = np.full(len(hits.distance), FAR, dtype=np.float32)
    met = hits.what != _SKY
    np.minimum(hits.distance * (camera.axes[2] @ ray), FAR, out=along, where=met)
    return along


def _centre_layers(
    scene: Scene, frame: float, width: int, height: int
) -> tuple[Floats, Floats, Floats]:
    """Depth and both motions at pixel centres: a mean of two motions would be neither."""
    camera, pose = _Camera.of(scene, frame, width, height), _Pose.of(scene, frame)
    others = [
        (_Camera.of(scene, other, width, height), _Pose.of(scene, other))
        for other in (frame + 1, frame - 1)
    ]
    depth: Floats = np.empty((height, width), dtype=np.float32)
    motions: Floats = np.empty((2, height, width, 2), dtype=np.float32)
    x, y = (np.arange(side, dtype=np.float32) + np.float32(0.5) for side in (width, height))
    for band in _bands(width, height):
        ray = camera.rays(x, y[band])
        hits = _trace(scene, pose, camera.position, ray)
        here = np.stack(np.meshgrid(x, y[band])).reshape(2, -1)
        solid, sky = (np.flatnonzero(hits.what == what) for what in (_SOLID, _SKY))
        hits.distance[sky] = FAR
        point = camera.position + hits.distance * ray
        local = pose.to_local(point[:, solid])
        for motion, (then, turned) in zip(motions, others, strict=True):
            towards = point - then.position
            towards[:, solid] = turned.to_world(local) - then.position
            towards[:, sky] = ray[:, sky]
            motion[band] = (then.project(towards) - here).T.reshape(-1, width, 2)
        depth[band] = _along_view(camera, hits, ray).reshape(-1, width)
    return depth, motions[0], motions[1]
