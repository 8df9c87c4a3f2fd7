"""DreamMotion on held-out clips of the demo world, with its losses on and off; and what it costs.

Colour edits inside the object's matte. Every clip is bent three times: as it is, without the
temporal self-similarity loss, and without both. What is finished is kept in the folder, so that the
benchmark can be stopped and goes on.

- reached: the mean chroma (Oklab) over the matte is nearer, in angle, to the same scene rendered in
  the colour asked for than to the plate, as in `colour_edits`;
- structure: root mean square difference between the cosines of all patches' keys in the bundled
  image model's last layer, edit against plate;
- warp error: along the renderer's exact motion, above the plate's own;
- outside: largest change of a latent outside the mask, which must be 0; and mean change of the
  decoded picture where the matte is 0, before the merge, which puts the plate back there.

The cost is that of one window at the same size: seconds of a step against a bare pass and a pass
with its way back, and bytes that the pass with gradient remembers.

    python -m benchmarks.dreammotion
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import CLIPVisionModel

from ocio.frame_range import FrameRange
from tokenflow.checkpoints.load import load_model
from tokenflow.checkpoints.motion import DEMO_MOTION, find_motion, video_unet
from tokenflow.checkpoints.source import resolve
from tokenflow.checkpoints.verify import verify
from tokenflow.demo.render import render, render_picture
from tokenflow.demo.shot import FIRST_FRAME
from tokenflow.demo.view import to_display
from tokenflow.demo.world import Floats
from tokenflow.diffusion.latents import LatentStack
from tokenflow.dreammotion.gradient import Step, Words
from tokenflow.dreammotion.keys import KeyCapture, key_layers
from tokenflow.dreammotion.settings import BendSettings
from tokenflow.dreammotion.video_unet import VideoUNet
from tokenflow.job import (
    DreamMotion,
    Edit,
    EditJob,
    Matte,
    Model,
    Output,
    Plate,
    Range,
    RunOptions,
    Size,
)
from tokenflow.metrics.clip_score import DEMO_CLIP
from tokenflow.metrics.warp_error import warp_error
from tokenflow.pipeline import run_job
from tokenflow.pipeline.decoders import small_matte
from tokenflow.pipeline.dreammotion import latent_mask
from tokenflow.pipeline.plan import Plan

from .colour_edits import apart, chroma
from .demo_world import HEIGHT, WIDTH, Clip, make_clip, motions, pictures

ROWS: dict[str, dict[str, float]] = {
    "both losses": {},
    "without motion": {"motion": 0.0},
    "without both": {"structure": 0.0, "motion": 0.0},
}
FIRST = 300  # number of the first clip; the adapter's weight of motion was lowered after 300 to 302
MIB = 2**20


class Patches:
    """The keys of the bundled image model's last layer."""

    def __init__(self) -> None:
        self._model: Any = CLIPVisionModel.from_pretrained(DEMO_CLIP, dtype=torch.float32).eval()
        found = [m for n, m in self._model.named_modules() if n.endswith("k_proj")]
        self._keys = found[-1]
        self._side = int(self._model.config.image_size)

    @torch.inference_mode()
    def of(self, display: Floats) -> torch.Tensor:
        """Return the cosines of all patches of a picture (h, w, 3): (patches, patches)."""
        pixels = torch.from_numpy(np.ascontiguousarray(display, np.float32)).permute(2, 0, 1)[None]
        side = (self._side, self._side)
        pixels = torch.nn.functional.interpolate(pixels, side, mode="bicubic", antialias=True)
        taken: list[torch.Tensor] = []
        hook = self._keys.register_forward_hook(lambda module, given, keys: taken.append(keys))
        self._model(pixel_values=pixels * 2 - 1)
        hook.remove()
        keys = torch.nn.functional.normalize(taken[0][0, 1:], dim=-1)
        return keys @ keys.T


def judge(clip: Clip, row: str, asked: argparse.Namespace, patches: Patches) -> dict[str, float]:
    """Bend a clip as a row says, and measure it."""
    folder = clip.plate.folder.parent / row.replace(" ", "-")
    how = DreamMotion(**{"steps": asked.steps, "step_size": asked.step_size, **asked.how})
    job = EditJob(
        plate=Plate(str(clip.plate)),
        edit=Edit(
            prompt=clip.wanted.caption,
            source_prompt=clip.scene.caption,
            method="dreammotion",
            guidance=asked.guidance,
            size=Size.parse(asked.size),
        ),
        model=Model(motion=asked.motion),
        matte=Matte(":matte.a"),
        output=Output(str(folder / "edit.####.exr")),
        range=Range(FrameRange.of(clip.frames)),
        dreammotion=replace(how, **ROWS[row]),  # type: ignore[arg-type]
    )
    # Of an earlier run with other settings, which `outside` would take for this one's.
    shutil.rmtree(folder / "workspace", ignore_errors=True)
    options = RunOptions(device="cpu", workspace=folder / "workspace", overwrite=True)
    record = run_job(job, options, lambda event: None)
    plate, edited = (pictures(one, clip.frames) for one in (clip.plate, record.plan.output))
    source, result, wanted = np.mean(
        [_hues(clip, *each) for each in zip(clip.frames, plate, edited, strict=True)], axis=0
    )
    flow = motions(clip)
    latents, picture = outside(record.plan, folder / "workspace")
    losses = record.bent.losses if record.bent else ()
    return {
        "to target": apart(result, wanted),
        "to plate": apart(result, source),
        "structure": float(
            np.mean(
                [
                    (patches.of(a) - patches.of(b)).square().mean().sqrt()
                    for a, b in zip(plate, edited, strict=True)
                ]
            )
        ),
        "warp": warp_error(edited, flow) - warp_error(plate, flow),
        "outside latents": latents,
        "outside picture": picture,
        "held": float(np.median([each.held / each.edit for each in losses[1:] if each.edit])),
        "seconds": record.seconds["edit"],
    }


def _hues(clip: Clip, frame: int, before: Floats, after: Floats) -> list[complex]:
    at = frame - FIRST_FRAME
    matte = render(clip.scene, at, WIDTH, HEIGHT).matte
    target = to_display(render_picture(clip.wanted, at, WIDTH, HEIGHT)[0])
    return [chroma(one, matte) for one in (before, after, target)]


def outside(plan: Plan, workspace: Path) -> tuple[float, float]:
    """Largest change of a latent outside the mask; mean change of the picture outside the matte."""
    keys = {name: next(workspace.glob(f"{name}-*")).name for name in ("encode", "edit")}
    stacks: dict[str, list[np.ndarray[Any, Any]]] = {"latents": [], "pictures": []}
    for name in keys.values():
        key = name.rpartition("-")[2]
        for kind, place in (("latents", name), ("pictures", f"decode-{key}")):
            stack = LatentStack.stored(workspace / place, plan.numbers)
            stacks[kind].append(stack.read(plan.numbers).numpy())
    closed = ~latent_mask(plan)(plan.numbers).numpy()
    moved = np.abs(stacks["latents"][1] - stacks["latents"][0]) * closed
    changed = np.abs(stacks["pictures"][1] - stacks["pictures"][0]).mean(axis=-1)
    mattes = np.stack([m for n in plan.numbers if (m := small_matte(plan, n)) is not None])
    return float(moved.max()), float(changed[mattes == 0].mean())


def table(asked: argparse.Namespace) -> None:
    """Bend and measure all clips; print them and the table."""
    patches, kept = Patches(), asked.folder / "clips.json"
    settings = {k: str(v) for k, v in vars(asked).items() if k not in ("clips", "folder", "cost")}
    found = json.loads(kept.read_text()) if kept.is_file() else {}
    if found.get("settings") != settings:
        found = {"settings": settings, "clips": {}}
    for number in range(FIRST, FIRST + asked.clips):
        clip = make_clip(asked.folder, number, "color", asked.frames)
        words = f"{clip.scene.caption} -> {clip.wanted.color}"
        rows = found["clips"].setdefault(str(number), {})
        for row in ROWS:
            if row not in rows:
                rows[row] = judge(clip, row, asked, patches)
                kept.write_text(json.dumps(found, indent=1) + "\n")
            one = rows[row]
            print(
                f"{row:<15}{one['to target']:6.1f} deg from asked,{one['to plate']:6.1f} from "
                f"plate, structure {one['structure']:.4f}, warp {1000 * one['warp']:6.3f}, held "
                f"{one['held']:.2f}, {one['seconds']:4.0f} s  {words}",
                flush=True,
            )
    print(
        f"\n{asked.clips} clips          reached  structure  warp x1000  latents  picture outside"
    )
    for row in ROWS:
        each = [rows[row] for rows in found["clips"].values()]
        mean = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
        reached = np.mean([one["to target"] < one["to plate"] for one in each])
        worst = max(one["outside latents"] for one in each)
        print(
            f"{row:<18}{100 * reached:7.0f} %{mean['structure']:11.4f}{1000 * mean['warp']:12.3f}"
            f"{worst:9.1g}{mean['outside picture']:17.5f}"
        )


def cost(asked: argparse.Namespace) -> None:
    """Print what a step costs by the number of frames."""
    source = resolve("demo")
    info = verify(source)
    model = load_model(source, "cpu", torch.float32, info)
    motion = find_motion(asked.motion, source, info)
    assert motion is not None  # the demo checkpoint knows still pictures
    video = VideoUNet(video_unet(model.unet, motion), model.schedule)
    size = Size.parse(asked.size)
    shape = model.latent_shape(size.width, size.height)
    width = int(model.unet.config.cross_attention_dim)
    words = Words(*torch.randn(3, 32, width, generator=torch.Generator().manual_seed(0)))
    print("\nframes  step s  / pass  / pass and back   remembered MiB: all, to up 2, to up 1")
    for frames in (4, 8, 16):
        clip = torch.randn(frames, *shape, generator=torch.Generator().manual_seed(frames))
        step = Step(video, key_layers(video.unet), words, BendSettings())
        whole = least(lambda: step.gradient(clip, clip + 0.1, clip, 500))  # noqa: B023
        with torch.no_grad():
            alone = least(lambda: video.noise(clip, 500, words.empty))  # noqa: B023

        def back() -> None:
            leaf = clip.clone().requires_grad_()  # noqa: B023
            video.noise(leaf, 500, words.empty).square().sum().backward()

        both = least(back)
        places = (None, "up_blocks.2", "up_blocks.1")
        bytes_ = [remembered(video, clip, words.empty, where) for where in places]
        said = "".join(f"{one / MIB:9.1f}" for one in bytes_)
        print(
            f"{frames:6}{whole:8.2f}{whole / alone:8.1f}{whole / both:14.1f}      {said}",
            flush=True,
        )


def least(work: Callable[[], object]) -> float:
    """Seconds of the quicker of two runs."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def remembered(video: VideoUNet, clip: torch.Tensor, text: torch.Tensor, last: str | None) -> int:
    """Bytes that a pass keeps for the way back, weights left out.

    Parameters
    ----------
    last
        Block with the last keys that are wanted; None records the pass to its end.
    """
    kept: dict[int, int] = {}
    alive: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            alive.append(tensor)
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {weight.untyped_storage().data_ptr() for weight in video.unet.parameters()}
    layers = key_layers(video.unet, "up")
    wanted = {n: m for n, m in layers.items() if last is None or n < f"{last}/"}
    leaf = clip.clone().requires_grad_()
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        KeyCapture(wanted).captured(stop=last is not None),
    ):
        video.noise(leaf, 500, text)
    return sum(size for place, size in kept.items() if place not in weights)


def main() -> None:
    """Print the table and the cost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--step-size", type=float, default=0.13)
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--size", default="88x48")
    parser.add_argument("--how", type=json.loads, default={}, help="more fields of DreamMotion")
    parser.add_argument("--motion", default=None, help=f"adapter; default: {DEMO_MOTION.name}")
    parser.add_argument("--cost", action="store_true", help="print the cost only")
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks/dreammotion"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if not asked.cost:
        table(asked)
    cost(asked)


if __name__ == "__main__":
    main()
