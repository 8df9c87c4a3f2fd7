"""ffmpeg's `deflicker` fed as well as it can be: a gain of the luma per frame, without a plate.

The filter multiplies 16-bit luma codes by a number. The codes are logarithmic, so that the light
above 1 is kept, and start far below black, so that a product acts as a sum of stops on all levels
alike. Colour lies in the two other planes, which the filter leaves alone.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.flicker_clips import Float32
from tokenflow.deflicker.settings import TOE
from tokenflow.deflicker.stops import to_stops

SIZES = (3, 5, 9, 15, 25, 49, 97)
_LOWEST, _STOPS = -56.0, 72.0
_FULL = 65535.0


def ffmpeg_deflicker(pictures: Sequence[Float32], size: int) -> list[Float32]:
    """Return the pictures (h, w, 3), scene-linear, filtered with a window of `size` frames.

    Raises
    ------
    FileNotFoundError
        If ffmpeg is not installed.
    subprocess.CalledProcessError
        If it fails.
    """
    height, width = pictures[0].shape[:2]
    planes = np.stack([_to_planes(picture) for picture in pictures])
    layout = ["-f", "rawvideo", "-pix_fmt", "yuv444p16le"]
    command = ["ffmpeg", "-v", "error", *layout, "-s", f"{width}x{height}", "-r", "24", "-i", "-"]
    command += ["-vf", f"deflicker=size={size}:mode=am", *layout, "-"]
    done = subprocess.run(command, input=planes.tobytes(), capture_output=True, check=True)
    filtered = np.frombuffer(done.stdout, dtype="<u2").reshape(planes.shape)
    return [_from_planes(frame) for frame in filtered]


def _to_planes(picture: Float32) -> npt.NDArray[np.uint16]:
    stops = to_stops(picture).astype(np.float64)
    luma = stops.mean(axis=-1)
    codes = [(luma - _LOWEST) / _STOPS] + [
        (stops[..., channel] - luma) / _STOPS + 0.5 for channel in (0, 2)
    ]
    return np.asarray(np.rint(np.clip(np.stack(codes), 0, 1) * _FULL), dtype="<u2")


def _from_planes(planes: npt.NDArray[np.uint16]) -> Float32:
    codes = planes.astype(np.float64) / _FULL * _STOPS
    luma = codes[0] + _LOWEST
    red, blue = (codes[plane] - _STOPS / 2 + luma for plane in (1, 2))
    stops = np.stack([red, 3 * luma - red - blue, blue], axis=-1)
    return np.asarray(np.exp2(stops) - TOE, dtype=np.float32)
