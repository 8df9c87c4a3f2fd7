"""Round trip of the inversion: error against UNet evaluations.

    python -m benchmarks.inversion [--model NAME_OR_FOLDER] [--images FOLDER --prompt TEXT]

A shot is inverted and denoised again with the same prompt and no edit. Printed is the relative
error of the clean latents, for plain DDIM and for the fixed point, beside the UNet evaluations per
frame that the inversion took. The default is the demo checkpoint on frames of the demo shot with
its caption. `--model random` is a random one, of which only the order of the rows carries over.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tokenflow.demo.render import render_picture
from tokenflow.demo.shot import FRAMES, SCENE
from tokenflow.demo.view import to_display
from tokenflow.diffusion.editor import edit, edit_levels
from tokenflow.diffusion.inversion import InversionReport, inversion_levels, invert
from tokenflow.diffusion.latents import CLEAN, LatentStack, Trajectory
from tokenflow.diffusion.model import Model
from tokenflow.diffusion.settings import EXACT_EVALUATIONS, EditSettings, InversionSettings
from tokenflow.diffusion.vae import Image, encode_frames

from .random_model import random_model


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="demo", help="as in `tokenflow edit`, or random")
    parser.add_argument("--images", type=Path, help="folder of display-referred pictures")
    parser.add_argument("--prompt", default=SCENE.caption)
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--size", type=int, nargs=2, default=(164, 92), help="width, height")
    parser.add_argument("--steps", type=int, default=50, help="of the edit's grid")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    model = _model(options.model, options.device, options.dtype)
    with tempfile.TemporaryDirectory() as folder:
        x0 = LatentStack(
            Path(folder) / "x0",
            range(options.frames),
            model.latent_shape(*options.size),
            model.latent_dtype,
        )
        if options.model == "random":
            # An untrained encoder makes no latents worth the name.
            x0.write(x0.frames, _smooth_latents(x0))
            x0.finish()
        else:
            encode_frames(model, _images(options.images, options.frames, options.size), x0)
        print(f"{'inversion':<24}{'evaluations':>12}{'error':>10}{'residual':>10}{'seconds':>9}")
        for name, settings in schemes(options.steps, min(options.frames, 8)):
            start = time.perf_counter()
            error, report = round_trip(
                model, x0, settings, options.steps, options.prompt, Path(folder) / name
            )
            residual = np.mean([one.mean for one in report.residuals.values()])
            print(
                f"{name:<24}{report.samples / len(x0.frames):>12.1f}{error:>10.4f}"
                f"{residual:>10.1e}{time.perf_counter() - start:>9.1f}"
            )


def schemes(steps: int, together: int) -> Iterator[tuple[str, InversionSettings]]:
    """Inversions to compare, by rising cost, for an edit of `steps` steps, all frames together."""
    plain = InversionSettings(steps=steps, scheme="plain", frames_per_batch=together)
    fixed = replace(plain, scheme="fixed-point")
    yield f"{steps} plain", plain
    yield f"{steps} x 1 warm", replace(fixed, evaluations=1)
    # The finer grid must pass the edit's timesteps.
    if 1000 % (steps * 2) == 0:
        yield f"{steps * 2} plain", replace(plain, steps=steps * 2)
    yield f"{steps} x 2 warm (default)", fixed
    yield f"{steps} x 3 warm", replace(fixed, evaluations=3)
    yield f"{steps} x {EXACT_EVALUATIONS} (exact)", replace(fixed, evaluations=EXACT_EVALUATIONS)
    if steps == 50:
        yield "500 plain (released)", replace(plain, steps=500)


def round_trip(
    model: Model,
    x0: LatentStack,
    settings: InversionSettings,
    steps: int,
    prompt: str,
    folder: Path,
) -> tuple[float, InversionReport]:
    """Invert and denoise with one prompt: relative error of the clean latents, and the report."""
    same = EditSettings(
        prompt=prompt,
        source_prompt=prompt,
        method="per-frame",
        guidance=1.0,
        steps=steps,
        qk_threshold=0.0,
        conv_threshold=0.0,
        frames_per_batch=4,
    )
    levels = inversion_levels(model.schedule, same, settings)
    shape, dtype = x0.shape, x0.dtype
    trajectory = Trajectory(folder / "inversion", levels, x0.frames, shape, dtype)
    report = invert(model, x0, trajectory, settings, prompt)
    out = Trajectory(folder / "edit", edit_levels(model.schedule, same), x0.frames, shape, dtype)
    edit(model, trajectory, x0, out, same)
    clean = x0.read(x0.frames).double()
    error = (out.at(CLEAN).read(x0.frames).double() - clean).norm() / clean.norm()
    return float(error), report


def _model(name: str, device: str, dtype: str) -> Model:
    if name == "random":
        model = random_model(dtype=getattr(torch, dtype))
        with torch.no_grad():
            # A random UNet's noise changes faster from latent to latent than a trained one's.
            model.unet.conv_out.weight *= 0.3
        return model
    from tokenflow.checkpoints.load import load_model
    from tokenflow.checkpoints.source import resolve

    return load_model(resolve(name), device, getattr(torch, dtype))


def _smooth_latents(x0: LatentStack) -> torch.Tensor:
    """Waves that drift from frame to frame, with a trained encoder's variance."""
    _, height, width = x0.shape
    y, x = torch.meshgrid(torch.arange(height) / 2.0, torch.arange(width) / 2.0, indexing="ij")
    frames = [
        torch.stack([(x + 0.3 * n).sin(), (y - 0.2 * n).cos(), (x + y).sin(), (x - y + n).cos()])
        for n in range(len(x0.frames))
    ]
    return torch.stack(frames)


def _images(folder: Path | None, count: int, size: tuple[int, int]) -> Iterator[tuple[int, Image]]:
    """Pictures of a folder, or frames spread over the demo shot."""
    if folder is not None:
        from PIL import Image as Picture

        for number, path in enumerate(sorted(folder.iterdir())[:count]):
            picture = Picture.open(path).convert("RGB").resize(size)
            yield number, (np.asarray(picture) / 255).astype(np.float32)
        return
    for number, frame in enumerate(np.linspace(0, FRAMES - 1, count)):
        linear, _ = render_picture(SCENE, float(frame), *size)
        yield number, to_display(linear)


if __name__ == "__main__":
    main()
