"""The demo's world in words and numbers: what stands in a scene, and the sentence that says so.

The checkpoint knows this world only. A scene is one solid on a floor under a sky; every word of its
caption has exactly one visible cause, so that an edited caption has exactly one right answer, which
the benchmarks render to judge an edit.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SHAPES = ("ball", "cube", "cylinder")
PATTERNS = ("plain", "striped", "checkered", "dotted")
FLOORS = ("grassy", "wooden", "tiled", "sandy")
TIMES = ("noon", "sunset", "night")

# Linear Rec.709 primaries of the paints; `_AP1_FROM_REC709` takes them to ACEScg.
_PAINTS = {
    "red": (0.60, 0.02, 0.02),
    "orange": (0.85, 0.22, 0.01),
    "yellow": (0.85, 0.62, 0.02),
    "green": (0.03, 0.35, 0.04),
    "cyan": (0.03, 0.50, 0.55),
    "blue": (0.02, 0.06, 0.60),
    "purple": (0.18, 0.03, 0.38),
    "pink": (0.85, 0.18, 0.42),
    "white": (0.85, 0.85, 0.85),
    "black": (0.015, 0.015, 0.015),
}
COLORS = tuple(_PAINTS)
CHROMATIC_COLORS = COLORS[:8]

# Bradford-adapted Rec.709 (D65) to ACEScg (AP1, ACES white).
_AP1_FROM_REC709 = np.array(
    [
        [0.613097, 0.339523, 0.047379],
        [0.070194, 0.916354, 0.013452],
        [0.020616, 0.109570, 0.869815],
    ],
    dtype=np.float32,
)

Kind = Literal["color", "pattern", "floor", "time"]
KINDS: tuple[Kind, ...] = ("color", "pattern", "floor", "time")
_CHOICES: dict[Kind, tuple[str, ...]] = {
    "color": COLORS,
    "pattern": PATTERNS,
    "floor": FLOORS,
    "time": TIMES,
}

VOCABULARY = tuple(sorted({*COLORS, *PATTERNS, *SHAPES, *FLOORS, *TIMES, "a", "on", "floor", "at"}))


@dataclass(frozen=True)
class Scene:
    """One moving scene; lengths in metres, angles in radians, motion per frame.

    Attributes
    ----------
    color, pattern, shape, floor, time : str
        The words of the caption.
    size : float
        Radius of the ball and cylinder, half the edge of the cube.
    start, velocity : (x, z)
        Where the solid stands on the floor at frame 0 and how far it moves in a frame.
    heading, spin : float
        Rotation about the vertical at frame 0 and per frame. A ball also rolls along `velocity`.
    camera, camera_velocity, target : (x, y, z)
        Camera position at frame 0, its movement per frame, and the point that it looks at.
    field_of_view : float
        Diagonal field of view, so that every aspect ratio frames the solid alike.
    sun_azimuth, sun_height : float
        Direction of sun or moon.
    texture_offset : (x, z)
        Where on the infinite floor texture the scene stands.
    """

    color: str = "red"
    pattern: str = "striped"
    shape: str = "ball"
    floor: str = "wooden"
    time: str = "noon"
    size: float = 0.75
    start: tuple[float, float] = (0.0, 0.0)
    velocity: tuple[float, float] = (0.0, 0.0)
    heading: float = 0.0
    spin: float = 0.0
    camera: tuple[float, float, float] = (0.0, 1.6, 4.6)
    camera_velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    target: tuple[float, float, float] = (0.0, 0.7, 0.0)
    field_of_view: float = 0.9
    sun_azimuth: float = 0.8
    sun_height: float = 0.9
    texture_offset: tuple[float, float] = (0.0, 0.0)

    @property
    def caption(self) -> str:
        """The sentence that describes the scene, in the words of `VOCABULARY`."""
        return f"a {self.color} {self.pattern} {self.shape} on a {self.floor} floor at {self.time}"

    def with_word(self, kind: Kind, word: str) -> Scene:
        """The same scene with one word of its caption replaced."""
        if word not in _CHOICES[kind]:
            raise ValueError(
                f"{word!r} is no {kind} of the demo world: {', '.join(_CHOICES[kind])}"
            )
        changes: dict[str, object] = {kind: word}
        if kind == "time":
            changes["sun_height"] = SUN_HEIGHTS[word]
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


SUN_HEIGHTS = {"noon": 0.95, "sunset": 0.28, "night": 0.7}


def random_scene(rng: np.random.Generator) -> Scene:
    """A scene with every word and number drawn at random; the source of the training set."""
    time = str(rng.choice(TIMES))
    size = rng.uniform(0.5, 0.85)
    side = rng.uniform(-0.5, 0.5)
    distance = rng.uniform(3.6, 5.8)
    orbit = rng.uniform(-np.pi, np.pi)
    height = rng.uniform(0.9, 2.6)
    camera = (distance * np.sin(orbit), height, distance * np.cos(orbit))
    across = np.array([np.cos(orbit), -np.sin(orbit)])
    speed = rng.uniform(0.015, 0.05) * rng.choice([-1.0, 1.0])
    drift = rng.uniform(-0.03, 0.03)
    return Scene(
        color=str(rng.choice(COLORS)),
        pattern=str(rng.choice(PATTERNS)),
        shape=str(rng.choice(SHAPES)),
        floor=str(rng.choice(FLOORS)),
        time=time,
        size=float(size),
        start=(float(side * across[0]), float(side * across[1])),
        velocity=(float(speed * across[0]), float(speed * across[1])),
        heading=float(rng.uniform(0, 2 * np.pi)),
        spin=float(rng.uniform(-0.05, 0.05)),
        camera=(float(camera[0]), float(camera[1]), float(camera[2])),
        camera_velocity=(float(drift * across[0]), 0.0, float(drift * across[1])),
        target=(0.0, float(size * rng.uniform(0.7, 1.2)), 0.0),
        field_of_view=float(rng.uniform(0.75, 1.0)),
        # Behind the camera or beside it, so that the solid is rarely a mere silhouette.
        sun_azimuth=float(orbit + rng.uniform(-1.9, 1.9)),
        sun_height=float(SUN_HEIGHTS[time] + rng.uniform(-0.08, 0.08)),
        texture_offset=(float(rng.uniform(-50, 50)), float(rng.uniform(-50, 50))),
    )


def random_edit(scene: Scene, kind: Kind, rng: np.random.Generator) -> Scene:
    """The scene with the word of `kind` replaced by another one drawn at random.

    Colour edits go between the eight chromatic colours, whose hue can be measured.
    """
    choices = CHROMATIC_COLORS if kind == "color" else _CHOICES[kind]
    others = [word for word in choices if word != getattr(scene, kind)]
    return scene.with_word(kind, str(rng.choice(others)))


def paint(color: str) -> Floats:
    """Albedo of a paint in ACEScg, shape (3,)."""
    return _AP1_FROM_REC709 @ np.array(_PAINTS[color], dtype=np.float32)


def contrast_paint(color: str) -> Floats:
    """The second paint of a pattern: near-white on dark paints, near-black on light ones."""
    bright = float(paint(color) @ np.array([0.27, 0.67, 0.06])) > 0.3
    return np.full(3, 0.03 if bright else 0.8, dtype=np.float32)


@dataclass(frozen=True)
class Light:
    """Sun or moon and the sky around it, scene-linear ACEScg; `disc` is the disc's radiance."""

    sun: Floats
    zenith: Floats
    horizon: Floats
    disc: float


def _ap1(*rgb: float) -> Floats:
    return _AP1_FROM_REC709 @ np.array(rgb, dtype=np.float32)


LIGHTS = {
    "noon": Light(_ap1(2.6, 2.5, 2.25), _ap1(0.16, 0.34, 0.80), _ap1(0.60, 0.72, 0.85), 400.0),
    "sunset": Light(_ap1(2.9, 1.25, 0.42), _ap1(0.16, 0.14, 0.34), _ap1(1.15, 0.46, 0.17), 60.0),
    "night": Light(_ap1(0.42, 0.5, 0.74), _ap1(0.012, 0.02, 0.06), _ap1(0.05, 0.065, 0.14), 25.0),
}
