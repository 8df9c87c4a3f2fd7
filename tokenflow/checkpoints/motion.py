"""Motion adapters: what lets a checkpoint of still pictures see time.

The layout is diffusers' ``MotionAdapter`` (AnimateDiff: Guo et al., ICLR 2024, arXiv 2307.04725):
config.json and safetensors weights. Together with a checkpoint's UNet it is a ``UNetMotionModel``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import init_empty_weights
from diffusers import MotionAdapter, UNetMotionModel

from tokenflow.errors import CheckpointRejected, InvalidJob

from .modules import empty_module
from .network import NetworkFolder, shapes_of
from .notes import FILE
from .source import DEMO, CheckpointSource
from .verify import CheckpointInfo, open_layout
from .weights import read_json

DEMO_MOTION = Path(__file__).parent / "demo_motion"
"""The bundled checkpoint's own."""

_WHAT = "motion adapter"
_FITTING = "Use one that was made for this family of checkpoints."
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
    stored = NetworkFolder(folder, _WHAT)
    stored.check_class(MotionAdapter.__name__)
    if stored.config.get("conv_in_channels"):
        raise stored.rejected("the motion adapter brings an input of its own (PIA): not supported")
    unet = empty_video_unet(open_layout(checkpoint).configs["unet"], folder)
    own = {key: shape for key, shape in shapes_of(unet).items() if _OWN in key}
    stored.check_shapes(own, "the checkpoint", _FITTING)
    notes = [folder / FILE] if (folder / FILE).is_file() else []
    count = sum(math.prod(shape) for shape in own.values())
    limit = int(unet.config.motion_max_seq_length)
    return MotionInfo(folder, stored.sha256(*notes), count, limit, _weights(folder))


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
    stored = NetworkFolder(motion.path, _WHAT)
    joined = empty_video_unet(dict(unet.config), motion.path)
    weights: dict[str, torch.Tensor] = dict(unet.state_dict(keep_vars=True))
    device, dtype = unet.device, unet.dtype  # asked once: diffusers looks through all modules
    for key, tensor in stored.tensors().items():
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
    stored, adapter = NetworkFolder(folder, _WHAT), cast("Any", MotionAdapter)
    try:
        still = empty_module("unet", config)
        with init_empty_weights():
            moving = adapter.from_config(stored.config)
            return UNetMotionModel.from_unet2d(still, moving, load_weights=False)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        said = f"the motion adapter does not fit the checkpoint: {error}"
        raise stored.rejected(said, _FITTING) from error
