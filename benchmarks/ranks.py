"""One shot by several processes: `python -m benchmarks.ranks`.

Inversion and edit of a short clip with the demo checkpoint on the CPU, in one process and in
several, one thread each: seconds, processor seconds of the busiest process (which other programs
beside it do not change), bytes that went from rank to rank, and whether the latents are the same
bits.

Bytes per step: a keyframe has Σ(tokens · width) numbers over the UNet's self-attentions. Handed
round are its keys and values of the edit's two parts (4), its features (1) and its results of two
parts (2), so K keyframes are 7 · K · Σ(tokens · width) numbers, of which each of R ranks receives
what it has not made itself: (R − 1) / R of it on average. Keyframes that fit into one micro-batch
need no keys of others: 3 instead of 7.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch

from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.source import resolve
from tokenflow.checkpoints.verify import verify
from tokenflow.diffusion.editor import edit, edit_levels
from tokenflow.diffusion.inversion import inversion_levels, invert
from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.ranks import ALONE, Ranks, joined
from tokenflow.diffusion.settings import EditSettings, InversionSettings

CPU = torch.device("cpu")


class Cost(NamedTuple):
    """What one rank spent on a stage."""

    seconds: float
    processor: float
    received: int


def work(folder: Path, rank: int, size: int, frames: int, steps: int) -> None:
    """Be one rank: invert and edit, and tell what it cost."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    if size == 1:
        costs = stages(folder, ALONE, frames, steps)
    else:
        with joined(folder / "meeting", rank, size, CPU) as ranks:
            costs = stages(folder, ranks, frames, steps)
    torch.save([tuple(cost) for cost in costs], folder / f"costs {rank}")


def stages(folder: Path, ranks: Ranks, frames: int, steps: int) -> list[Cost]:
    """Invert and edit a clip of random latents, which cost what others do."""
    source = resolve("demo")
    info = verify(source)
    model = load_model(source, CPU, torch.float32, info)
    settings = EditSettings(
        prompt="a blue ball on a wooden floor",
        source_prompt="a red ball on a wooden floor",
        steps=steps,
    )
    inverting = InversionSettings(steps=steps)
    numbers = tuple(range(1001, 1001 + frames))
    shape = model.latent_shape(*info.model_size(16, 9))
    x0 = LatentStack(folder / "x0", numbers, shape)
    if ranks.leads and not x0.complete:
        draw = torch.Generator().manual_seed(1)
        like, own = (torch.randn(n, *shape, generator=draw) for n in (1, frames))
        x0.write(numbers, like + 0.3 * own)
        x0.finish()
    levels = inversion_levels(model.schedule, settings, inverting)
    inverted = Trajectory(folder / "inverted", levels, numbers, shape)
    out = Trajectory(folder / "edited", edit_levels(model.schedule, settings), numbers, shape)
    costs = []
    for stage in (
        lambda: invert(model, x0, inverted, inverting, settings.source_prompt, ranks=ranks),
        lambda: edit(model, inverted, x0, out, settings, ranks=ranks),
    ):
        ranks.wait()
        started, used, before = time.perf_counter(), time.process_time(), ranks.received
        stage()
        costs.append(
            Cost(
                time.perf_counter() - started,
                time.process_time() - used,
                ranks.received - before,
            )
        )
    return costs


def together(folder: Path, size: int, frames: int, steps: int) -> list[list[Cost]]:
    """Start the ranks and wait for them; returns the costs of each, stage by stage."""
    folder.mkdir()
    context = multiprocessing.get_context("spawn")
    started = [
        context.Process(target=work, args=(folder, rank, size, frames, steps))
        for rank in range(size)
    ]
    for one in started:
        one.start()
    for one in started:
        one.join()
        assert one.exitcode == 0, "a rank failed"
    found = [torch.load(folder / f"costs {rank}") for rank in range(size)]
    return [[Cost(*cost) for cost in rank] for rank in found]


def edited(folder: Path, frames: int) -> torch.Tensor:
    """Read the edited latents that the ranks have left."""
    numbers = tuple(range(1001, 1001 + frames))
    return LatentStack.stored(folder / "edited" / "clean", numbers).read(numbers)


def described(cost: Cost, alone: Cost) -> str:
    """Say what something cost, and how many times less that is than for one process."""
    times = alone.seconds / cost.seconds, alone.processor / cost.processor
    return (
        f"{cost.seconds:7.1f} s ({times[0]:.2f}x), "
        f"{cost.processor:7.1f} s of processor ({times[1]:.2f}x)"
    )


def main() -> None:
    """Print seconds, processor seconds and bytes for each number of ranks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2])
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        one: list[Cost] = []
        for size in a.sizes:
            folder = Path(name) / str(size)
            ranks = together(folder, size, a.frames, a.steps)
            busiest = [
                Cost(*(max(values) for values in zip(*stage, strict=True)))
                for stage in zip(*ranks, strict=True)
            ]
            one = one or busiest
            first = Path(name) / str(a.sizes[0])
            same = torch.equal(edited(folder, a.frames), edited(first, a.frames))
            for stage, cost, alone in zip(("invert", "edit"), busiest, one, strict=True):
                print(f"{size} ranks, {stage:<6}: {described(cost, alone)}")
                print(f"{' ' * 17} {cost.received / a.steps / 2**20:.2f} MiB per step to a rank")
            both, whole = (Cost(*map(sum, zip(*costs, strict=True))) for costs in (busiest, one))
            print(f"{size} ranks, both  : {described(both, whole)}; same bits: {same}", flush=True)


if __name__ == "__main__":
    main()
