"""The service of the gallery: what it knows of the drawn shot, its device and its checkpoints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.scripted_client import Knobs
from tokenflow.states import JobRecord, JobState, RunRequest
from ui.gallery.drawn_shot import FIRST, FRAMES, HEIGHT, WIDTH

PLATE = "/shows/lake/sh010/plates/sh010_comp_v012.####.exr"
HOLED = "/shows/lake/sh020/plates/sh020_comp_v003.####.exr"
UNTAGGED = "/shows/lake/sh030/plates/sh030_scan.####.exr"
LONG_NAMED = (
    "/shows/a_very_long_show_name_for_a_series/season_02/episode_0107/sequence_lake_at_dawn/"
    "sh0105/plates/main_unit/reel_A017C003/"
    "sh0105_lake_at_dawn_plate_main_unit_A017C003_denoised_v012_acescg.####.exr"
)

SPACES = [
    "ACES2065-1",
    "ACEScg",
    "ACEScct",
    "ARRI LogC4",
    "Linear Rec.709 (sRGB)",
    "sRGB - Texture",
]
_WORDS = (
    "a red blue green yellow white orange purple striped checkered plain ball cube cylinder on "
    "wooden grassy stone sandy floor at noon sunset night"
)
VOCABULARY = _WORDS.split()
DEMO_NOTE = (
    "The bundled demo checkpoint knows one small rendered world of balls, cubes and cylinders; it "
    "is no model for real plates."
)


def plate(pattern: str, **differing: Any) -> dict[str, Any]:
    """Return what `inspect` says of a sequence."""
    last = FIRST + FRAMES - 1
    channels = dict.fromkeys(("R", "G", "B", "A"), "half") | {"depth.Z": "float"}
    return {
        "pattern": pattern,
        "frames": f"{FIRST}-{last}",
        "missing": "",
        "first": FIRST,
        "last": last,
        "size": [WIDTH, HEIGHT],
        "display_window": [0, 0, WIDTH, HEIGHT],
        "data_window": [0, 0, WIDTH, HEIGHT],
        "pixel_aspect": 1.0,
        "compression": "zip",
        "parts": [{"number": 0, "name": "", "layers": ["depth"], "channels": channels}],
        "edited": {"part": 0, "channels": ["R", "G", "B"], "alpha": "A"},
        "color": colour("ACEScg"),
        "frame_rate": [24, 1],
        "timecode": "10:04:12:00",
    } | differing


def colour(space: str | None) -> dict[str, Any]:
    """Return what `inspect` says of a plate's colour; without a space, why there is none."""
    error = {
        "code": "unknown_colour_space",
        "message": "neither the header nor the config says the plate's colour space",
        "hint": "choose it",
        "exit_code": 65,
        "retryable": False,
    }
    return {
        "colorspace": space,
        "error": None if space else error,
        "config": "cg-config-v4.0.0_aces-v2.0_ocio-v2.5",
        "config_source": "built-in",
        "config_location": "ocio://default",
        "colorspaces": SPACES,
        "default_view": "sRGB - Display/ACES 2.0 - SDR 100 nits (Rec.709)",
        "views": ["sRGB - Display/ACES 2.0 - SDR 100 nits (Rec.709)"],
    }


def knobs(**differing: Any) -> Knobs:
    """Return a service that is ready, on a workstation."""
    last = FIRST + FRAMES - 1
    given: dict[str, Any] = {
        "version": "0.1.0",
        "plates": {
            PLATE: plate(PLATE),
            HOLED: plate(
                HOLED, frames=f"{FIRST}-1008,1010-1030,1034-{last}", missing="1009,1031-1033"
            ),
            UNTAGGED: plate(UNTAGGED, color=colour(None), frame_rate=None),
            LONG_NAMED: plate(LONG_NAMED),
        },
        "models": [
            {
                "name": "demo",
                "path": "demo",
                "note": DEMO_NOTE,
                "vocabulary": VOCABULARY,
                "native_size": [192, 108],
                "encodings": ["view"],
                "problem": None,
            },
            {
                "name": "stable-diffusion-v1-5",
                "path": "/models/stable-diffusion-v1-5",
                "note": "",
                "vocabulary": [],
                "native_size": [512, 512],
                "encodings": ["view"],
                "problem": None,
            },
        ],
        "device": {
            "devices": [
                {
                    "device": "cuda:0",
                    "name": "NVIDIA RTX A5000",
                    "memory_total": 25_400_000_000,
                    "memory_free": 14_200_000_000,
                }
            ]
        },
    }
    return Knobs(**given | differing)


def long_queue(count: int) -> tuple[JobRecord, ...]:
    """Return that many jobs, the newest first: half of them wait, one runs, the others are done."""
    records = []
    for number in range(count, 0, -1):
        job = EditJob(
            plate=Plate(PLATE),
            edit=Edit(prompt=f"a red striped ball on a wooden floor, take {number}"),
            output=Output(f"/shows/lake/sh010/edit/v{number:03}/sh010_v{number:03}.####.exr"),
        )
        middle = count // 2
        state: JobState = "queued" if number > middle else "done"
        progress = {"fraction": 0.4, "stage": "edit", "detail": "step 20 of 50"}
        record = JobRecord(f"{number:012x}", job, RunRequest(), state, 1e9 + number)
        if number == middle:
            record = replace(record, state="running", progress=progress | {"seconds_left": 95.0})
        records.append(record)
    return tuple(records)
