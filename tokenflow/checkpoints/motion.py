"""Motion adapters: what lets a checkpoint of still pictures see time.

The layout is diffusers' ``MotionAdapter`` (AnimateDiff: Guo et al., ICLR 2024, arXiv 2307.04725):
config.json and safetensors weights. Together with a checkpoint's UNet it is a ``UNetMotionModel``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import MotionAdapter, UNetMotionModel
from safetensors.torch import load_file

from tokenflow.errors import CheckpointMissing, CheckpointRejected, InvalidJob

from .modules import empty_module
from .notes import FILE
from .source import DEMO, CheckpointSource
from .verify import CheckpointInfo, check_checksums, open_layout
from .weights import Shapes, read_json, read_shapes, sha256_of, sha256_of_all, weight_files

DEMO_MOTION = Path(__file__).parent / "demo_motion"
"""The bundled checkpoint's own."""

_STEM = "diffusion_pytorch_model"
_OWN = "motion_modules."


@dataclass(frozen=True)
class MotionInfo:
    """What is known of a motion adapter that passed the door.

    Attributes
    ----------
    sha256
        Hash of everything it is made of.
    parameters
        Numbers in its weights.
    most_frames
        That the joined model sees at once.
    weights
        Of the losses of shape and motion, so that they pull noticeably against an edit with this
        model; 1 where its folder says nothing.
    """

    path: Path
    sha256: str
    parameters: int
    most_frames: int
    weights: tuple[float, float] = (1.0, 1.0)


def find_motion(
    named: str | None, source: CheckpointSource, checkpoint: CheckpointInfo
) -> MotionInfo | None:
    """Find the motion adapter that a job means; None where the checkpoint sees time by itself.

    Parameters
    ----------
    named
        ``model.motion`` of the job.

    Raises
    ------
    InvalidJob
        There has to be one and is none, or the other way round.
    CheckpointMissing, CheckpointRejected, CheckpointDamaged
        As `verify_motion`.
    """
    if checkpoint.sees_time:
        if named is not None:
            raise InvalidJob(
                f"the checkpoint {checkpoint.name} is one of video and takes no motion adapter",
                hint="Leave out --motion-adapter (model.motion).",
            )
        return None
    if named is not None:
        return verify_motion(Path(named).expanduser(), source)
    if source.name == DEMO:
        return verify_motion(DEMO_MOTION, source)
    raise InvalidJob(
        f"the checkpoint {checkpoint.name} knows still pictures, and the method dreammotion needs "
        "one that sees time",
        hint="Name a motion adapter with --motion-adapter, or a checkpoint of video.",
    )


def verify_motion(folder: Path, checkpoint: CheckpointSource) -> MotionInfo:
    """Check without loading it that an adapter fits a checkpoint.

    Raises
    ------
    CheckpointMissing
        A file is missing.
    CheckpointRejected
        It is no adapter, a pickle, damaged, or made for another UNet.
    CheckpointDamaged
        A file differs from the checksum that is recorded for it.
    """
    if not folder.is_dir():
        raise CheckpointMissing(
            "there is no such folder of a motion adapter",
            hint="Name a diffusers folder with config.json and safetensors weights.",
            path=folder,
        )
    config = read_json(folder / "config.json")
    if config.get("_class_name", "MotionAdapter") != "MotionAdapter":
        raise CheckpointRejected(
            f"the motion adapter is a {config['_class_name']}, and dreammotion takes a "
            "MotionAdapter",
            path=folder,
        )
    if config.get("conv_in_channels"):
        raise CheckpointRejected(
            "the motion adapter brings an input of its own (PIA): not supported", path=folder
        )
    files = weight_files(folder, _STEM)
    unet = empty_video_unet(open_layout(checkpoint).configs["unet"], folder)
    stored = {key: shape for file in files for key, shape in read_shapes(file).items()}
    _check_shapes(unet, stored, folder)
    notes = [folder / FILE] if (folder / FILE).is_file() else []
    digests = {file.name: sha256_of(file) for file in (folder / "config.json", *files, *notes)}
    check_checksums(folder, digests)
    count = sum(t.numel() for key, t in unet.state_dict().items() if _OWN in key)
    limit = int(unet.config.motion_max_seq_length)
    return MotionInfo(folder, sha256_of_all(digests), count, limit, _weights(folder))


def _weights(folder: Path) -> tuple[float, float]:
    """Read ``{"dreammotion": {"structure": 80, "motion": 8000}}`` in its tokenflow.json."""
    if not (folder / FILE).is_file():
        return (1.0, 1.0)
    found = read_json(folder / FILE).get("dreammotion", {})
    names = ("structure", "motion")
    values = [found.get(name, 1) for name in names] if isinstance(found, dict) else []
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) < len(names) or not all(0 < number < float("inf") for number in numbers):
        raise CheckpointRejected(
            f"dreammotion in {FILE} must hold numbers above 0 for {' and '.join(names)}",
            path=folder / FILE,
        )
    return numbers[0], numbers[1]


def video_unet(unet: Any, motion: MotionInfo) -> torch.nn.Module:
    """Join a loaded UNet of still pictures and an adapter.

    The result shares the weights of `unet`, so it takes no memory beyond the adapter's, and goes
    with it from device to device.
    """
    joined = empty_video_unet(dict(unet.config), motion.path)
    weights: dict[str, torch.Tensor] = dict(unet.state_dict(keep_vars=True))
    device, dtype = unet.device, unet.dtype  # asked once: diffusers looks through all modules
    for file in weight_files(motion.path, _STEM):
        for key, tensor in load_file(file).items():
            weights[key] = tensor.to(device, dtype, copy=True)
    wanted = joined.state_dict().keys()
    joined.load_state_dict({key: weights[key] for key in wanted}, assign=True)
    ready: torch.nn.Module = joined.to(device).requires_grad_(False).eval()
    return ready


def empty_video_unet(config: dict[str, Any], folder: Path) -> Any:
    """Build the video UNet of a UNet's configuration and an adapter's, without their weights.

    Raises
    ------
    CheckpointRejected
        The two do not fit.
    """
    adapter: Any = MotionAdapter
    try:
        still = empty_module("unet", config)
        with init_empty_weights():
            moving = adapter.from_config(read_json(folder / "config.json"))
            return UNetMotionModel.from_unet2d(still, moving, load_weights=False)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointRejected(
            f"the motion adapter does not fit the checkpoint: {error}",
            hint="Use one that was made for this family of checkpoints.",
            path=folder,
        ) from error


def _check_shapes(unet: torch.nn.Module, stored: Shapes, folder: Path) -> None:
    wanted = {key: tuple(t.shape) for key, t in unet.state_dict().items() if _OWN in key}
    for key, shape in wanted.items():
        if stored.get(key) != shape:
            found = "is not there" if key not in stored else f"has the shape {stored[key]}"
            raise CheckpointRejected(
                f"the motion adapter does not fit the checkpoint: {key} {found}, and {shape} is "
                "needed",
                hint="Use one that was made for this family of checkpoints.",
                path=folder,
            )
    if surplus := sorted(stored.keys() - wanted.keys()):
        raise CheckpointRejected(
            f"the motion adapter holds {surplus[0]}, which its configuration does not know",
            path=folder,
        )
