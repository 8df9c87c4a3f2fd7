"""An edit that changes nothing over a zoo of plates, by the command, judged by the OpenEXR library.

    python -m benchmarks.passthrough_zoo [FOLDER_OF_SEQUENCES ...]

Each file of the zoo (`tests/ocio/zoo.py`), and each sequence given, goes through the whole road of
`tokenflow edit --method passthrough`. The OpenEXR library's own reader compares samples bit for
bit in every part and channel, and every attribute that is to be kept. The last line gives the
largest sample of the difference picture amplified 100 times.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from ocio.sequence import find_sequence
from tests.ocio.zoo import ZOO
from tokenflow.cli.door import run_program

_OWN = {
    *("chunkCount", "compression", "lineOrder", "software", "capDate", "type", "version"),
    *("dwaCompressionLevel", "tiles", "channels"),
}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="*", type=Path, help="sequences beside the zoo")
    options = parser.parse_args()
    worst, frames, samples = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        for name, plate in _plates(Path(scratch), options.folder):
            target = Path(scratch) / "out" / name
            command = ["edit", str(plate), "-o", str(target), "--method", "passthrough"]
            command += ["--colorspace", "ACEScg", "--workspace", scratch + "/workspace"]
            code = run_program([*command, "--size", "64x64", "--progress", "plain"])
            if code != 0:
                raise SystemExit(f"{name}: exit code {code}")
            before, after = find_sequence(plate), find_sequence(target)
            for frame in before.frames:
                counted, difference = _compare(before.path(frame), after.path(frame))
                worst = max(worst, difference)
                samples += counted
                frames += 1
            print(f"{name}: same", flush=True)
    print(f"{frames} frames, {samples} samples, all bit-identical")
    print(f"largest difference, amplified 100 times: {100.0 * worst:g}")


def _plates(scratch: Path, folders: list[Path]) -> Iterator[tuple[str, Path]]:
    for name, write in ZOO.items():
        folder = scratch / "plates" / name
        write(folder / "plate.1001.exr")
        yield name, folder
    for folder in folders:
        yield folder.name, folder


def _compare(plate: Path, result: Path) -> tuple[int, float]:
    """Return the number of samples and the largest difference; stop where a bit differs."""
    counted, worst = 0, 0.0
    parts = [OpenEXR.File(str(path), separate_channels=True).parts for path in (plate, result)]
    for old, new in zip(*parts, strict=True):
        kept = {key: _plain(value) for key, value in old.header.items() if key not in _OWN}
        found = {key: _plain(new.header.get(key)) for key in kept}
        if found != kept:
            raise SystemExit(f"{result}: attributes differ")
        for name, channel in old.channels.items():
            one, other = channel.pixels, new.channels[name].pixels
            if one.dtype != other.dtype or not np.array_equal(_bits(one), _bits(other)):
                raise SystemExit(f"{result}: channel {name} differs")
            finite = np.isfinite(one)
            apart = np.abs(other[finite].astype(np.float64) - one[finite].astype(np.float64))
            worst, counted = max(worst, float(apart.max(initial=0.0))), counted + one.size
    return counted, worst


def _bits(samples: Any) -> Any:
    return np.ascontiguousarray(samples).view(f"u{samples.dtype.itemsize}")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


if __name__ == "__main__":
    main()
