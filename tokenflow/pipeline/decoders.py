"""Latents to pictures, by the checkpoint's own decoder or by another one that the job names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ocio.exr import read_frame
from ocio.resample import proxy
from tokenflow.checkpoints.decoder import load_decoder
from tokenflow.checkpoints.weights import sha256_of
from tokenflow.deflicker.decoders import decode_beside_plate, decode_windows
from tokenflow.deflicker.flow import DisFlow
from tokenflow.deflicker.likeness import likeness
from tokenflow.diffusion.latents import LatentStack
from tokenflow.errors import WorkspaceUnusable
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.read import Pictures
from tokenflow.pipeline.record import write_text
from tokenflow.workspace import content_key

Float32 = npt.NDArray[np.float32]
Decode = Callable[[LatentStack], Iterator[tuple[int, Float32]]]
"""Gives every frame of a stack of latents with its picture."""


LIKENESS = "likeness.json"


def decoder_key(plan: Plan, pictures: Pictures, key: str) -> str:
    """Hash of what decoded latents depend on: nothing more where the checkpoint decodes them."""
    if plan.decoder is None:
        return key
    parts: list[object] = [plan.decoder.kind, plan.decoder.sha256]
    if plan.decoder.kind == "asymmetric":
        parts += [pictures.key, matte_parts(plan, pictures)]
    return content_key(key, *parts)


def other_decoder(plan: Plan, pictures: Pictures, device: torch.device) -> Decode:
    """Load the decoder that the job names."""
    assert plan.decoder is not None
    decoder: Any = load_decoder(plan.decoder, device)

    def in_windows(latents: LatentStack) -> Iterator[tuple[int, Float32]]:
        return decode_windows(decoder, latents.read, latents.frames)

    def beside_plate(latents: LatentStack) -> Iterator[tuple[int, Float32]]:
        for frame in latents.frames:
            plate = pictures.stack.read([frame])[0].numpy()
            matte = small_matte(plan, frame)
            yield frame, decode_beside_plate(decoder, latents.read([frame])[0], plate, matte)

    return in_windows if plan.decoder.kind == "temporal" else beside_plate


def small_matte(plan: Plan, number: int) -> Float32 | None:
    """Return the matte of a frame at the model's size, (height, width); None where there is none.

    A frame that stands in for a missing one has none: it is not written.
    """
    if plan.matte is None or number not in plan.sequence.frames:
        return None
    frame = read_frame(plan.sequence.path(number), number)
    matte = plan.matte.read(number, frame, plan.selection.part)
    window = frame.parts[plan.selection.part].data_window
    return proxy(matte[..., None], plan.rectangle, plan.size, data_window=window)[..., 0]


def kept_likeness(
    folder: Path,
    shot: Sequence[int],
    edited: LatentStack,
    reference: LatentStack,
    pictures: Pictures,
) -> float | None:
    """Return how alike both decodings flicker (`likeness`), kept in the folder of the edit.

    None where nothing was edited, or the shot is too short to tell. Frames that stand in for
    missing ones tell nothing; `shot` are the others.

    Raises
    ------
    WorkspaceUnusable
        If the folder cannot be read.
    DiskFull, NoPermission, WriteFailed
        If it cannot be written.
    """
    if edited is reference:
        return None
    path = folder / LIKENESS
    try:
        if not path.exists():
            sides = [partial(_picture, stack) for stack in (edited, reference, pictures.stack)]
            known = [frame for frame in shot if frame in set(edited.frames)]
            found = likeness(known, sides[0], sides[1], sides[2], DisFlow())
            write_text(path, json.dumps(found))
        kept: float | None = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkspaceUnusable(f"cannot read what was measured: {error}", path=path) from error
    return kept


def _picture(stack: LatentStack, frame: int) -> Float32:
    picture: Float32 = stack.read([frame])[0].numpy()
    return picture


def matte_parts(plan: Plan, pictures: Pictures) -> list[object]:
    """Give what the mattes of a shot depend on; nothing where there is none."""
    if plan.matte is None or plan.job.matte is None:
        return []
    files = [plan.matte.source(n) for n in plan.numbers if n in plan.sequence.frames]
    return [
        {**asdict(plan.job.matte), "source": plan.matte.channel},
        [sha256_of(file) for file in files if file is not None],
        [facts.sha256 for facts in pictures.facts.values()],
    ]
