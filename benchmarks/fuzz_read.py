"""Damaged EXR files through the reader: crashes, hangs, memory, and errors that name no file.

    python -m benchmarks.fuzz_read [--count 2400] [--seed 1]

Mutants of the files of `tests/ocio/zoo.py` (truncated, bits flipped in the header or anywhere,
absurd windows, bytes lost or doubled) go through `read_frame` in a process of its own, which is
started again where it dies.
"""

from __future__ import annotations

import argparse
import collections
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from select import select

import numpy as np

from ocio.errors import OcioError
from ocio.exr import read_frame
from tests.ocio.zoo import ZOO

SECONDS = 5.0
MEBIBYTE = 1 << 20

Random = np.random.Generator


def truncated(data: bytes, random: Random) -> bytes:
    """Cut the file off somewhere."""
    return data[: int(random.integers(0, len(data)))]


def header_flipped(data: bytes, random: Random) -> bytes:
    """Flip up to eight bits near the beginning."""
    return _flipped(data, random, min(len(data), 900), int(random.integers(1, 9)))


def flipped(data: bytes, random: Random) -> bytes:
    """Flip up to forty bits anywhere."""
    return _flipped(data, random, len(data), int(random.integers(1, 41)))


def absurd_window(data: bytes, random: Random) -> bytes:
    """Put extreme numbers into a window."""
    name = (b"dataWindow\0box2i\0", b"displayWindow\0box2i\0")[int(random.integers(0, 4)) == 0]
    at = data.find(name) + len(name) + 4
    choices = (0, 1, -1, 2**31 - 1, -(2**31), 2**30, 65535, 200_000, -200_000)
    window = list(struct.unpack_from("<4i", data, at))
    for side in random.choice(4, int(random.integers(1, 4)), replace=False):
        window[side] = choices[int(random.integers(0, len(choices)))]
    return data[:at] + struct.pack("<4i", *window) + data[at + 16 :]


def extreme_numbers(data: bytes, random: Random) -> bytes:
    """Overwrite words of the header with extreme numbers."""
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(8, min(len(data), 900) - 4))
        value = (0, 2**32 - 1, 2**31 - 1, 2**31, 2**24)[int(random.integers(0, 5))]
        struct.pack_into("<I", changed, at, value)
    return bytes(changed)


def shifted(data: bytes, random: Random) -> bytes:
    """Lose or double a few bytes."""
    at, length = int(random.integers(0, len(data))), int(random.integers(1, 200))
    if random.integers(0, 2):
        return data[:at] + data[at + length :]
    return data[: at + length] + data[at:]


def _flipped(data: bytes, random: Random, within: int, bits: int) -> bytes:
    changed = bytearray(data)
    for bit in random.integers(0, 8 * within, bits):
        changed[int(bit) // 8] ^= 1 << int(bit) % 8
    return bytes(changed)


MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    truncated,
    header_flipped,
    flipped,
    absurd_window,
    extreme_numbers,
    shifted,
)


class Reader:
    """A process that reads the files it is told, as often as it dies a new one."""

    def __init__(self) -> None:
        self._process = self._start()

    def read(self, path: Path) -> str:
        """Return what came of a file: "read", an error's name, "crash", "hang" ..."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        if not select([process.stdout], [], [], 4 * SECONDS)[0]:
            process.kill()
        said = process.stdout.readline().strip()
        if said:
            return said
        code = process.wait()
        self._process = self._start()
        return "hang" if code == -9 else f"crash ({code})"

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "benchmarks.fuzz_read", "--reader"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process


def read_what_is_told() -> None:
    """Be the reader: a path per line on standard input, an outcome per line on standard output."""
    print("ready", flush=True)
    before = _peak()
    for line in sys.stdin:
        path, started = Path(line.strip()), time.process_time()
        try:
            read_frame(path)
            outcome = "read"
        except OcioError as error:
            named = path.name in str(error)
            outcome = type(error).__name__ if named else "error without the file"
        except BaseException as error:
            outcome = f"stray {type(error).__name__}"
        if time.process_time() - started > SECONDS:
            outcome = f"slow {outcome}"
        if _peak() - before > 1024:
            outcome = f"large {outcome}"
            before = _peak()
        print(outcome, flush=True)
    print(f"peak {_peak()}", file=sys.stderr, flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Mutate, read and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for mutants that do harm")
    parser.add_argument("--reader", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        read_what_is_told()
        return
    random, outcomes = np.random.default_rng(options.seed), collections.Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        sound = [write(Path(scratch) / f"{n}.exr") for n, write in enumerate(ZOO.values())]
        originals, reader = [path.read_bytes() for path in sound], Reader()
        for number in range(options.count):
            mutate = MUTATIONS[number % len(MUTATIONS)]
            data = mutate(originals[int(random.integers(0, len(originals)))], random)
            path = Path(scratch) / f"mutant{number:05d}.exr"
            path.write_bytes(data)
            outcome = reader.read(path)
            outcomes[outcome] += 1
            if options.keep and outcome.split()[0] in ("crash", "hang", "slow", "large", "stray"):
                path.rename(options.keep / f"{mutate.__name__}-{path.name}")
                print(f"{mutate.__name__}-{path.name}: {outcome}", flush=True)
            else:
                path.unlink()
        reader.close()
    for outcome, count in outcomes.most_common():
        print(f"{count:6d}  {outcome}")


if __name__ == "__main__":
    main()
