"""Synthetic clips with flicker of known size: plate, edit, and the edit as it should be.

A textured background pans, two textured solids move over it, a lamp at 40 stands in it. The edit
gives background and solids other hues, so at a silhouette the edit's contrast is not the plate's.
What the light really does (flashes, a slow change) is in the plate and in the edit; the flicker is
in the edit alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FRAMES = 48
FIRST = 1001
FLASHES = (1013, 1014, 1030, 1031)
FLASH = 1.8
LAMP = 40.0
LAMP_HUE = np.array([1, 0.8, 0.6], dtype=np.float32)
BAND = 6.0
"""Half the width of the band round a silhouette, in pixels of a picture 320 wide."""


@dataclass(frozen=True)
class Scene:
    """What flickers, and what the light really does; sizes are standard deviations in stops.

    Attributes
    ----------
    gain : float
        Of the whole frame.
    local : float
        Of a field that is smooth over some 20 pixels.
    colour : float
        Of each channel of the whole frame.
    shimmer : float
        Of each pixel.
    flash, slow_light : bool
        Whether the light flashes, and changes by half a stop up and down over the clip.
    grain : float
        Of the plate, in stops.
    grainy_edit : bool
        Whether the edit carries the plate's grain.
    """

    name: str
    gain: float = 0.0
    local: float = 0.0
    colour: float = 0.0
    shimmer: float = 0.0
    flash: bool = False
    slow_light: bool = False
    grain: float = 0.0
    grainy_edit: bool = False


_A = Scene("A", gain=0.06, local=0.09, colour=0.03, shimmer=0.03)
_B = replace(_A, name="B", flash=True, slow_light=True, grain=0.05)
SCENES = (
    Scene("global, static", gain=0.12),
    Scene("global, flash", gain=0.12, flash=True),
    _A,
    _B,
    replace(_B, name="C", grain=0.0, shimmer=0.09),
    replace(_B, name="B, grainy edit", grainy_edit=True),
)


@dataclass(frozen=True)
class Frame:
    """One frame of a clip, scene-linear.

    Attributes
    ----------
    plate, truth, flickering : (h, w, 3)
        The plate, the edit as it should be, the edit that flickers.
    silhouette : (h, w) bool
        The band round the solids' outlines.
    lamp : (h, w) bool
        Where the lamp shines fully.
    forward, backward : (h, w, 2)
        Exact motion to the next and to the previous frame, pixels, x right, y down.
    """

    plate: Float32
    truth: Float32
    flickering: Float32
    silhouette: Mask
    lamp: Mask
    forward: Float32
    backward: Float32


@dataclass(frozen=True)
class _Layer:
    """A surface that moves as a whole: its texture, and where its origin is at each frame."""

    texture: Float32
    edited: Float32
    place: npt.NDArray[np.float64]
    radii: tuple[float, float] | None = None


@dataclass
class Clip:
    """A scene at a size; frames are made when asked for, each from its own random numbers."""

    scene: Scene
    width: int = 320
    height: int = 180
    frames: int = FRAMES
    seed: int = 1
    _layers: list[_Layer] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 77])
        scale = self.width / 320
        size = np.array([self.width, self.height])
        time = np.arange(-1, self.frames + 1)[:, None]
        sway = np.sin(time * np.array([0.21, 0.17])) * 2.0 * scale
        pan = time * np.array([1.3, 0.4]) * scale + sway
        first = size * (0.28, 0.55) + time * np.array([3.1, 0.35]) * scale
        second = size * (0.78, 0.38) - time * np.array([2.3, -0.6]) * scale + sway[:, ::-1]
        colours = ((0.30, 0.26, 0.20), (0.22, 0.30, 0.34), (0.42, 0.20, 0.16))
        edits = (np.diag([1.25, 0.85, 0.6]), np.eye(3)[[1, 2, 0]] * 1.2, np.eye(3)[[2, 0, 1]] * 0.8)
        radii = (None, (0.10, 0.10), (0.07, 0.13))
        self._layers = []
        for colour, edit, place, share in zip(
            colours, edits, (pan, first, second), radii, strict=True
        ):
            texture = _texture(rng, scale) * np.array(colour, dtype=np.float32)
            edited = texture @ (edit + 0.05).astype(np.float32).T
            both = None if share is None else (share[0] * self.width, share[1] * self.width)
            self._layers.append(_Layer(texture, edited, place, both))

    @property
    def numbers(self) -> range:
        """Absolute numbers of the frames."""
        return range(FIRST, FIRST + self.frames)

    def __iter__(self) -> Iterator[Frame]:
        return (self.frame(number) for number in self.numbers)

    def light(self, number: int) -> float:
        """What the light does: 1 where nothing happens."""
        value = 1.0
        if self.scene.slow_light:
            value *= 2.0 ** (0.25 * np.sin(2 * np.pi * (number - FIRST) / 48))
        if self.scene.flash and number in FLASHES:
            value *= FLASH
        return float(value)

    def frame(self, number: int) -> Frame:
        """Render a frame."""
        index = number - FIRST + 1  # places start one frame early, for the motion
        y, x = np.indices((self.height, self.width), dtype=np.float64)
        plate = truth = np.zeros((self.height, self.width, 3), dtype=np.float32)
        motion = np.zeros((2, self.height, self.width, 2), dtype=np.float32)
        band = np.zeros((self.height, self.width), dtype=bool)
        lamp = np.zeros((self.height, self.width), dtype=np.float32)
        for layer in self._layers:
            u, v = x - layer.place[index, 0], y - layer.place[index, 1]
            cover = np.ones((self.height, self.width), dtype=np.float32)
            if layer.radii is None:
                centre = np.array([0.62, 0.25]) * (self.width, self.height)
                lamp = _inside(np.hypot(u - centre[0], v - centre[1]) - 5 * self.width / 320)
            else:
                outline = (np.hypot(u / layer.radii[0], v / layer.radii[1]) - 1) * min(layer.radii)
                cover = _inside(outline)
                band = np.where(cover > 0, False, band) | (
                    np.abs(outline) < BAND * self.width / 320
                )
                lamp = lamp * (1 - cover)
            plate = _over(plate, _sample(layer.texture, u, v), cover)
            truth = _over(truth, _sample(layer.edited, u, v), cover)
            for step, out in zip((1, -1), motion, strict=True):
                out[cover > 0.5] = layer.place[index + step] - layer.place[index]
        light = np.float32(self.light(number))
        shine = np.float32(LAMP) * lamp[..., None]
        plate, truth = (
            (plate + shine) * light,
            (truth + shine * np.array([1, 0.8, 0.6], dtype=np.float32)) * light,
        )
        rng = np.random.default_rng([self.seed, number])
        grain = np.exp2(self.scene.grain * rng.standard_normal(plate.shape, dtype=np.float32))
        plate = plate * grain
        truth = truth * grain if self.scene.grainy_edit else truth
        flickering = truth * np.exp2(self.flicker(number))
        return Frame(plate, truth, flickering, band, lamp > 0.999, motion[0], motion[1])

    def flicker(self, number: int) -> Float32:
        """Return the flicker of a frame in stops, (h, w, 3)."""
        scene = self.scene
        rng = np.random.default_rng([self.seed, number, 5])
        whole = scene.gain * rng.standard_normal() + scene.colour * rng.standard_normal(3)
        coarse = rng.standard_normal((self.height // 20 + 3, self.width // 20 + 3))
        smooth = cv2.resize(coarse, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        smooth *= scene.local / smooth.std()
        shape = (self.height, self.width, 3)
        fine = cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), 0.7)
        fine *= scene.shimmer / fine.std()
        return np.asarray(whole + smooth[..., None] + fine, dtype=np.float32)


def _texture(rng: np.random.Generator, scale: float, size: int = 512) -> Float32:
    """Return a periodic texture (size, size, 3) around 1: 1/f noise without the finest details."""
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None]
    radius = np.hypot(fy, fx)
    shape = np.where(radius > 0, 1 / np.maximum(radius, 4 / size), 0) * np.exp(
        -((radius / 0.2) ** 4)
    )
    grey, tint = (
        np.fft.ifft2(np.fft.fft2(rng.standard_normal((count, size, size))) * shape).real
        for count in (1, 3)
    )
    stops = grey / grey.std() * 0.7 + tint / tint.std() * 0.25
    texture: Float32 = np.exp2(np.moveaxis(stops, 0, -1)).astype(np.float32)
    if scale == 1:
        return texture
    target = (round(size * scale), round(size * scale))
    return np.asarray(cv2.resize(texture, target, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _sample(texture: Float32, u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]) -> Float32:
    size = texture.shape[0]
    picture = cv2.remap(
        texture,
        np.mod(u, size).astype(np.float32),
        np.mod(v, size).astype(np.float32),
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_WRAP,
    )
    return np.asarray(np.clip(picture, 0, None), dtype=np.float32)


def _inside(outline: npt.NDArray[np.float64]) -> Float32:
    """Return how much of each pixel lies inside an outline given by its distance."""
    return np.clip(0.5 - outline, 0, 1).astype(np.float32)


def _over(below: Float32, above: Float32, cover: Float32) -> Float32:
    return np.asarray(below + (above - below) * cover[..., None], dtype=np.float32)
