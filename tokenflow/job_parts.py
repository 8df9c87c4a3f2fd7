"""The parts of a job: frozen, and checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ocio.frame_range import FrameRange
from tokenflow.errors import InvalidJob
from tokenflow.job_json import Part, option

NOT_BLANK: dict[str, Any] = {"pattern": r"\S", "wanted": "text that is not blank"}

SHA256: dict[str, Any] = {"pattern": "^[0-9a-f]{64}$", "wanted": "64 hexadecimal digits"}

EDITING_METHODS = ("tokenflow", "per-frame", "first-frame", "joint-attention")
"""Methods that denoise towards a prompt, from the noise that leads back to the shot."""

PROMPTED_METHODS = (*EDITING_METHODS, "dreammotion")
"""Methods that need a prompt; the others (`ldm-recon`, `passthrough`) change nothing by words."""


@dataclass(frozen=True)
class Size:
    """A picture size in pixels, ``960x540`` in text."""

    width: int
    height: int

    LARGEST: ClassVar[int] = 8192

    def __post_init__(self) -> None:
        """Refuse sizes that no model can work at."""
        if not all(1 <= side <= self.LARGEST for side in (self.width, self.height)):
            raise InvalidJob(
                f"a size of {self} is not within 1x1 and {self.LARGEST}x{self.LARGEST}"
            )

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read ``WxH``, e.g. ``960x540``."""
        sides = text.strip().lower().split("x")
        if len(sides) != 2 or not all(s.isascii() and s.isdigit() and len(s) < 6 for s in sides):
            raise InvalidJob(f"{text!r} is not a size", hint="Write WxH, for example 960x540.")
        return cls(int(sides[0]), int(sides[1]))

    def __str__(self) -> str:
        """Return ``WxH``."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Plate(Part):
    """The shot to edit."""

    where: ClassVar[str] = "plate"

    path: str = option(
        "A sequence: a pattern, a folder that holds one, or one of its files.", **NOT_BLANK
    )
    part: str | None = option("The EXR part that is edited; null is the first one.", None)
    layer: str | None = option("The layer whose RGB is edited; null is the part's own RGB.", None)
    stereo_view: str | None = option(
        "The stereo view that is edited, such as left; null is the first one.", None
    )

    @property
    def choice(self) -> tuple[str | None, str | None, str | None]:
        """Layer, part and stereo view, in the order in which files are asked for channels."""
        return self.layer, self.part, self.stereo_view


@dataclass(frozen=True)
class Color(Part):
    """How the plate becomes what the model sees."""

    where: ClassVar[str] = "color"

    ocio: str | None = option(
        "An OCIO config, a file or an ocio:// name; null resolves host, $OCIO, built-in.", None
    )
    colorspace: str | None = option(
        "The plate's colour space; null takes it from the file and the config.", None
    )
    view: str | None = option(
        "DISPLAY/VIEW of the encoding `view`; null is the default SDR view.",
        None,
        pattern="^[^/]+/.+$",
        wanted="DISPLAY/VIEW such as 'sRGB - Display/ACES 2.0 - SDR 100 nits (Rec.709)'",
    )
    encoding: Literal["view", "log", "logc3", "logc4", "reinhard"] = option(
        "How scene-linear values become the 0 to 1 that the model sees.", "view"
    )


@dataclass(frozen=True)
class Control(Part):
    """A ControlNet, and the picture of the shot that it holds the edit to."""

    where: ClassVar[str] = "edit.controls"

    image: str = option(
        "depth, canny, soft-edges, or :CHANNEL of the plate, 0 black and 1 white.",
        "depth",
        pattern=r"^(depth|canny|soft-edges|:.*\S.*)$",
        wanted="depth, canny, soft-edges or :CHANNEL",
    )
    checkpoint: str = option(
        "The diffusers folder of the ControlNet; demo-depth is the bundled one.",
        "demo-depth",
        **NOT_BLANK,
    )
    weight: float = option("How firmly it holds.", 1.0, minimum=0, maximum=2)
    sha256: str | None = option(
        "Hash of its weights, filled in when they are found; must match where given.",
        None,
        **SHA256,
    )

    @property
    def bundled(self) -> bool:
        """Whether it is the one that comes with the product."""
        return self.checkpoint == "demo-depth"

    def __str__(self) -> str:
        """Return what `parse` reads; the hash is left out."""
        return f"{self.image}={self.checkpoint}@{self.weight!r}"

    @classmethod
    def parse(cls, text: str) -> Control:
        """Read ``IMAGE[=FOLDER][@WEIGHT]``, e.g. ``depth=/models/depth@0.8``."""
        rest, at, number = text.rpartition("@")
        try:
            weight = float(number) if at else 1.0
        except ValueError:
            rest, weight = text, 1.0  # the sign belongs to a name
        image, named, folder = (rest if at and rest else text).partition("=")
        if named and not folder:
            raise InvalidJob(f"{text!r} names no folder", hint="Write depth=FOLDER@0.8.")
        return cls(image, folder or "demo-depth", weight)


@dataclass(frozen=True)
class Edit(Part):
    """What to make of the shot, and how."""

    where: ClassVar[str] = "edit"

    prompt: str = option("What to make of the shot.", "")
    source_prompt: str = option("What the plate shows; helps the inversion.", "")
    negative_prompt: str = option("What to avoid.", "")
    method: Literal[
        "tokenflow",
        "dreammotion",
        "per-frame",
        "first-frame",
        "joint-attention",
        "ldm-recon",
        "passthrough",
    ] = option(
        "tokenflow denoises anew, dreammotion bends the shot itself; the others are for "
        "comparison, and passthrough changes nothing.",
        "tokenflow",
    )
    technique: Literal["pnp", "sdedit", "controlnet"] = option(
        "How the shot's structure is kept: by the plate's own features, by starting late, or by "
        "pictures of its depth or edges.",
        "pnp",
    )
    mode: Literal["paper", "released"] = option(
        "The paper's rules, or exactly those of the authors' released code.", "paper"
    )
    steps: int = option("Denoising steps.", 50, minimum=1, maximum=999)
    inversion_steps: int = option("Steps from the plate to noise.", 50, minimum=1, maximum=999)
    inversion_evaluations: int = option(
        "UNet evaluations per inversion step at most; 5 solves each step.", 2, minimum=1, maximum=5
    )
    guidance: float = option(
        "How strongly the prompt pulls; 1 switches guidance off.", 7.5, minimum=0, maximum=100
    )
    keyframe_interval: int = option(
        "Frames per keyframe; fewer follow more and cost more.", 8, minimum=1, maximum=1000
    )
    keyframes: Literal["random", "fixed"] = option(
        "Drawn anew at each step, or once for the whole denoising.", "random"
    )
    weights: Literal["sigmoid", "linear"] = option(
        "Blend of the two keyframes beside a frame: the paper's, or without a jump.", "sigmoid"
    )
    qk_threshold: float = option(
        "pnp: share of the steps that keep the plate's attention.", 0.5, minimum=0, maximum=1
    )
    conv_threshold: float = option(
        "pnp: share of the steps that keep the plate's features.", 0.8, minimum=0, maximum=1
    )
    start: float = option(
        "sdedit: share of the steps that are run; fewer keep more.", 0.9, minimum=0, maximum=1
    )
    controls: tuple[Control, ...] = option(
        "controlnet: what holds the edit to the shot; empty takes the bundled depth for demo.", ()
    )
    seed: int = option("Seed of every random draw.", 1, minimum=0, maximum=2**63 - 1)
    size: Size | None = option(
        "WxH that the model works at; null follows the checkpoint and the plate's aspect.",
        None,
        pattern="^[0-9]+x[0-9]+$",
        wanted="a size such as 960x540",
    )

    def __post_init__(self) -> None:
        """Check each value, then what they mean together."""
        super().__post_init__()
        if self.method in PROMPTED_METHODS and not self.prompt.strip():
            raise InvalidJob(
                f"edit.prompt is empty, and the method {self.method} needs one",
                hint="Say what to make of the shot, for example with --prompt.",
            )
        if self.mode == "released" and self.method in (
            "per-frame",
            "first-frame",
            "joint-attention",
            "dreammotion",
        ):
            raise InvalidJob(
                f"edit.mode released exists for the method tokenflow only, not for {self.method}",
                hint="Use the mode paper.",
            )
        if self.mode == "released" and self.keyframes == "fixed":
            raise InvalidJob(
                "edit.mode released draws its keyframes at each step, so edit.keyframes cannot be "
                "fixed",
                hint="Use the mode paper.",
            )
        if self.mode == "released" and self.technique == "controlnet":
            raise InvalidJob(
                "edit.mode released has no technique controlnet: the authors' code inverts with "
                "it, and edits without",
                hint="Use the mode paper.",
            )
        if self.controls and self.technique != "controlnet":
            raise InvalidJob(
                f"edit.controls are for the technique controlnet, not for {self.technique}",
                hint="Use --technique controlnet, or leave the controls out.",
            )


@dataclass(frozen=True)
class DreamMotion(Part):
    """How the method dreammotion bends a shot towards the prompt."""

    where: ClassVar[str] = "dreammotion"

    steps: int = option(
        "How often the shot is pushed towards the prompt: more goes further and takes longer.",
        200,
        minimum=1,
        maximum=2000,
    )
    step_size: float = option(
        "How far one push goes; too large burns colours out.", 0.05, minimum=0.001, maximum=1
    )
    structure: float = option(
        "How firmly shapes stay where they are; 0 lets them go.", 1.0, minimum=0, maximum=10000
    )
    motion: float = option(
        "How firmly the shot's motion is kept; 0 lets it go.", 1.0, minimum=0, maximum=10000
    )
    features: Literal["null", "source", "cond"] = option(
        "The words under which shapes are compared: none, the plate's, or the edit's, which holds "
        "back the edit itself.",
        "null",
    )
    layers: Literal["inner", "up"] = option(
        "Where shapes are compared: the two inner up blocks, or all of them, finer and dearer.",
        "inner",
    )
    loss: Literal["per-element", "paper"] = option(
        "How shapes and motion are weighed: alike for all lengths and sizes, or as plain sums.",
        "per-element",
    )
    mask: Literal["total", "paper"] = option(
        "total leaves the model's picture outside the matte as it is; paper bends that too.",
        "total",
    )
    window: int = option(
        "Frames that the model sees at once; longer shots go in overlapping windows.",
        16,
        minimum=1,
        maximum=256,
    )
    overlap: int = option("Frames that neighbouring windows share.", 4, minimum=0, maximum=255)
    windows: Literal["coupled", "independent"] = option(
        "coupled bends all windows together; independent each alone, and seams may show.",
        "coupled",
    )
    t_min: int = option(
        "Least noise at which the model is asked, in its training steps.",
        50,
        minimum=0,
        maximum=9999,
    )
    t_max: int = option(
        "Most noise at which the model is asked, itself left out.", 950, minimum=1, maximum=10000
    )
    deterministic: bool = option(
        "Ask a GPU for the same bits every time, which may take longer.", False
    )

    def __post_init__(self) -> None:
        """Check each value, then that windows go on and noise levels are not empty."""
        super().__post_init__()
        if self.overlap >= self.window:
            raise InvalidJob(
                f"dreammotion.overlap {self.overlap} leaves nothing of dreammotion.window "
                f"{self.window}",
                hint="Let the overlap be shorter than the window.",
            )
        if self.t_min >= self.t_max:
            raise InvalidJob(
                f"dreammotion.t_min {self.t_min} is not below dreammotion.t_max {self.t_max}",
                hint="Let the noise levels span a range, for example 50 to 950.",
            )


@dataclass(frozen=True)
class Model(Part):
    """The weights, and the precision they run in."""

    where: ClassVar[str] = "model"

    checkpoint: str = option(
        "demo, a diffusers folder, a .safetensors file or a hub id.", "demo", **NOT_BLANK
    )
    sha256: str | None = option(
        "Hash of the weights, filled in when the checkpoint is found; must match where given.",
        None,
        **SHA256,
    )
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = option(
        "Number format of the UNet; auto suits the device.", "auto"
    )
    decoder: Literal["default", "temporal", "asymmetric"] = option(
        "What makes pictures of latents: the checkpoint, one that sees time, or one that sees the "
        "plate.",
        "default",
    )
    decoder_checkpoint: str | None = option(
        "Diffusers folder of the other decoder; it must read the checkpoint's latents.", None
    )
    decoder_sha256: str | None = option(
        "Hash of the other decoder, filled in when it is found; must match where given.",
        None,
        **SHA256,
    )
    motion: str | None = option(
        "dreammotion: folder of the motion adapter that lets a checkpoint of still pictures see "
        "time; null takes the bundled one for demo, and suits checkpoints of video.",
        None,
        pattern=r"\S",
        wanted="the folder of a motion adapter",
    )
    motion_sha256: str | None = option(
        "Hash of the motion adapter, filled in when it is found; must match where given.",
        None,
        **SHA256,
    )

    def __post_init__(self) -> None:
        """Check each value, then that another decoder is named where one is asked for."""
        super().__post_init__()
        if (self.decoder != "default") != (self.decoder_checkpoint is not None):
            raise InvalidJob(
                f"model.decoder {self.decoder} and model.decoder_checkpoint "
                f"{self.decoder_checkpoint or 'null'} do not go together",
                hint="Name a folder for temporal and asymmetric, and none for default.",
            )


@dataclass(frozen=True)
class Matte(Part):
    """Where the edit may act; outside it the plate comes back bit for bit."""

    where: ClassVar[str] = "matte"

    source: str = option("SEQUENCE[:CHANNEL], or :CHANNEL for a channel of the plate.", **NOT_BLANK)
    invert: bool = option("Act where the matte is black.", False)
    feather: float = option("Softening, in plate pixels.", 0.0, minimum=0, maximum=1000)


@dataclass(frozen=True)
class Deflicker(Part):
    """The deflicker pass."""

    where: ClassVar[str] = "deflicker"

    strength: Literal["off", "light", "normal", "strong", "gain-only"] = option(
        "How much flicker to take out; gain-only corrects a smooth gain and no detail.", "off"
    )
    flow: Literal["auto", "estimated", "raft"] = option(
        "Where the plate's motion comes from; auto takes the plate's own vectors if it has them, "
        "raft is a network whose weights you give.",
        "auto",
    )
    flow_weights: str | None = option(
        "The .safetensors file of raft_small or raft_large under torchvision's names.", None
    )
    flow_sha256: str | None = option(
        "Hash of these weights, filled in when they are found; must match where given.",
        None,
        **SHA256,
    )
    uncompensated: bool = option(
        "Take the edit against the plate and not the decoded plate, so what the autoencoder does "
        "to it counts as edit.",
        False,
    )

    def __post_init__(self) -> None:
        """Check each value, then that weights are named where the flow needs them."""
        super().__post_init__()
        if (self.flow == "raft") != (self.flow_weights is not None):
            raise InvalidJob(
                f"deflicker.flow {self.flow} and deflicker.flow_weights "
                f"{self.flow_weights or 'null'} do not go together",
                hint="Name a file of weights for raft, and none for the others.",
            )


@dataclass(frozen=True)
class Output(Part):
    """Where the result goes and how it is put into the plate."""

    where: ClassVar[str] = "output"

    path: str = option(
        "Pattern or folder of the frames to write.", **NOT_BLANK, changes_pixels=False
    )
    merge: Literal["delta", "replace"] = option(
        "delta puts the edit into the plate, replace takes the model's picture.", "delta"
    )
    strength: float = option("How much of the edit goes into the plate.", 1.0, minimum=0, maximum=1)
    regrain: bool = option("replace: put the plate's grain over the model's picture.", False)
    compression: Literal["lossless", "source"] = option(
        "The source's if lossless, else zip; source repeats a lossy one.", "lossless"
    )
    cap_stops: float = option(
        "Most that the edit may brighten or darken a sample, in stops.", 6.0, minimum=0, maximum=32
    )
    guard_start: float = option(
        "Highlights are guarded from where 0.01 of code is this share of their light.",
        0.15,
        minimum=0,
        maximum=1000,
    )
    guard_end: float = option(
        "Nothing of the edit is left where 0.01 of code is this share of the light.",
        0.6,
        minimum=0,
        maximum=1000,
    )

    def __post_init__(self) -> None:
        """Check each value, that there is grain to put back, and that the guard ends."""
        super().__post_init__()
        if self.regrain and self.merge != "replace":
            raise InvalidJob(
                f"output.regrain is for output.merge replace, not for {self.merge}",
                hint="Leave it out: the plate's grain stays where the edit is put into the plate.",
            )
        if self.guard_end <= self.guard_start:
            raise InvalidJob(
                f"output.guard_end {self.guard_end:g} is not above output.guard_start "
                f"{self.guard_start:g}",
                hint="Let the guard end at a higher gain than it starts at.",
            )


@dataclass(frozen=True)
class Range(Part):
    """Which frames the job is about."""

    where: ClassVar[str] = "range"

    frames: FrameRange | None = option(
        "For example 1001-1048x2,1060; null is all on disk.",
        None,
        wanted="a frame range such as 1001-1048x2,1060",
    )
    missing: Literal["error", "skip", "hold", "black"] = option(
        "Where a frame is missing: stop, leave it out, or let the model see the nearest one or "
        "black; that frame is never written.",
        "error",
    )

    def __post_init__(self) -> None:
        """Refuse a range without frames too."""
        super().__post_init__()
        if self.frames is not None and not self.frames:
            raise InvalidJob("range.frames names no frame", hint="Leave it out to edit all.")


@dataclass(frozen=True)
class Base(Part):
    """The earlier edit that this one continues: outside the range its frames stay as they are."""

    where: ClassVar[str] = "base"

    job: str = option(
        "The earlier edit's NAME.job.json, or the folder that holds it beside the frames.",
        **NOT_BLANK,
    )
    hash: str | None = option(
        "Hash of the earlier job, filled in when it is found; must match where given.",
        None,
        **SHA256,
    )
    blend: int = option(
        "Frames on each side of the range over which the new edit fades into the earlier one.",
        0,
        minimum=0,
        maximum=1000,
    )
