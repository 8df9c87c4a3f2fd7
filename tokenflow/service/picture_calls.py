"""The calls that show something: frames of a job or a plate, and what a plate is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from starlette.concurrency import run_in_threadpool

from tokenflow.service.answers import InspectRequest, ModelsAnswer, PlateAnswer
from tokenflow.service.door import Door, TheDoor
from tokenflow.service.job_calls import JobId
from tokenflow.service.shots import of_job, of_plate
from tokenflow.service.wanted import WIDEST, Format, WantedPicture, What

router = APIRouter(prefix="/v1", tags=["pictures"])

MEDIA: dict[Format, str] = {"png": "image/png", "jpg": "image/jpeg"}

FARTHEST = 10**9  # frames; beyond is a typing error

Width = Annotated[
    int, Query(ge=1, le=WIDEST, description="In pixels, at most; never more than the plate has.")
]
Frame = Annotated[int, Path(ge=-FARTHEST, le=FARTHEST, description="Its number.")]
IfNoneMatch = Annotated[str | None, Header(description="The ETag of the picture at hand.")]


async def _answer(
    door: Door, wish: Callable[[], WantedPicture], if_none_match: str | None
) -> Response:
    """Give the picture, or 304 if the client has it already."""
    wanted, key = await door.disk.run(_allowed, door, wish)
    headers = {"ETag": f'"{key}"', "Cache-Control": "private, no-cache"}
    if if_none_match is not None and f'"{key}"' in if_none_match:
        return Response(status_code=304, headers=headers)
    content = await door.viewing.picture(wanted, key)
    return Response(content, media_type=MEDIA[wanted.format], headers=headers)


def _allowed(door: Door, wish: Callable[[], WantedPicture]) -> tuple[WantedPicture, str]:
    """Find the files, and check where they lead to: a frame may be a link."""
    wanted = wish()
    for file in wanted.files():
        door.roots.check(file)
    return wanted, wanted.key()


def _add_job_frame(ending: Format) -> None:
    @router.get(
        f"/jobs/{{job_id}}/frames/{{frame}}.{ending}",
        operation_id=f"job_frame_{ending}",
        response_class=Response,
        responses={200: {"content": {MEDIA[ending]: {}}}, 304: {"description": "Not changed."}},
    )
    async def job_frame(
        door: TheDoor,
        job_id: JobId,
        frame: Frame,
        what: Annotated[What, Query(description="difference: absolute, times `gain`.")] = "edit",
        width: Width = WIDEST,
        gain: Annotated[float, Query(gt=0, le=1000, allow_inf_nan=False)] = 4.0,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Show one frame of a job, through its config and view."""
        record = await run_in_threadpool(door.store.job, job_id)
        wish = partial(of_job, record.job, what, frame, width=width, gain=gain, format=ending)
        return await _answer(door, wish, if_none_match)


def _add_plate_frame(ending: Format) -> None:
    @router.get(
        f"/plates/frame.{ending}",
        operation_id=f"plate_frame_{ending}",
        response_class=Response,
        responses={200: {"content": {MEDIA[ending]: {}}}, 304: {"description": "Not changed."}},
    )
    async def plate_frame(
        door: TheDoor,
        path: Annotated[str, Query(min_length=1, description="A pattern, a folder or one file.")],
        frame: Annotated[int, Query(ge=-FARTHEST, le=FARTHEST)],
        view: Annotated[str | None, Query(description="DISPLAY/VIEW")] = None,
        width: Width = WIDEST,
        ocio: str | None = None,
        colorspace: str | None = None,
        layer: str | None = None,
        part: str | None = None,
        stereo_view: str | None = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Show one frame of a sequence."""
        colour = {"view": view, "ocio": ocio, "colorspace": colorspace}
        chosen = {"layer": layer, "part": part, "stereo_view": stereo_view}
        shown = {"width": width, "format": ending}

        def wish() -> WantedPicture:
            door.roots.check(path)
            door.roots.check_config(ocio)
            return of_plate(path, frame, **colour, **chosen, **shown)

        return await _answer(door, wish, if_none_match)


for _ending in MEDIA:
    _add_job_frame(_ending)
    _add_plate_frame(_ending)


@router.post("/plates/inspect", response_model=PlateAnswer)
async def inspect(door: TheDoor, plate: InspectRequest) -> Any:
    """Say what a plate is: frames, windows, channels, colour space, rate, timecode."""
    await door.disk.run(door.roots.check_sequence, plate.path)
    await door.disk.run(door.roots.check_config, plate.ocio)
    return await door.viewing.inspect(**plate.model_dump())


@router.get("/models", response_model=ModelsAnswer)
async def models(door: TheDoor) -> Any:
    """List the checkpoints that need no path."""
    return {"models": await door.viewing.models()}
