"""A job that the local service does: queued there, shown here, stopped from here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import typer

from ocio.errors import OcioError
from ocio.frame_range import FrameRange
from tokenflow.cli.paths import job_from_anywhere
from tokenflow.cli.progress import Style, shown
from tokenflow.client import Client
from tokenflow.errors import Cancelled, ServiceUnreachable, TokenFlowError
from tokenflow.events import Emit, Event, FrameWritten, JobWarning, Preview
from tokenflow.job import EditJob, RunOptions
from tokenflow.runtime import IDLE_EXIT, ensure, own_argv
from tokenflow.states import RunRequest, StoredEvent
from tokenflow.transport import read_error
from tokenflow.user_settings import service_settings

RESTARTS = 3
"""How often a service that was lost in the middle of a job is started again."""


def by_service(job: EditJob, options: RunOptions, style: Style) -> None:
    """Let the service do a job and say on standard output where its frames are.

    It looks as if the job ran here. Stopping this process cancels the job.

    Raises
    ------
    OcioError, TokenFlowError
        What the job failed with; ServiceUnreachable if the service is lost again and again.
    """
    job = _as_told(job, options)
    frames = None if options.frames is None else str(options.frames)
    request = RunRequest(overwrite=options.overwrite, resume=options.resume, frames=frames)
    watch = _queued(job, request)
    try:
        with shown(style, job) as emit:
            watch.until_done(emit)
    except (OcioError, TokenFlowError):
        raise
    except BaseException:  # Ctrl-C, or nobody reads what we say
        with suppress(ServiceUnreachable):
            watch.client.cancel(watch.job_id)
        raise
    if style not in ("auto", "plain"):
        return
    if sys.stdout.isatty():
        typer.echo(f"{job.output.path}  {FrameRange.of(watch.files)}")
    else:
        for _, path in sorted(watch.files.items()):
            typer.echo(path)


def _as_told(job: EditJob, options: RunOptions) -> EditJob:
    """Return the job with what this command line says, in paths that the service understands.

    Raises
    ------
    BadParameter
        For what belongs to a process of one's own.
    """
    for name, given in (
        ("--device", options.device != "auto"),
        ("--workspace", options.workspace is not None),
        ("--dry-run", options.dry_run),
        ("--path-mapping-rules", options.mapping is not None),
    ):
        if given:
            raise typer.BadParameter(f"{name} and --service exclude each other")
    if options.plate is not None:
        job = replace(job, plate=replace(job.plate, path=options.plate))
    if options.output is not None:
        job = replace(job, output=replace(job.output, path=options.output))
    return job_from_anywhere(job)


def _service() -> Client:
    idle_exit = service_settings().get("idle_exit", IDLE_EXIT)
    return ensure([*own_argv(), "--idle-exit", str(idle_exit)])


def _queued(job: EditJob, request: RunRequest) -> _Watch:
    """Queue the job and follow it.

    A service that is lost before it answers may have queued the job already. It is asked again:
    the same job twice is one job.
    """
    for _ in range(RESTARTS):
        client = _service()
        with suppress(ServiceUnreachable):
            return _Watch(client, _submitted(client, job, request))
    client = _service()
    return _Watch(client, _submitted(client, job, request))


def _submitted(client: Client, job: EditJob, request: RunRequest) -> str:
    """Queue the job and return its id; if we are stopped before the answer, none stays queued."""
    try:
        return client.submit(job, request)
    except (OcioError, TokenFlowError):
        raise
    except BaseException:  # Ctrl-C; whether the service has the job, only asking again tells
        with suppress(OcioError, TokenFlowError):
            client.cancel(client.submit(job, request))
        raise


@dataclass
class _Watch:
    """Follows one job, over as many lives of the service as it takes."""

    client: Client
    job_id: str
    files: dict[int, str] = field(default_factory=dict)

    def until_done(self, emit: Emit) -> None:
        """Show the events until the job has ended.

        Raises
        ------
        OcioError, TokenFlowError
            Why it failed.
        """
        for stored in self._events():
            if stored.data["event"] == "state":
                self._state(stored.data, emit)
                continue
            event = Event.from_json(stored.data)
            if isinstance(event, FrameWritten):
                self.files[event.frame] = event.path
            if event is not None and not isinstance(event, Preview):
                emit(event)

    def _state(self, data: dict[str, Any], emit: Emit) -> None:
        state, error = data["state"], data.get("error")
        if state == "failed":
            raise read_error(error or {})
        if state == "cancelled":
            raise Cancelled("the job was cancelled", hint="Frames already written are whole.")
        if state == "queued" and error:
            emit(JobWarning(f"interrupted: {read_error(error)}; it goes on from there"))
        elif state == "queued" and self._others_run():
            emit(JobWarning(f"queued as {self.job_id}: the service works on another job"))

    def _others_run(self) -> bool:
        with suppress(ServiceUnreachable):  # the events find out, and have it started again
            return any(each.id != self.job_id for each in self.client.jobs(state="running"))
        return False

    def _events(self) -> Iterator[StoredEvent]:
        after = 0
        for restarts_left in reversed(range(RESTARTS + 1)):
            try:
                for event in self.client.events(self.job_id, after):
                    after = event.id
                    yield event
                return
            except ServiceUnreachable:
                if not restarts_left:
                    raise
                self.client = _service()
