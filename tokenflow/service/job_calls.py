"""The calls about jobs: queue, list, follow, cancel, try again, forget."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from tokenflow.errors import InvalidJob
from tokenflow.job import EditJob, job_schema
from tokenflow.job_file import parse_job
from tokenflow.service.answers import (
    EXAMPLE_ID,
    EXAMPLE_JOB,
    JobAnswer,
    JobQueued,
    JobsAnswer,
    PriorityChange,
)
from tokenflow.service.door import Door, TheDoor
from tokenflow.service.errors import Refusal
from tokenflow.service.stream import follow
from tokenflow.states import HIGHEST_PRIORITY, JobState, RunRequest

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

MOST_STREAMS = 256
"""Open streams; each holds a socket."""

LARGEST_ID = 2**63 - 1  # of SQLite

JobId = Annotated[str, Path(description="The id of a job.", examples=[EXAMPLE_ID], max_length=100)]

_JOB_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A job file, as `tokenflow run` takes it; paths are full ones.",
        "content": {
            "application/json": {
                "schema": {k: v for k, v in job_schema().items() if k != "$schema"},
                "example": EXAMPLE_JOB,
            }
        },
    }
}


_SENT_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One of the stream's events.",
    "properties": {
        "id": {"type": "string", "description": "For `Last-Event-ID`; grows."},
        "event": {"type": "string", "description": "state, stage_started, progress, preview ..."},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "example": {
        "id": "17",
        "event": "progress",
        "data": '{"event": "progress", "stage": "edit", "done": 12, "total": 50}',
    },
}


@router.post(
    "",
    status_code=201,
    response_model=JobQueued,
    responses={200: {"model": JobQueued, "description": "It was queued or running already."}},
    openapi_extra=_JOB_FILE,
)
async def submit(
    door: TheDoor,
    request: Request,
    response: Response,
    priority: Annotated[int, Query(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY)] = 0,
    overwrite: Annotated[bool, Query(description="Replace frames that exist.")] = False,
    resume: Annotated[bool, Query(description="Keep whole frames of this very job.")] = False,
    frames: Annotated[
        str | None, Query(description="A part of the job's range.", examples=["1001-1012"])
    ] = None,
) -> Any:
    """Queue a job. The same job with the same output and frames is queued or running only once."""
    if overwrite and resume:
        raise InvalidJob("overwrite and resume exclude each other", hint="Choose one of them.")
    body = await request.body()
    wish = {"priority": priority, "overwrite": overwrite, "resume": resume, "frames": frames}
    record, new = await door.disk.run(_queue, door, body, wish)
    if not new:
        response.status_code = 200
    return {"id": record.id, "state": record.state}


def _queue(door: Door, body: bytes, wish: dict[str, Any]) -> Any:
    job = read_posted(body)
    door.roots.check_job(job)
    try:
        run = RunRequest(**wish)
    except ValueError as error:
        raise InvalidJob(f"frames: {error}") from error
    return door.store.submit(job, run)


def read_posted(body: bytes) -> EditJob:
    """Read a job from a request.

    Raises
    ------
    InvalidJob
    """
    try:
        return parse_job(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidJob("the job is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        # Numbers of thousands of digits, hundreds of nested lists: JSON, but no job.
        raise InvalidJob(f"the job cannot be read: {type(error).__name__}") from error


@router.get("", response_model=JobsAnswer, response_model_exclude_unset=True)
async def jobs(
    door: TheDoor,
    state: Annotated[JobState | None, Query(description="Only those in this state.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    before: Annotated[
        str | None, Query(description="Only those queued before this one: the next page.")
    ] = None,
) -> Any:
    """List jobs, the newest first."""

    def listed() -> list[dict[str, Any]]:
        found = door.store.jobs(state=state, limit=limit, before=before)
        return [record.to_json() for record in found]

    return {"jobs": await run_in_threadpool(listed)}


@router.get("/{job_id}", response_model=JobAnswer, response_model_exclude_unset=True)
async def job(door: TheDoor, job_id: JobId) -> Any:
    """Say how a job stands."""
    return (await run_in_threadpool(door.store.job, job_id)).to_json()


@router.patch("/{job_id}", response_model=JobAnswer, response_model_exclude_unset=True)
async def set_priority(door: TheDoor, job_id: JobId, change: PriorityChange) -> Any:
    """Move a job in the queue."""
    record = await run_in_threadpool(door.store.set_priority, job_id, change.priority)
    return record.to_json()


@router.post("/{job_id}/cancel", response_model=JobAnswer, response_model_exclude_unset=True)
async def cancel(door: TheDoor, job_id: JobId) -> Any:
    """Stop a job. A running one is `cancelled` within two seconds; what it wrote is whole."""
    return (await run_in_threadpool(door.supervisor.cancel, job_id)).to_json()


@router.post("/{job_id}/retry", response_model=JobAnswer, response_model_exclude_unset=True)
async def retry(door: TheDoor, job_id: JobId) -> Any:
    """Queue a job that has ended once more; it goes on from the frames that it has written."""
    return (await run_in_threadpool(door.store.retry, job_id)).to_json()


@router.delete("/{job_id}", status_code=204)
async def delete(door: TheDoor, job_id: JobId) -> None:
    """Forget a job that has ended, and its events. Its frames stay."""
    await run_in_threadpool(door.store.delete, job_id)


async def _place_in_stream(
    door: TheDoor,
    job_id: JobId,
    after: Annotated[int, Query(ge=0, le=LARGEST_ID, description="Only events after this id.")] = 0,
    last_event_id: Annotated[
        int | None,
        Header(ge=0, le=LARGEST_ID, description="The same; what a client sends to resume."),
    ] = None,
) -> int:
    """Find out what can go wrong before the stream begins: afterwards no error can be told."""
    await run_in_threadpool(door.store.job, job_id)
    if door.presence.streams >= MOST_STREAMS:
        raise Refusal(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_streams",
            f"{MOST_STREAMS} event streams are open already",
            "Close some that nobody reads.",
        )
    return after if last_event_id is None else last_event_id


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": _SENT_EVENT}},
            "description": "Server-sent events: `id` to resume from, `event` the kind, `data` JSON "
            "as `tokenflow edit --progress json` prints it. Ends after the job's final state.",
        }
    },
)
async def events(
    door: TheDoor, job_id: JobId, after: Annotated[int, Depends(_place_in_stream)]
) -> StreamingResponse:
    """Follow a job. A comment comes every 15 seconds when nothing else does."""
    return StreamingResponse(
        _present(door, job_id, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


async def _present(door: Door, job_id: str, after: int) -> AsyncIterator[bytes]:
    """Follow a job, and count as somebody who is here."""
    assert door.news is not None  # set when the event loop began
    with door.presence.stay():
        async with aclosing(follow(door.store, door.news, job_id, after)) as coming:
            async for event in coming:
                yield event
