"""Flicker: the temporal spectrum of blocks of the picture that are followed along the plate.

Blocks of 1/24 of the width, on a grid, are followed along the plate's motion for up to 16 frames;
one that is covered, leaves the picture or touches a motion boundary is dropped. Their mean log luma
and chroma (log R - log G, log B - log G), in stops, give periodograms with a Hann window, averaged
over blocks and over stretches of frames that overlap by half (Welch 1967). Power above a quarter of
the frame rate is flicker; below it (from 1 Hz) lies what the shot does. Decibels are against the
plate's own power in the same blocks. The added flicker is that of the difference edit minus plate:
what the edit does over time and the plate does not, as RMS in stops above a quarter of the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tokenflow.metrics.clip import Clip
from tokenflow.metrics.places import at, box_mean
from tokenflow.metrics.warp_error import Mask, Motion

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Followed = Callable[[int, int], tuple[Motion, Mask]]
"""Gives motion and visibility between two frames of the plate."""

STRETCH = 16  # frames of one periodogram
SHORTEST = 4
BLOCKS = 24  # across the picture


@dataclass(frozen=True)
class Track:
    """Blocks followed through a stretch of frames.

    Attributes
    ----------
    numbers
        The frames.
    places : (frames, blocks, 2)
        Centres of the blocks: x, y in pixels.
    """

    numbers: tuple[int, ...]
    places: Float32


@dataclass(frozen=True)
class Spectrum:
    """Mean periodograms of a clip.

    Attributes
    ----------
    frequencies : (bins,)
        In cycles per frame, up to 0.5, without 0.
    luma, chroma : (bins,)
        Power density in stops² per cycle per frame; chroma is the mean of its two differences.
    added : (bins,)
        The same of luma, of the difference to the plate.
    """

    frequencies: Float64
    luma: Float64
    chroma: Float64
    added: Float64

    def to_json(self) -> dict[str, list[float]]:
        """Return all lists, rounded to six digits."""
        return {
            name: [float(f"{value:.6g}") for value in values]
            for name, values in asdict(self).items()
        }


def follow(numbers: Sequence[int], size: tuple[int, int], followed: Followed) -> list[Track]:
    """Follow blocks through all stretches of a shot.

    Parameters
    ----------
    numbers
        Frames of the shot.
    size
        (width, height) of the pictures.
    """
    length = min(STRETCH, len(numbers))
    if length < SHORTEST:
        return []
    starts = list(range(0, len(numbers) - length + 1, max(1, length // 2)))
    if starts[-1] != len(numbers) - length:
        starts.append(len(numbers) - length)
    tracks = [_follow(tuple(numbers[s : s + length]), size, followed) for s in starts]
    return [track for track in tracks if track.places.shape[1]]


def block_side(width: int) -> int:
    """Return the side of a block in pixels, odd."""
    return max(3, round(width / BLOCKS)) | 1


def spectrum(clip: Clip, plate: Clip, tracks: Sequence[Track]) -> Spectrum:
    """Measure a clip along the plate's tracks.

    Raises
    ------
    ValueError
        Without any track.
    """
    if not tracks:
        raise ValueError("no block of the plate can be followed")
    sums: list[Float64] = []
    blocks = 0
    for track in tracks:
        values, base = _signals(clip, track), _signals(plate, track)
        parts = np.stack([*values, values[0] - base[0]])
        power = _periodogram(parts)
        sums.append(power.sum(axis=1))
        blocks += track.places.shape[1]
    total = np.sum(sums, axis=0) / blocks
    frequencies = np.asarray(np.fft.rfftfreq(len(tracks[0].numbers))[1:], np.float64)
    return Spectrum(frequencies, total[0], (total[1] + total[2]) / 2, total[3])


def band(power: Float64, frequencies: Float64, low: float, high: float) -> float:
    """Return the power between two frequencies in cycles per frame, `low` < f <= `high`: stops²."""
    chosen = (frequencies > low + 1e-9) & (frequencies <= high + 1e-9)
    return float(power[chosen].sum() * (frequencies[1] - frequencies[0]))


def _follow(numbers: tuple[int, ...], size: tuple[int, int], followed: Followed) -> Track:
    width, height = size
    side = block_side(width)
    margin = side // 2 + 1
    x = np.arange(margin, width - margin, side, dtype=np.float32)
    y = np.arange(margin, height - margin, side, dtype=np.float32)
    here = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    places, alive = [here], np.ones(len(here), np.bool_)
    for first, second in pairwise(numbers):
        motion, seen = followed(first, second)
        mean = box_mean(motion.forward, side)
        share = box_mean(seen.astype(np.float32), side)
        # What is seen again lies inside the picture, so no block leaves it unnoticed.
        alive &= at(share[..., None], here)[:, 0] > 0.95
        here = here + at(mean, here)
        places.append(here)
    return Track(numbers, np.stack(places)[:, alive].astype(np.float32))


def _signals(clip: Clip, track: Track) -> Float32:
    """Return luma and the two chroma differences of each block: (3, blocks, frames), stops."""
    columns = []
    for number, places in zip(track.numbers, track.places, strict=True):
        channels = clip.stops(number)
        luma = clip.log_luma(number)
        red, blue = channels[..., 0] - channels[..., 1], channels[..., 2] - channels[..., 1]
        planes = np.stack([luma, red, blue], axis=-1)
        side = block_side(planes.shape[1])
        columns.append(at(box_mean(planes, side), places).T)
    return np.stack(columns, axis=-1)


def _periodogram(values: Float32) -> Float64:
    """Return one-sided power densities (kinds, blocks, bins) of (kinds, blocks, frames)."""
    frames = values.shape[-1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(frames) + 0.5) / frames)
    centred = values.astype(np.float64) - values.mean(axis=-1, keepdims=True, dtype=np.float64)
    power = np.abs(np.fft.rfft(centred * window, axis=-1)) ** 2 / (window**2).sum()
    power[..., 1:] *= 2
    if frames % 2 == 0:
        power[..., -1] /= 2  # the highest bin has no mirror image
    return np.asarray(power[..., 1:], np.float64)
