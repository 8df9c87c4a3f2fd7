"""Peak memory of the edit at several lengths of a shot.

    python -m benchmarks.memory [--frames 40 --frames 200] [--dtype float32]

On a GPU the device's peak is read from its allocator. On the CPU the bytes of living tensors are
counted, without weights and without memory-mapped files, and beside them the growth of the
process's anonymous memory is sampled.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from pathlib import Path

import torch

from tokenflow.diffusion.editor import edit, edit_levels
from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.settings import EditSettings

from .live_bytes import LiveBytes
from .random_model import DEMO_CHANNELS, DEMO_HEADS, random_model

_MIB = 1 << 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, action="append")
    parser.add_argument("--size", type=int, nargs=2, default=(24, 14), help="latent width, height")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    model = random_model(DEMO_CHANNELS, DEMO_HEADS, dtype=getattr(torch, options.dtype))
    model.unet.to(options.device)
    settings = EditSettings(prompt="a red ball", steps=options.steps)
    first = 0
    for frames in options.frames or (40, 200):
        peak, note = measure(model, frames, tuple(options.size), settings)
        first = first or peak
        print(
            f"{frames:5d} frames: {peak / _MIB:8.2f} MiB, "
            f"{100 * (peak / first - 1):+.1f} % against the first{note}"
        )


def measure(
    model: Model, frames: int, size: tuple[int, ...], settings: EditSettings
) -> tuple[int, str]:
    """Peak of one edit in bytes, and what else was seen."""
    numbers, shape = range(frames), (4, size[1], size[0])
    levels = edit_levels(model.schedule, settings)
    with tempfile.TemporaryDirectory() as folder:
        trajectory = Trajectory(Path(folder) / "source", levels, numbers, shape)
        for level in levels:
            stack = trajectory.at(level)
            for frame in numbers:
                stack.write([frame], torch.randn(1, *shape))
            stack.finish()
        out = Trajectory(Path(folder) / "edit", levels, numbers, shape)
        x0 = LatentStack(Path(folder) / "unused", numbers, shape)
        if model.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            edit(model, trajectory, x0, out, settings)
            return torch.cuda.max_memory_allocated() - before, ""
        weights = [*model.unet.parameters(), *model.unet.buffers()]
        with AnonymousMemory() as anonymous, LiveBytes(weights) as live:
            edit(model, trajectory, x0, out, settings)
    return live.peak, (
        f"; largest tensor {live.largest / _MIB:.2f} MiB; "
        f"anonymous memory of the process {anonymous.peak / _MIB:+.0f} MiB"
    )


class AnonymousMemory:
    """Growth of the process's anonymous memory (Linux), sampled in the background.

    Attributes
    ----------
    peak
        Bytes above the start, at most.
    """

    def __init__(self) -> None:
        self.peak = 0
        self._start = _anonymous_bytes()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> AnonymousMemory:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.01):
            self.peak = max(self.peak, _anonymous_bytes() - self._start)


def _anonymous_bytes() -> int:
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


if __name__ == "__main__":
    main()
