"""What a job would do and cost, told before it is run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from ocio.frame_range import FrameRange
from tokenflow.checkpoints.load import model_dtype
from tokenflow.checkpoints.modules import empty_module
from tokenflow.checkpoints.verify import open_layout
from tokenflow.deflicker.frame import grid_size
from tokenflow.diffusion.editor import edit_levels, edited_frames
from tokenflow.diffusion.injection import injected_convolution, self_attentions
from tokenflow.diffusion.inversion import inversion_levels
from tokenflow.diffusion.keyframes import blocks
from tokenflow.diffusion.settings import EditSettings
from tokenflow.pipeline.bent_estimate import bent_samples, remembered_bytes
from tokenflow.pipeline.deflicker import Steadying
from tokenflow.pipeline.device import device_kind
from tokenflow.pipeline.plan import Plan
from tokenflow.pipeline.reedit import samples_of, stored_version
from tokenflow.pipeline.settings import edit_settings, inversion_settings
from tokenflow.workspace import Workspace, default_workspace

FLOAT = 4  # bytes


def unet_samples(plan: Plan) -> tuple[int, int]:
    """Count the UNet samples of inversion and edit, at most; padding of batches is left out."""
    if plan.bends:
        return 0, bent_samples(plan)
    if not plan.edits:
        return 0, 0
    settings, inversion = edit_settings(plan.job), inversion_settings(plan.job)
    frames = len(plan.frames)
    if plan.earlier:
        # As if the inversion had to be made again; mostly the workspace has it.
        made = samples_of(plan, stored_version(plan, Workspace(Path()), "").version)
        return frames * inversion.steps * inversion.evaluations, made
    evaluations = 1 if inversion.scheme == "plain" else inversion.evaluations
    steps = settings.steps
    if settings.technique == "sdedit":
        steps = max(1, round(settings.start * steps))
    # In mode `paper` a keyframe's own pass is its edit; in `released` it is thrown away.
    again = len(blocks(plan.numbers, settings.keyframe_interval))
    passes = frames + (again if settings.mode == "released" else 0)
    return frames * inversion.steps * evaluations, passes * steps * (3 if settings.guided else 2)


def workspace_bytes(plan: Plan) -> dict[str, int]:
    """Count the bytes that the job leaves in the workspace, by what they hold.

    ``pictures`` of the plate, of the edit and of what it is compared with, and their difference,
    steadied too if that is asked for; ``motion`` of the plate that was estimated for it;
    ``latents`` of every noise level; and what ``source features`` keep of every step for further
    prompts, often the largest part.
    """
    frames, (width, height) = len(plan.frames), plan.size
    picture = FLOAT * 3 * width * height
    latent = FLOAT * math.prod(plan.latent_shape)
    steadied, motion = _deflicker_bytes(plan, picture)
    if not plan.edits:
        # Of what is bent there are two copies under way, the last snapshot and the result.
        pictures, copies = (4, 5) if plan.bends else (3, 1)
        return {
            "pictures": frames * pictures * picture + steadied,
            "latents": frames * copies * latent,
            "motion": motion,
        }
    settings, inversion = edit_settings(plan.job), inversion_settings(plan.job)
    edited = len(plan.again) if plan.earlier else len(edited_frames(settings, plan.numbers))
    inverted_levels = len(inversion_levels(plan.schedule, settings, inversion))
    levels = len(edit_levels(plan.schedule, settings))
    controls = len({one.asked.image for one in plan.controls}) * frames * picture // 3
    return {
        "pictures": (frames + edited) * 2 * picture + steadied + controls,
        "latents": (frames * (1 + inverted_levels) + edited * levels) * latent,
        "source features": frames * _source_bytes(plan, settings),
        "motion": motion,
    }


def _deflicker_bytes(plan: Plan, picture: int) -> tuple[int, int]:
    """Bytes of the steadied pictures, and of the motion between all frames of a window."""
    if plan.job.deflicker.strength == "off":
        return 0, 0
    asked = Steadying.of(plan)
    count, radius = len(asked.shot), asked.settings.strength.radius
    pairs = sum(max(0, count - distance) for distance in range(1, radius + 1))
    width, height = plan.size
    # Both ways, two directions, half precision.
    pair = math.prod(grid_size((height, width), width)) * 2 * 2 * 2
    return count * picture, 0 if asked.vectors else pairs * pair


def _source_bytes(plan: Plan, settings: EditSettings) -> int:
    """Bytes per frame of the matches and convolutions that `SourceFeatures` keeps."""
    if settings.method != "tokenflow" or settings.mode != "paper" or _all_keyframes(plan, settings):
        return 0
    if plan.earlier:  # a stretch keeps none
        return 0
    tokens, convolution = _unet_shapes(plan)
    steps = len(edit_levels(plan.schedule, settings)) - 1
    index = 2 if max(tokens) <= 1 << 16 else 4
    number = model_dtype(plan.job.model.dtype, device_kind(plan.options.device)).itemsize
    injected = min(steps, settings.conv_steps)
    return steps * 2 * sum(tokens) * index + injected * number * math.prod(convolution)


def _output_bytes(plan: Plan) -> int:
    """Bytes of the frames that are written: about those of the plate; linked ones take none."""
    sizes = [plan.sequence.path(frame).stat().st_size for frame in plan.written]
    return sum(sizes)


def _all_keyframes(plan: Plan, settings: EditSettings) -> bool:
    return len(blocks(plan.numbers, settings.keyframe_interval)) == len(plan.numbers)


def device_bytes(plan: Plan) -> dict[str, int]:
    """Estimate the device's memory, by what it holds: weights, and the work of one batch.

    At a time the UNet holds about three tensors of the size of its largest one, a picture's decoder
    six. An allocator's reserve comes on top.
    """
    kind = device_kind(plan.options.device)
    number = model_dtype(plan.job.model.dtype, kind, gradients=plan.bends).itemsize
    controls = sum(one.info.parameters for one in plan.controls if one.asked.weight)
    weights = (plan.checkpoint.parameters + controls) * number
    weights += plan.motion.parameters * number if plan.motion else 0
    width, height = plan.size
    config = open_layout(plan.source).configs["vae"]
    decoded = FLOAT * width * height * int(config["block_out_channels"][0])
    largest = remembered_bytes(plan) if plan.bends else 0
    if plan.edits:
        settings = edit_settings(plan.job)
        samples = (3 if settings.guided else 2) * settings.frames_per_batch
        largest = 3 * number * samples * _largest_tensor(plan)
    return {"weights": weights, "work": max(6 * decoded, largest)}


def _largest_tensor(plan: Plan) -> int:
    """Number of values in the largest tensor that the UNet makes of one sample."""
    unet: Any = empty_module("unet", open_layout(plan.source).configs["unet"])
    sizes: list[int] = []

    def look(module: object, given: object, result: object) -> None:
        if isinstance(result, torch.Tensor):
            sizes.append(result.numel())

    for module in unet.modules():
        module.register_forward_hook(look)
    latent = torch.empty(1, *plan.latent_shape, device="meta")
    text = torch.empty(1, 1, unet.config.cross_attention_dim, device="meta")
    with torch.inference_mode():
        unet(latent, 1, text)
    return max(sizes)


def _unet_shapes(plan: Plan) -> tuple[list[int], tuple[int, ...]]:
    """Tokens of every self-attention and shape of the injected convolution, for one frame.

    A UNet without weights tells them: its tensors have shapes and no numbers.
    """
    config = open_layout(plan.source).configs["unet"]
    unet: Any = empty_module("unet", config)
    tokens: list[int] = []
    convolution: list[tuple[int, ...]] = []
    for site in self_attentions(unet):
        site.attention.register_forward_pre_hook(
            lambda module, given: tokens.append(given[0].shape[1])
        )
    injected_convolution(unet).register_forward_hook(
        lambda module, given, result: convolution.append(tuple(result.shape[1:]))
    )
    latent = torch.empty(1, *plan.latent_shape, device="meta")
    text = torch.empty(1, 1, unet.config.cross_attention_dim, device="meta")
    with torch.inference_mode():
        unet(latent, 1, text)
    return tokens, convolution[0]


def describe(plan: Plan) -> list[str]:
    """Describe a job to a person: what is read and written, how, and what it costs."""
    inversion, edit = unet_samples(plan)
    window = plan.rectangle.window
    _, rows, columns = plan.latent_shape
    kept = workspace_bytes(plan)
    workspace = plan.options.workspace or default_workspace()
    on_device = device_bytes(plan)
    lines = [
        f"plate       {plan.sequence.pattern}, frames {FrameRange.of(plan.numbers)}",
        f"edited      {', '.join(plan.selection.rgb)} of {window.width}x{window.height} pixels",
        f"colour      {plan.plate_space} through {plan.encoding.name}, config {plan.config.name}",
        f"checkpoint  {plan.checkpoint.name} ({plan.checkpoint.sha256[:12]})",
        f"model sees  {plan.size[0]}x{plan.size[1]} pixels, {columns}x{rows} latents",
        f"writes      {plan.output}, frames {FrameRange.of(plan.written)}",
        f"costs       {inversion} UNet evaluations to invert, {edit} to edit, at most",
        "licences    " + "; ".join(f"{name}: {said}" for name, said in plan.licences.items()),
        f"memory      about {sum(on_device.values()) >> 20} MiB on the device: "
        + ", ".join(f"{name} {size >> 20}" for name, size in on_device.items()),
        f"output      about {_output_bytes(plan) >> 20} MiB",
        f"workspace   {sum(kept.values()) >> 20} MiB in {workspace}: "
        + ", ".join(f"{name} {size >> 20}" for name, size in kept.items() if size),
        f"job hash    {plan.hash}",
    ]
    if plan.earlier:
        anew, whole = FrameRange.of(plan.again), FrameRange.of(plan.carried)
        lines.insert(1, f"base        {plan.earlier.frames}; makes {anew} anew, takes over {whole}")
    return lines + [f"note: {message}" for message in plan.warnings]
