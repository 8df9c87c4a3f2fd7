"""The HTTP front: routes, their description, and one body for every error.

It never computes and never opens a frame. What blocks goes to threads (the store), to the workers
(jobs) and to the viewer (pictures); health is answered whatever they do.
"""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import metadata
from typing import Any

from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from ocio.errors import OcioError
from tokenflow.client import PROTOCOL
from tokenflow.errors import TokenFlowError
from tokenflow.service import bundle_calls, job_calls, picture_calls
from tokenflow.service.answers import DevicesAnswer, ErrorAnswer, HealthAnswer
from tokenflow.service.door import Door, TheDoor
from tokenflow.service.errors import Refusal, error_body, our_fault, status_of
from tokenflow.service.guard import Guard
from tokenflow.service.roots import Roots
from tokenflow.service.settings import Settings
from tokenflow.service.store import JobStore
from tokenflow.service.stream import News
from tokenflow.service.supervisor import Supervisor
from tokenflow.service.viewing import Viewing

RETRY_SECONDS = "2"

_log = logging.getLogger(__name__)

_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorAnswer, "description": "No token, or another one."},
    403: {"model": ErrorAnswer, "description": "Outside the allowed folders, or forbidden."},
    404: {"model": ErrorAnswer, "description": "No such job, file or frame."},
    409: {"model": ErrorAnswer, "description": "The job's state or the disk does not allow it."},
    422: {"model": ErrorAnswer, "description": "The request, or what it names, cannot be used."},
    "default": {"model": ErrorAnswer, "description": "Any other error."},
}

_NOTHING_SENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""What happens on this machine is told to nobody, whatever the environment asks of libraries."""


_WITH_TOKEN = [Security(HTTPBearer(auto_error=False, description="From service.json."))]
"""For the description; that no call goes without it is `Guard`'s business."""


def end_this_process() -> None:
    """Ask this process to end as if the system had: the server closes in good order."""
    os.kill(os.getpid(), signal.SIGTERM)


def make_app(
    store: JobStore,
    supervisor: Supervisor,
    viewing: Viewing,
    settings: Settings,
    *,
    shut_down: Callable[[], None] = end_this_process,
) -> FastAPI:
    """Build the front.

    Parameters
    ----------
    store, supervisor, viewing
        Started and stopped by whoever made them.
    settings
        Token, bind address, further roots, and the log that a fault of ours names.
    shut_down
        What ``POST /v1/shutdown`` does, after all event streams were told to end.

    Returns
    -------
    FastAPI
        ``app.state.door`` is its `Door`: with the presence of clients, and ``news.end()`` for
        ending all streams.
    """
    door = Door(store, supervisor, viewing, settings, Roots.of_user(settings.roots), shut_down)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        door.news = News()
        store.on_change = door.news.changed
        yield
        door.news.end()
        store.on_change = lambda job_id: None

    app = FastAPI(
        title="TokenFlow service",
        summary="Edits shots: queue, progress, pictures.",
        version=metadata.version("tokenflow"),
        docs_url=None,  # pages that load scripts from elsewhere
        redoc_url=None,
        lifespan=running,
        responses=_ERRORS,
        telemetry=_NOTHING_SENT,
    )
    app.state.door = door
    app.include_router(job_calls.router, dependencies=_WITH_TOKEN)
    app.include_router(picture_calls.router, dependencies=_WITH_TOKEN)
    app.include_router(bundle_calls.router, dependencies=_WITH_TOKEN)
    _add_own_calls(app)
    _add_error_answers(app, settings)
    app.add_middleware(Guard, token=settings.token, host=settings.host, presence=door.presence)
    return app


def _add_own_calls(app: FastAPI) -> None:
    version = metadata.version("tokenflow")

    @app.get("/v1/health", response_model=HealthAnswer, tags=["service"])
    async def health(door: TheDoor) -> Any:
        """Say how the service is; the only call without a token."""
        return {"status": door.supervisor.state(), "version": version, "protocol": PROTOCOL}

    @app.get("/v1/device", response_model=DevicesAnswer, tags=["service"], dependencies=_WITH_TOKEN)
    async def device(door: TheDoor) -> Any:
        """List the devices and their memory."""
        return {"devices": door.supervisor.status()}

    @app.post(
        "/v1/shutdown",
        status_code=202,
        response_model=HealthAnswer,
        tags=["service"],
        dependencies=_WITH_TOKEN,
    )
    async def shutdown(door: TheDoor) -> Any:
        """End the service. The running job goes on when it is started again."""
        if door.news is not None:
            door.news.end()
        door.shut_down()
        return {"status": "draining", "version": version, "protocol": PROTOCOL}


def _add_error_answers(app: FastAPI, settings: Settings) -> None:
    @app.exception_handler(OcioError)
    @app.exception_handler(TokenFlowError)
    @app.exception_handler(Refusal)
    async def known(request: Request, error: Any) -> JSONResponse:
        status = status_of(error)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("%s %s: %s", request.method, request.url.path, error)
        return _error_answer(status, error_body(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return _error_answer(HTTPStatus.UNPROCESSABLE_ENTITY, error_body(_as_refusal(error)))

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        refusal = Refusal(
            status, status.name.lower(), f"{request.method} {request.url.path}: {status.phrase}"
        )
        return _error_answer(status, error_body(refusal), error.headers)

    @app.exception_handler(sqlite3.OperationalError)
    async def queue_lost(request: Request, error: sqlite3.OperationalError) -> JSONResponse:
        _log.error("the queue: %s", error)
        refusal = Refusal(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "queue_unavailable",
            f"the queue cannot be read or written now: {error}",
            f"Look for space on its disk; the log says more: {settings.log}",
        )
        return _error_answer(refusal.status, error_body(refusal))

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return _error_answer(HTTPStatus.INTERNAL_SERVER_ERROR, our_fault(settings.log))


def _as_refusal(error: RequestValidationError) -> Refusal:
    """Say in one sentence what FastAPI found; the first of them is enough to go on."""
    first = next(iter(error.errors()), {"loc": (), "msg": "is not valid"})
    where = ".".join(str(step) for step in first["loc"][1:]) or "the request"
    said = str(first["msg"])
    if isinstance(error.body, bytes):  # left as it came: only a body that says it is JSON is read
        where, said = "the body", "is not marked as JSON; send Content-Type: application/json"
    return Refusal(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        f"{where}: {said}",
        "GET /openapi.json says what the call takes.",
    )


def _error_answer(status: HTTPStatus, body: dict[str, Any], headers: Any = None) -> JSONResponse:
    more = dict(headers or {})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        more["Retry-After"] = RETRY_SECONDS
    return JSONResponse(body, int(status), more)
