"""Pictures of a shot that ControlNets hold an edit to: its depth, its edges, or any channel."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ocio.exr import read_frame
from ocio.header import FrameHeader
from ocio.resample import proxy
from tokenflow.diffusion.latents import LatentStack
from tokenflow.pipeline.control_channels import find_channel, from_channel, lacking
from tokenflow.pipeline.control_depth import DepthRange, draw_depth, inverse_depth
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.progress import Tell
from tokenflow.pipeline.read import Pictures
from tokenflow.pipeline.running import Running
from tokenflow.workspace import content_key

Floats = NDArray[np.float32]

CANNY = (100, 200)
"""Thresholds on the 8-bit picture at the size of the model: those of the authors' code."""
SCALES = (1.0, 2.0, 4.0)
"""Widths of the soft edges' Gaussians, in pixels of the model's picture."""


def draw_controls(run: Running, pictures: Pictures, tell: Tell) -> None:
    """Draw what the ControlNets of a job hold its edit to, at the end of the stage that reads."""
    asked = [one.asked.image for one in run.plan.controls]
    drawn: dict[str, LatentStack] = {}
    for image in dict.fromkeys(asked):
        folder = run.folder("control", picture_key(run.plan, image, pictures))
        drawn[image] = draw_pictures(run.plan, image, pictures, folder, tell)
        if not any(drawn[image].read([frame]).any() for frame in drawn[image].frames):
            run.warn(_black(image), "read")
    run.control_pictures = tuple(drawn[image] for image in asked)


def _black(image: str) -> str:
    why = ": the same everywhere, or no positive metres from the camera" if image == "depth" else ""
    return f"the shot's {image.lstrip(':')} is black throughout, and holds the edit to nothing{why}"


def picture_key(plan: Plan, image: str, pictures: Pictures) -> str:
    """Hash of what the pictures of one kind depend on."""
    if not from_channel(image):
        return content_key(image, pictures.key)
    files = [[frame, facts.sha256] for frame, facts in sorted(pictures.facts.items())]
    window = asdict(plan.rectangle)
    return content_key(
        image, metadata.version("tokenflow"), files, plan.selection.part, window, plan.size
    )


def pixels_key(stack: LatentStack) -> str:
    """Hash of the pictures themselves."""
    pixels = np.load(stack.folder / "latents.npy", mmap_mode="r")
    return hashlib.sha256(pixels).hexdigest()


def draw_pictures(
    plan: Plan,
    image: str,
    pictures: Pictures,
    folder: Path,
    tell: Tell = lambda done, of, detail="": None,
) -> LatentStack:
    """Draw a picture `(1, h, w)` from 0 to 1 of every frame that the model sees.

    Parameters
    ----------
    image
        ``depth``, ``canny``, ``soft-edges`` or ``:CHANNEL``.
    pictures
        What the model sees; edges are drawn from it.
    folder
        Keeps the pictures; what is complete there is taken as it is.
    tell
        Told which frame is being drawn.
    """
    width, height = plan.size
    stack = LatentStack(folder, plan.numbers, (1, height, width))
    if stack.complete:
        return stack
    ends: list[DepthRange] = []
    for planned in plan.frames:
        if not from_channel(image):
            seen = pictures.stack.read([planned.frame])[0].numpy()
            drawn = canny(seen) if image == "canny" else soft_edges(seen)
        else:
            drawn = _channel(plan, image, planned.frame, planned.source)
            if image == "depth" and planned.source is not None:
                ends.append(DepthRange.over([drawn]))
        stack.write([planned.frame], torch.from_numpy(drawn)[None, None])
        tell(len(plan.frames), len(plan.frames), f"{image.lstrip(':')} {planned.frame}")
    if image == "depth":
        whole = DepthRange.around(ends)
        for planned in plan.frames:
            inverse = stack.read([planned.frame])[0, 0].numpy()
            stack.write([planned.frame], torch.from_numpy(draw_depth(inverse, whole))[None, None])
    stack.finish()
    return stack


def canny(picture: Floats) -> Floats:
    """Edges (h, w), black or white, of a picture (h, w, 3) from 0 to 1."""
    edges = cv2.Canny(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8), *CANNY)
    return np.asarray(edges / 255, dtype=np.float32)


def soft_edges(picture: Floats) -> Floats:
    """Grey edges (h, w) of a picture (h, w, 3) from 0 to 1, strong where coarse and fine agree.

    The mean over `SCALES` of the gradient's magnitude, in units in which a step from black to white
    is 1 at every scale; √ lifts faint edges, as those of networks for edges are.
    """
    grey = np.asarray(picture.mean(axis=-1), dtype=np.float32)
    total = np.zeros_like(grey)
    for scale in SCALES:
        smooth = cv2.GaussianBlur(grey, (0, 0), scale, borderType=cv2.BORDER_REFLECT)
        down, across = np.gradient(smooth)
        # A step of height 1, smoothed, has the slope 1 / (σ √(2π)).
        total += np.hypot(down, across) * np.float32(scale * np.sqrt(2 * np.pi))
    return np.asarray(np.sqrt(np.clip(total / len(SCALES), 0, 1)), dtype=np.float32)


def _channel(plan: Plan, image: str, number: int, source: Path | None) -> Floats:
    """Read inverse depth, or a channel from 0 to 1, at the size of the model's picture."""
    width, height = plan.size
    if source is None:
        return np.zeros((height, width), np.float32)
    frame = read_frame(source, number)
    place = find_channel(image, frame.parts, plan.selection.part)
    if place is None:
        raise lacking(image, FrameHeader(frame.path, frame.parts), number)
    part = frame.parts[place[0]]
    samples = part.channels[place[1]].astype(np.float32)
    samples = inverse_depth(samples) if image == "depth" else samples
    small = proxy(samples[..., None], plan.rectangle, plan.size, data_window=part.data_window)
    drawn = np.ascontiguousarray(small[..., 0])
    return drawn if image == "depth" else np.clip(drawn, 0, 1)
