"""What the door takes and answers, for `/openapi.json`: fields, what they mean, examples."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tokenflow.states import HIGHEST_PRIORITY, JobState

EXAMPLE_JOB: dict[str, Any] = {
    "schema": "tokenflow.job/1",
    "plate": {"path": "/shows/demo/plate/shot.####.exr"},
    "edit": {
        "prompt": "a blue ball on a wooden floor",
        "source_prompt": "a red ball on a wooden floor",
    },
    "output": {"path": "/shows/demo/edit/shot.####.exr"},
}

EXAMPLE_ERROR: dict[str, Any] = {
    "error": {
        "code": "unknown_job",
        "message": "there is no job '0123456789ab'",
        "hint": "It may have been deleted; list the jobs.",
        "exit_code": 66,
        "retryable": False,
    }
}

EXAMPLE_ID = "5f3a09c2b771"


def _with(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: Annotated[str, Field(description="For machines; stable.")]
    message: Annotated[str, Field(description="What happened, one sentence.")]
    hint: Annotated[str, Field(description="What to do about it; may be empty.")] = ""
    frame: Annotated[int | None, Field(description="The frame it happened to.")] = None
    path: Annotated[str | None, Field(description="The file or folder it happened to.")] = None
    exit_code: Annotated[int, Field(description="What the command line would end with.")] = 70
    retryable: Annotated[bool, Field(description="Whether it may work later as it is.")] = False


class ErrorAnswer(BaseModel):
    """Body of every answer with a status of 400 and above."""

    model_config = _with(EXAMPLE_ERROR)

    error: ErrorDetail


class HealthAnswer(BaseModel):
    """How the service is."""

    model_config = _with({"status": "ready", "version": "0.1.0", "protocol": 1})

    status: Annotated[str, Field(description="starting, loading, ready, busy, draining or failed.")]
    version: Annotated[str, Field(description="Of the product.")]
    protocol: Annotated[int, Field(description="Of these calls; another one is not understood.")]


class JobQueued(BaseModel):
    """The job that was queued, or the same one that was there already."""

    model_config = _with({"id": EXAMPLE_ID, "state": "queued"})

    id: str
    state: JobState


class RunAnswer(BaseModel):
    """How the job is run."""

    priority: int
    overwrite: bool
    resume: bool
    frames: str | None


class JobAnswer(BaseModel):
    """A job, as it stands."""

    model_config = _with(
        {
            "id": EXAMPLE_ID,
            "job": EXAMPLE_JOB,
            "request": {"priority": 0, "overwrite": False, "resume": False, "frames": None},
            "state": "running",
            "created": 1760000000.0,
            "started": 1760000001.5,
            "ended": None,
            "attempts": 1,
            "progress": {
                "fraction": 0.42,
                "stage": "edit",
                "detail": "step 12 of 50",
                "seconds_left": 71.0,
            },
            "report": None,
            "error": None,
        }
    )

    id: str
    job: Annotated[dict[str, Any], Field(description="The job file, every field spelled out.")]
    request: RunAnswer
    state: JobState
    created: Annotated[float, Field(description="Seconds since 1970, as are the next two.")]
    started: float | None
    ended: float | None
    attempts: Annotated[int, Field(description="How often it was begun.")]
    progress: Annotated[
        dict[str, Any] | None, Field(description="fraction 0 to 1, stage, detail, seconds_left.")
    ]
    report: Annotated[
        dict[str, Any] | None, Field(description="The report beside the frames, when done.")
    ]
    error: Annotated[ErrorDetail | None, Field(description="Why it failed.")]


class JobsAnswer(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class PriorityChange(BaseModel):
    """Another place in the queue."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"priority": 10}})

    priority: Annotated[
        int,
        Field(
            ge=-HIGHEST_PRIORITY,
            le=HIGHEST_PRIORITY,
            strict=True,
            description="Higher goes first.",
        ),
    ]


class InspectRequest(BaseModel):
    """The plate to look at; the other fields mean what they mean in a job."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"path": "/shows/demo/plate/shot.####.exr"}}
    )

    path: Annotated[str, Field(min_length=1, description="A pattern, a folder or one file.")]
    ocio: str | None = None
    colorspace: str | None = None
    layer: str | None = None
    part: str | None = None
    stereo_view: str | None = None


class BundleRequest(BaseModel):
    """A job for a farm, and where everything that its machines share lies."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "job": EXAMPLE_JOB,
                "folder": "/shows/demo/farm/shot",
                "workspace": "/shows/demo/farm/workspace",
            }
        },
    )

    job: Annotated[dict[str, Any], Field(description="A job file, as `POST /v1/jobs` takes it.")]
    folder: Annotated[str, Field(min_length=1, description="Takes the bundle; made if need be.")]
    workspace: Annotated[
        str, Field(min_length=1, description="Intermediate results; all machines see it.")
    ]
    chunk: Annotated[int, Field(ge=1, description="Frames per task.")] = 24
    gpus: Annotated[int, Field(ge=0, description="That a machine needs; 0 for none.")] = 1


class BundleAnswer(BaseModel):
    """What was written."""

    model_config = _with(
        {"folder": "/shows/demo/farm/shot", "files": ["template.json", "shot.job.json"]}
    )

    folder: str
    files: list[str]


class PlateColor(BaseModel):
    """Which colour space the plate is in, and what there is to choose."""

    colorspace: Annotated[str | None, Field(description="null where nothing says it.")]
    error: Annotated[ErrorDetail | None, Field(description="Then why, and what to do.")]
    config: str
    config_source: str
    config_location: str
    colorspaces: list[str]
    default_view: str
    views: list[str]


class PartAnswer(BaseModel):
    """One part of the files."""

    number: int
    name: str
    layers: Annotated[list[str], Field(description="With red, green and blue; '' has no name.")]
    channels: Annotated[dict[str, str], Field(description="Type by name: float16, float32 ...")]


class PlateAnswer(BaseModel):
    """What a plate is."""

    model_config = _with(
        {
            "pattern": "/shows/demo/plate/shot.####.exr",
            "frames": "1001-1008,1010-1048",
            "missing": "1009",
            "first": 1001,
            "last": 1048,
            "size": [2048, 1080],
            "display_window": [0, 0, 2048, 1080],
            "data_window": [-100, 0, 2248, 1080],
            "pixel_aspect": 1.0,
            "compression": "zip",
            "parts": [
                {
                    "number": 0,
                    "name": "rgba",
                    "layers": [""],
                    "channels": {"R": "float16", "G": "float16", "B": "float16"},
                }
            ],
            "edited": {"part": 0, "channels": ["R", "G", "B"], "alpha": None},
            "color": {
                "colorspace": "ACEScg",
                "error": None,
                "config": "studio-config-v4.0.0_aces-v2.0_ocio-v2.5",
                "config_source": "built-in",
                "config_location": "ocio://studio-config-v4.0.0_aces-v2.0_ocio-v2.5",
                "colorspaces": ["ACEScg", "Linear Rec.709 (sRGB)"],
                "default_view": "sRGB - Display/ACES 2.0 - SDR 100 nits (Rec.709)",
                "views": ["sRGB - Display/ACES 2.0 - SDR 100 nits (Rec.709)"],
            },
            "frame_rate": [24000, 1001],
            "timecode": "01:00:00:00",
        }
    )

    pattern: str
    frames: Annotated[str, Field(description="On disk, as a frame range.")]
    missing: Annotated[str, Field(description="In the gaps between them.")]
    first: int
    last: int
    size: Annotated[list[int], Field(description="Of the display window.")]
    display_window: Annotated[list[int], Field(description="x, y, width, height in pixels.")]
    data_window: list[int]
    pixel_aspect: float
    compression: str
    parts: list[PartAnswer]
    edited: Annotated[dict[str, Any], Field(description="Part and channels that are edited.")]
    color: PlateColor
    frame_rate: Annotated[list[int] | None, Field(description="Numerator and denominator.")]
    timecode: Annotated[str | None, Field(description="Of the first frame.")]


class ModelAnswer(BaseModel):
    """A checkpoint that needs no path."""

    name: Annotated[str, Field(description="What `model.checkpoint` of a job takes.")]
    path: str
    note: str
    vocabulary: Annotated[list[str], Field(description="The words it knows; empty is all.")]
    native_size: list[int] | None
    encodings: list[str]
    problem: Annotated[str | None, Field(description="Why it cannot be used.")]
    licence: Annotated[str, Field(description="As its folder names it, else `not stated`.")]
    commercial: Annotated[bool, Field(description="False where that forbids commercial work.")]


class ModelsAnswer(BaseModel):
    """Checkpoints that are known here."""

    models: list[ModelAnswer]


class DevicesAnswer(BaseModel):
    """Devices, one worker each, and their memory."""

    devices: list[dict[str, Any]]
