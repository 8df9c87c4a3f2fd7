"""Time of the edit against that of the bare UNet passes it consists of.

    python -m benchmarks.edit_speed [--dtype float32] [--frames 48] [--steps 3]

Both are measured alternately in one run. The bare passes have the edit's shapes: three samples of
every frame and step, in the edit's batches, each frame attending to itself.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from tokenflow.diffusion.batches import in_order
from tokenflow.diffusion.editor import edit, edit_levels
from tokenflow.diffusion.latents import LatentStack, Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.paper import Paper
from tokenflow.diffusion.settings import EditSettings
from tokenflow.diffusion.source_features import SourceFeatures

from .random_model import DEMO_CHANNELS, DEMO_HEADS, random_model


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--size", type=int, nargs=2, default=(48, 27), help="latent width, height")
    parser.add_argument("--interval", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", action="append", choices=("float32", "bfloat16", "float16"))
    options = parser.parse_args()
    for name in options.dtype or ("float32", "bfloat16"):
        model = random_model(DEMO_CHANNELS, DEMO_HEADS, dtype=getattr(torch, name))
        model.unet.to(options.device)
        settings = EditSettings(
            prompt="a red ball",
            steps=options.steps,
            keyframe_interval=options.interval,
        )
        with tempfile.TemporaryDirectory() as folder:
            shot = _Shot(model, Path(folder), options.frames, tuple(options.size), settings)
            features = SourceFeatures(Path(folder) / "features", shot.frames)
            shot.edited("first prompt", features)
            rounds = [
                (
                    shot.bare(),
                    shot.edited(f"{i}", shot.features(i)),
                    shot.edited(f"fast {i}", features),
                )
                for i in range(options.rounds)
            ]
        bare, edited, fast = (min(times) for times in zip(*rounds, strict=True))
        print(
            f"{name}: {options.frames} frames, {options.steps} steps, B {options.interval}: "
            f"UNet alone {bare:.2f} s, edit {edited:.2f} s, ratio {edited / bare:.2f}; "
            f"with the source's features at hand {fast:.2f} s, ratio {fast / bare:.2f}"
        )


class _Shot:
    """A shot of random latents and two ways through the UNet."""

    def __init__(
        self,
        model: Model,
        folder: Path,
        frames: int,
        size: tuple[int, ...],
        settings: EditSettings,
    ) -> None:
        self.model, self.folder, self.settings = model, folder, settings
        self.frames, self.shape = range(frames), (4, size[1], size[0])
        levels = edit_levels(model.schedule, settings)
        self.trajectory = Trajectory(folder / "source", levels, self.frames, self.shape)
        for level in levels:
            stack = self.trajectory.at(level)
            stack.write(self.frames, torch.randn(frames, *self.shape))
            stack.finish()

    def features(self, number: int) -> SourceFeatures:
        """Give an empty place for the source's part, which a first edit fills."""
        return SourceFeatures(self.folder / f"features {number}", self.frames)

    def edited(self, name: str, features: SourceFeatures) -> float:
        """Seconds of one edit."""
        levels = edit_levels(self.model.schedule, self.settings)
        out = Trajectory(self.folder / name, levels, self.frames, self.shape)
        x0 = LatentStack(self.folder / "unused", self.frames, self.shape)
        start = time.perf_counter()
        edit(self.model, self.trajectory, x0, out, self.settings, features=features)
        self._wait()
        return time.perf_counter() - start

    @torch.inference_mode()
    def bare(self) -> float:
        """Seconds of the UNet's forward passes with the same shapes."""
        settings, model = self.settings, self.model
        rules = Paper(settings, model.schedule, self.frames)
        width = model.unet.config.cross_attention_dim
        text = torch.randn(1, 77, width, device=model.device, dtype=model.dtype)
        start = time.perf_counter()
        for step, timestep in enumerate(rules.timesteps):
            plan = rules.plan(step)
            batches = [*in_order(plan.keyframes, settings.keyframes_per_batch), *plan.batches]
            for size in (len(batch.frames) for batch in batches):
                inputs = torch.randn(3 * size, *self.shape, device=model.device, dtype=model.dtype)
                model.unet(inputs, timestep, text.expand(3 * size, -1, -1), return_dict=False)
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self.model.device.type == "cuda":
            torch.cuda.synchronize()


if __name__ == "__main__":
    main()
