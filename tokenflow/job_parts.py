"""The parts of a job but for the edit itself: frozen, and checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ocio.frame_range import FrameRange
from tokenflow.errors import InvalidJob
from tokenflow.job_json import NOT_BLANK, SHA256, Part, option


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
