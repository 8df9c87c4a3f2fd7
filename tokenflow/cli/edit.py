"""`tokenflow edit`: one shot, in this process."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated, Any, Literal

import typer

from ocio.frame_range import FrameRange
from ocio.versions import asks_for_version, next_version, reserved_version
from tokenflow.cli.base import as_it_was, continued, was_given
from tokenflow.cli.dreammotion import (
    DEFAULT,
    Deterministic,
    Features,
    Layers,
    LeastNoise,
    Loss,
    Mask,
    MostNoise,
    Motion,
    MotionAdapter,
    Overlap,
    Schedule,
    StepSize,
    Structure,
    Window,
    Windows,
    dreammotion_of,
)
from tokenflow.cli.fields import field as _field
from tokenflow.cli.fields import option as _option
from tokenflow.cli.job_file import JobFile, check_job_file, write_job
from tokenflow.cli.options import (
    Device,
    DryRun,
    Overwrite,
    ProgressOption,
    Resume,
    Service,
    WorkspaceFolder,
    carry_out,
    given_on_the_command_line,
)
from tokenflow.cli.paths import (
    control_from_anywhere,
    from_anywhere,
    if_there,
    matte_from_anywhere,
)
from tokenflow.job import (
    Base,
    Color,
    Control,
    Deflicker,
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
from tokenflow.job_file import find_job_file, read_job

# Defaults and texts are the job's own, so that the two cannot disagree.
_EDIT: dict[str, Any] = {name: field.default for name, field in Edit.__dataclass_fields__.items()}


_SHOT, _EDITING, _COLOR, _RESULT = "The shot", "The edit", "Colour", "The result"
_AGAIN = "A stretch anew"


def edit(
    context: typer.Context,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            help="Pattern or folder of the frames to write; v### is the next free version.",
        ),
    ],
    plate: Annotated[
        str | None,
        typer.Argument(
            metavar="PLATE",
            help="shot.####.exr, shot.%04d.exr, shot.$F4.exr, a folder that holds one sequence, or "
            "one of its files. With --base it may be left out.",
        ),
    ] = None,
    frames: Annotated[str | None, _option("1001-1048x2,1060; default: all on disk.", _SHOT)] = None,
    missing: Annotated[
        Literal["error", "skip", "hold", "black"],
        _field(Range, "missing", _SHOT),
    ] = "error",
    part: Annotated[str | None, _option("The EXR part to edit; default: the first.", _SHOT)] = None,
    layer: Annotated[
        str | None, _option("The layer whose RGB to edit; default: the part's own RGB.", _SHOT)
    ] = None,
    stereo_view: Annotated[
        str | None, _option("The stereo view to edit, such as left; default: the first.", _SHOT)
    ] = None,
    prompt: Annotated[str, _field(Edit, "prompt", _EDITING)] = "",
    source_prompt: Annotated[str, _field(Edit, "source_prompt", _EDITING)] = "",
    negative_prompt: Annotated[str, _field(Edit, "negative_prompt", _EDITING)] = "",
    model: Annotated[str, _field(Model, "checkpoint", _EDITING)] = "demo",
    method: Annotated[
        Literal[
            "tokenflow",
            "dreammotion",
            "per-frame",
            "first-frame",
            "joint-attention",
            "ldm-recon",
            "passthrough",
        ],
        _field(Edit, "method", _EDITING),
    ] = "tokenflow",
    technique: Annotated[
        Literal["pnp", "sdedit", "controlnet"], _field(Edit, "technique", _EDITING)
    ] = "pnp",
    controls: Annotated[
        list[str] | None,
        _option(
            "IMAGE[=FOLDER][@WEIGHT] for --technique controlnet, any number of them: what holds "
            "the edit, depth, canny, soft-edges or :CHANNEL of the plate, and the ControlNet's "
            "diffusers folder. Default for demo: its bundled depth.",
            _EDITING,
            "--control",
        ),
    ] = None,
    mode: Annotated[
        Literal["paper", "released"],
        _field(Edit, "mode", _EDITING),
    ] = "paper",
    steps: Annotated[
        int,
        _option(
            "Denoising steps (1 to 999); how often dreammotion pushes, 200 where nothing is said.",
            _EDITING,
        ),
    ] = _EDIT["steps"],
    inversion_steps: Annotated[int, _field(Edit, "inversion_steps", _EDITING)] = _EDIT[
        "inversion_steps"
    ],
    inversion_evaluations: Annotated[int, _field(Edit, "inversion_evaluations", _EDITING)] = _EDIT[
        "inversion_evaluations"
    ],
    guidance: Annotated[float, _field(Edit, "guidance", _EDITING)] = _EDIT["guidance"],
    keyframe_interval: Annotated[
        int,
        _field(Edit, "keyframe_interval", _EDITING),
    ] = _EDIT["keyframe_interval"],
    keyframes: Annotated[
        Literal["random", "fixed"], _field(Edit, "keyframes", _EDITING)
    ] = "random",
    weights: Annotated[
        Literal["sigmoid", "linear"],
        _field(Edit, "weights", _EDITING),
    ] = "sigmoid",
    qk_threshold: Annotated[float, _field(Edit, "qk_threshold", _EDITING)] = _EDIT["qk_threshold"],
    conv_threshold: Annotated[float, _field(Edit, "conv_threshold", _EDITING)] = _EDIT[
        "conv_threshold"
    ],
    start: Annotated[float, _field(Edit, "start", _EDITING)] = _EDIT["start"],
    seed: Annotated[int, _field(Edit, "seed", _EDITING)] = _EDIT["seed"],
    size: Annotated[
        str | None,
        _option("WxH that the model works at; default: as checkpoint and plate suggest.", _EDITING),
    ] = None,
    ocio: Annotated[
        str | None, _option("An OCIO config; default: $OCIO, then a built-in ACES one.", _COLOR)
    ] = None,
    colorspace: Annotated[
        str | None, _option("The plate's colour space; default: what its header says.", _COLOR)
    ] = None,
    view: Annotated[
        str | None, _option("DISPLAY/VIEW through which the model sees.", _COLOR)
    ] = None,
    encoding: Annotated[
        Literal["view", "log", "logc3", "logc4", "reinhard"],
        _field(Color, "encoding", _COLOR),
    ] = "view",
    merge: Annotated[
        Literal["delta", "replace"],
        _field(Output, "merge", _RESULT),
    ] = "delta",
    strength: Annotated[float, _field(Output, "strength", _RESULT)] = 1.0,
    regrain: Annotated[
        bool,
        typer.Option(
            "--regrain",
            metavar="",
            help="With --merge replace: put the plate's grain over the model's picture.",
            rich_help_panel=_RESULT,
        ),
    ] = False,
    matte: Annotated[
        str | None,
        _option(
            "SEQUENCE[:CHANNEL], or :CHANNEL of the plate; outside it nothing changes.", _RESULT
        ),
    ] = None,
    matte_invert: Annotated[
        bool,
        typer.Option(
            "--matte-invert",
            metavar="",
            help="Act where the matte is black.",
            rich_help_panel=_RESULT,
        ),
    ] = False,
    matte_feather: Annotated[float, _field(Matte, "feather", _RESULT)] = 0.0,
    base: Annotated[
        str | None,
        _option(
            "An earlier edit, its NAME.job.json or its folder: only --frames are made anew, and "
            "grow out of the frames around them, which stay as they are. What is not said here is "
            "as there.",
            _AGAIN,
        ),
    ] = None,
    blend: Annotated[int, _field(Base, "blend", _AGAIN)] = 0,
    deflicker: Annotated[
        Literal["off", "light", "normal", "strong", "gain-only"],
        _field(Deflicker, "strength", _RESULT),
    ] = "off",
    flow: Annotated[
        Literal["auto", "estimated", "raft"], _field(Deflicker, "flow", _RESULT)
    ] = "auto",
    flow_weights: Annotated[str | None, _field(Deflicker, "flow_weights", _RESULT)] = None,
    uncompensated: Annotated[
        bool,
        typer.Option(
            "--uncompensated",
            metavar="",
            help="Take the edit against the plate and not the decoded plate, so what the "
            "autoencoder does to it counts as edit.",
            rich_help_panel=_RESULT,
        ),
    ] = False,
    compression: Annotated[
        Literal["lossless", "source"],
        _field(Output, "compression", _RESULT),
    ] = "lossless",
    dtype: Annotated[
        Literal["auto", "float32", "float16", "bfloat16"],
        _field(Model, "dtype", "This run"),
    ] = "auto",
    decoder: Annotated[
        Literal["default", "temporal", "asymmetric"], _field(Model, "decoder", _RESULT)
    ] = "default",
    decoder_checkpoint: Annotated[
        str | None, _option("Diffusers folder of the other --decoder.", _RESULT)
    ] = None,
    motion_adapter: MotionAdapter = None,
    step_size: StepSize = DEFAULT.step_size,
    structure: Structure = DEFAULT.structure,
    motion: Motion = DEFAULT.motion,
    features: Features = DEFAULT.features,
    layers: Layers = DEFAULT.layers,
    loss: Loss = DEFAULT.loss,
    mask: Mask = DEFAULT.mask,
    window: Window = DEFAULT.window,
    overlap: Overlap = DEFAULT.overlap,
    windows: Windows = DEFAULT.windows,
    t_min: LeastNoise = DEFAULT.t_min,
    t_max: MostNoise = DEFAULT.t_max,
    schedule: Schedule = DEFAULT.schedule,
    deterministic: Deterministic = False,
    device: Device = "auto",
    workspace: WorkspaceFolder = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    dry_run: DryRun = False,
    job_file: JobFile = None,
    service: Service = False,
    progress: ProgressOption = "auto",
) -> None:
    """Edit one shot.

    `tokenflow edit plate/shot.####.exr -o edit/shot.####.exr --source-prompt "a red ball on a
    wooden floor" --prompt "a blue ball on a wooden floor"`

    A stretch of it again, in a version of its own:

    `tokenflow edit --base edit --frames 1020-1031 --prompt "a green ball on a wooden floor" -o v2`
    """
    earlier = read_job(find_job_file(base)) if base is not None else None
    if earlier and context.obj is None:
        # Once more, with what the earlier edit says where nothing is said on the command line.
        context.obj = earlier
        return edit(context, **continued(context, earlier))
    given = dict(locals())
    pushes = steps if method == "dreammotion" and was_given(context, "steps") else None
    if plate is None:
        raise typer.BadParameter("PLATE is missing: name the shot, or an earlier edit with --base")
    # Stored in the job: where it runs, $OCIO may belong to another show.
    config = ocio or os.environ.get("OCIO") or None
    with given_on_the_command_line():
        job = EditJob(
            plate=Plate(from_anywhere(plate), part, layer, stereo_view),
            color=Color(config and if_there(config), colorspace, view, encoding),
            edit=Edit(
                prompt=prompt,
                source_prompt=source_prompt,
                negative_prompt=negative_prompt,
                method=method,
                technique=technique,
                mode=mode,
                steps=_EDIT["steps"] if method == "dreammotion" else steps,
                inversion_steps=inversion_steps,
                inversion_evaluations=inversion_evaluations,
                guidance=guidance,
                keyframe_interval=keyframe_interval,
                keyframes=keyframes,
                weights=weights,
                qk_threshold=qk_threshold,
                conv_threshold=conv_threshold,
                start=start,
                controls=tuple(
                    control_from_anywhere(Control.parse(text)) for text in controls or ()
                ),
                seed=seed,
                size=Size.parse(size) if size else None,
            ),
            model=Model(
                model if model == "demo" else if_there(model),
                None,
                dtype,
                decoder,
                decoder_checkpoint and from_anywhere(decoder_checkpoint),
                motion=motion_adapter and from_anywhere(motion_adapter),
            ),
            matte=Matte(matte_from_anywhere(matte), matte_invert, matte_feather) if matte else None,
            deflicker=Deflicker(
                deflicker,
                flow,
                flow_weights and from_anywhere(flow_weights),
                uncompensated=uncompensated,
            ),
            output=Output(from_anywhere(out), merge, strength, regrain, compression),
            range=Range(FrameRange.parse(frames) if frames else None, missing),
            base=Base(from_anywhere(base), None, blend) if base else None,
            dreammotion=dreammotion_of(given, pushes),
        )
        if earlier:
            job = replace(job, output=as_it_was(job.output, earlier.output))
        options = RunOptions(
            device=device,
            workspace=workspace,
            overwrite=overwrite,
            resume=resume,
            dry_run=dry_run,
        )
    if job_file:
        check_job_file(context, job)
        return write_job(job, job_file, overwrite)
    path = job.output.path
    if resume and asks_for_version(path):
        raise typer.BadParameter("--resume goes on with a version that is there: name its number")
    reserves = asks_for_version(path) and not dry_run
    with reserved_version(path) if reserves else nullcontext(next_version(path)) as numbered:
        job = replace(job, output=replace(job.output, path=numbered))
        carry_out(job, options, progress, service=service)
