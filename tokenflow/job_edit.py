"""The edit that a job asks for, by every method: frozen, and checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from tokenflow.errors import InvalidJob
from tokenflow.job_json import NOT_BLANK, SHA256, Part, option

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
    schedule: Literal["checkpoint", "linear"] = option(
        "The noise schedule that the model was trained with: the checkpoint's, or linear, as "
        "AnimateDiff's motion adapters were.",
        "checkpoint",
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
