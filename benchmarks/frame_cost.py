"""What a 4K RGBA half frame costs beside the model, step by step, against oiiotool.

    python -m benchmarks.frame_cost [--size 4096 2160] [--model-size 704 384] [--frames 3]

Seconds of CPU over all threads, the best of several frames: the first one also pays for compiling,
and for memory that the machine has not given yet. The whole picture is edited, the dearest case.
oiiotool reads the same file, converts it to the log space and back, makes the small picture, and
writes.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from ocio.config import PINNED_CONFIG, resolve_config
from ocio.encoding import Encoding
from ocio.exr import read_frame
from ocio.exr_write import write_frame
from ocio.frame import Frame, Part
from ocio.merge import Placement, delta, merge_delta
from ocio.resample import Size, proxy
from ocio.window import EditRectangle, Window
from tokenflow.checkpoints.weights import sha256_of


class Clock:
    """The least CPU seconds that each step took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time a step."""
        started = time.process_time()
        yield
        spent = time.process_time() - started
        self.seconds[step] = min(self.seconds.get(step, spent), spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, nargs=2, default=(4096, 2160))
    parser.add_argument("--model-size", type=int, nargs=2, default=(704, 384))
    parser.add_argument("--frames", type=int, default=3)
    options = parser.parse_args()
    oiio.attribute("threads", 1)
    encoding = Encoding.build(resolve_config(), "ACEScg", "view")
    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        plate = Path(scratch) / "plate.exr"
        _write_plate(plate, options.size)
        for _ in range(options.frames):
            _one_frame(plate, tuple(options.model_size), encoding, clock)
        for step, seconds in clock.seconds.items():
            print(f"{seconds:6.2f}  {step}")
        print(f"{sum(clock.seconds.values()):6.2f}  in all")
        for what, arguments in _tool_runs(options.model_size).items():
            seconds = min(_tool(plate, arguments) for _ in range(options.frames))
            print(f"{seconds:6.2f}  oiiotool: {what}")


def _one_frame(plate: Path, size: Size, encoding: Encoding, clock: Clock) -> None:
    with clock("read: decode"):
        frame = read_frame(plate)
    with clock("read: colours to float32"):
        rgb = frame.rgb()
    rectangle = EditRectangle(Window(0, 0, rgb.shape[1], rgb.shape[0]))
    with clock("read: area average"):
        small = proxy(rgb, rectangle, size)
    with clock("read: what the model sees"):
        seen = encoding.encode(small)
    with clock("read: SHA-256 of the file"):
        sha256_of(plate)
    edited = np.clip(seen * np.linspace(0.8, 1.1, size[0], dtype=np.float32)[None, :, None], 0, 1)
    with clock("delta, both pictures"):
        change = delta(encoding, edited, seen)
    del frame, rgb
    with clock("merge: decode"):
        frame = read_frame(plate)
        rgb, alpha = frame.rgb(), frame.alpha()
    with clock("merge: guide, upsampling, log and back"):
        merged = merge_delta(rgb, change, encoding, Placement(rectangle, alpha=alpha))
    with clock("merge: to half"):
        result = frame.with_rgb(merged.rgb, merged.touched)
    target = plate.with_name("result.exr")
    with clock("write: compress, read back, compare"):
        write_frame(target, result, overwrite=True)


def _write_plate(path: Path, size: Size) -> None:
    """Write smooth light with edges and grain."""
    width, height = size
    random = np.random.default_rng(1)
    small = random.lognormal(-1.5, 1.0, (height // 80, width // 80, 3)).astype(np.float32)
    steps = small.repeat(81, 0)[:height].repeat(82, 1)[:, :width]
    light = steps * np.exp2(random.normal(0.0, 0.05, steps.shape).astype(np.float32))
    channels = {name: light[..., index] for index, name in enumerate("RGB")}
    channels["A"] = np.ones((height, width), np.float32)
    window = Window(0, 0, width, height)
    half = {name: np.ascontiguousarray(one, np.float16) for name, one in channels.items()}
    types = dict.fromkeys(half, "float16")
    part = Part("", types, window, window, 1.0, "zip", None, {}, half)
    write_frame(path, Frame(Path(), None, (part,)))


def _tool_runs(size: Size) -> dict[str, list[str]]:
    there_and_back = ["--colorconvert", "ACEScg", "ACEScct", "--colorconvert", "ACEScct", "ACEScg"]
    resize = ["--dup", "--resize:filter=box", f"{size[0]}x{size[1]}", "--pop"]
    write = ["-o", "tool.exr"]
    return {
        "read, write": write,
        "read, small picture": resize,
        "read, log and back, small picture, write": [*there_and_back, *resize, *write],
    }


def _tool(plate: Path, arguments: list[str]) -> float:
    tool = shutil.which("oiiotool", path=str(Path(sys.executable).parent)) or "oiiotool"
    command = [tool, "--threads", "1", "--colorconfig", PINNED_CONFIG, plate.name, *arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=plate.parent, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
