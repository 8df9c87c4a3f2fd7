"""How panel, command line and scripts talk to the local service; standard library only.

`Client` is what can be asked; `HttpClient` asks a service that runs, and
`tokenflow.scripted_client.ScriptedClient` plays one. Every call has a time-out, raises the same
errors as the engine itself and may be made from any thread.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, urlencode

from tokenflow.errors import ServiceBusy, ServiceMismatch, ServiceUnreachable, UnknownJob
from tokenflow.job import EditJob
from tokenflow.states import FINAL, JobRecord, JobState, RunRequest, StoredEvent
from tokenflow.transport import Transport, always

PROTOCOL = 1
"""Version of the calls. It changes only when an older client could misunderstand an answer."""

Status: TypeAlias = Literal["starting", "loading", "ready", "busy", "draining", "failed"]
What: TypeAlias = Literal["plate", "edit", "difference", "matte"]
PictureFormat: TypeAlias = Literal["png", "jpg"]

BUNDLE_SECONDS = 660.0  # a checkpoint's files are hashed
PICTURE_SECONDS = 60.0  # the first one waits for the colour libraries to load
PATIENCE_SECONDS = 15.0  # without any answer before a stream is given up
RECONNECT_SECONDS = 0.25

AS_USUAL = RunRequest()
"""At the end of the queue, all frames, none replaced."""


@dataclass(frozen=True)
class Health:
    """How the service is: its state, the product's version, the version of its calls."""

    status: Status
    version: str
    protocol: int


@dataclass(frozen=True)
class Reading:
    """How a plate is read where no job says it; the fields are those of a job."""

    ocio: str | None = None
    colorspace: str | None = None
    layer: str | None = None
    part: str | None = None
    stereo_view: str | None = None


AS_FOUND = Reading()
"""As the files and the config say."""


class Client(ABC):
    """What can be asked of the service."""

    @abstractmethod
    def health(self) -> Health:
        """Return how the service is; answered at once, whatever it computes.

        Raises
        ------
        ServiceUnreachable
            Like every call: nothing answers.
        """

    @abstractmethod
    def submit(self, job: EditJob, request: RunRequest = AS_USUAL) -> str:
        """Queue a job and return its id; of the same job that is queued or running, that one's."""

    @abstractmethod
    def jobs(
        self, *, state: JobState | None = None, limit: int = 200, before: str | None = None
    ) -> list[JobRecord]:
        """Return jobs, the newest first; `before` is the id of the last one of the page before."""

    @abstractmethod
    def job(self, job_id: str) -> JobRecord:
        """Return one job.

        Raises
        ------
        UnknownJob
            Like every call that takes the id of a job.
        """

    @abstractmethod
    def cancel(self, job_id: str) -> None:
        """Stop a job; it is `cancelled` within seconds. One that has ended stays as it is."""

    @abstractmethod
    def retry(self, job_id: str) -> None:
        """Queue a job that has ended once more; whole frames of it are kept.

        Raises
        ------
        JobBusy
            It has not ended.
        """

    @abstractmethod
    def delete(self, job_id: str) -> None:
        """Forget a job that has ended; its frames stay.

        Raises
        ------
        JobBusy
            It has not ended.
        """

    @abstractmethod
    def set_priority(self, job_id: str, priority: int) -> None:
        """Move a job in the queue; higher goes first."""

    @abstractmethod
    def events(
        self, job_id: str, after: int = 0, *, wanted: Callable[[], bool] = always
    ) -> Iterator[StoredEvent]:
        """Yield the events of a job as they come, until it has ended.

        A connection that breaks is made again, and no event is lost or comes twice. Closing the
        iterator closes the connection.

        Parameters
        ----------
        after
            Id of the last event that is known already.
        wanted
            Whether anybody still listens; where not, the events end. Asked in the thread that reads
            them, as often as the service says something: every 15 seconds at least.
        """

    @abstractmethod
    def frame(
        self,
        job_id: str,
        number: int,
        what: What = "edit",
        *,
        width: int | None = None,
        gain: float | None = None,
        picture: PictureFormat = "png",
    ) -> bytes:
        """Return a picture of one frame of a job as it looks on a display.

        Parameters
        ----------
        number
            Absolute number of the frame.
        gain
            How much a ``difference`` is amplified.
        width
            In pixels; None is the plate's own.
        """

    @abstractmethod
    def plate_frame(
        self,
        path: str,
        number: int,
        reading: Reading = AS_FOUND,
        *,
        view: str | None = None,
        width: int | None = None,
        picture: PictureFormat = "png",
    ) -> bytes:
        """Return a picture of one frame of a sequence; `view` is ``DISPLAY/VIEW``."""

    @abstractmethod
    def inspect(self, path: str, reading: Reading = AS_FOUND) -> dict[str, Any]:
        """Return what a sequence is: pattern, frames, missing, size, channels, colour space ..."""

    @abstractmethod
    def bundle(self, job: EditJob, folder: str, workspace: str) -> tuple[str, ...]:
        """Write a farm's bundle of a job into a folder; returns the names of its files.

        Parameters
        ----------
        workspace
            Folder for intermediate results that all machines of the farm see.
        """

    @abstractmethod
    def models(self) -> list[dict[str, Any]]:
        """Return the checkpoints that are known."""

    @abstractmethod
    def device(self) -> dict[str, Any]:
        """Return the devices that compute, and their memory."""

    @abstractmethod
    def shutdown(self) -> None:
        """Ask the service to end; a running job goes on when it is started again."""


class HttpClient(Client):
    """Asks a service over HTTP.

    Parameters
    ----------
    address
        ``http://127.0.0.1:PORT``.
    token
        From `service.json`.
    log
        Where the service's log lies, for the messages.
    """

    def __init__(self, address: str, token: str, *, log: str = "") -> None:
        self._service = Transport(address, token, log)

    @property
    def address(self) -> str:
        """Where the service answers."""
        return self._service.address

    def health(self) -> Health:
        """See `Client.health`."""
        answer = self._service.json("GET", _path("health"))
        with self._understanding():
            return Health(answer["status"], answer["version"], int(answer["protocol"]))

    def submit(self, job: EditJob, request: RunRequest = AS_USUAL) -> str:
        """See `Client.submit`."""
        wishes = {name: value for name, value in asdict(request).items() if value}
        answer = self._service.json("POST", _path("jobs", **wishes), job.to_json())
        with self._understanding():
            return str(answer["id"])

    def jobs(
        self, *, state: JobState | None = None, limit: int = 200, before: str | None = None
    ) -> list[JobRecord]:
        """See `Client.jobs`."""
        path = _path("jobs", state=state, limit=limit, before=before)
        answer = self._service.json("GET", path)
        with self._understanding():
            return [JobRecord.from_json(each) for each in answer["jobs"]]

    def job(self, job_id: str) -> JobRecord:
        """See `Client.job`."""
        answer = self._service.json("GET", _path("jobs", job_id))
        with self._understanding():
            return JobRecord.from_json(answer)

    def cancel(self, job_id: str) -> None:
        """See `Client.cancel`."""
        self._service.call("POST", _path("jobs", job_id, "cancel"))

    def retry(self, job_id: str) -> None:
        """See `Client.retry`."""
        self._service.call("POST", _path("jobs", job_id, "retry"))

    def delete(self, job_id: str) -> None:
        """See `Client.delete`."""
        self._service.call("DELETE", _path("jobs", job_id))

    def set_priority(self, job_id: str, priority: int) -> None:
        """See `Client.set_priority`."""
        self._service.call("PATCH", _path("jobs", job_id), {"priority": priority})

    def events(
        self, job_id: str, after: int = 0, *, wanted: Callable[[], bool] = always
    ) -> Iterator[StoredEvent]:
        """See `Client.events`."""
        ended = over = False
        alone_since: float | None = None
        patience = 0.0
        while not ended and wanted():
            try:
                # Asked first: what the stream of an ended job brings is all that there will be.
                ended = self.job(job_id).final
                alone_since, patience = None, PATIENCE_SECONDS
                path = _path("jobs", job_id, "events")
                for number, data in self._service.stream(path, after, wanted):
                    after, over = number, data.get("state") in FINAL
                    yield StoredEvent(number, job_id, data)
            except UnknownJob:
                if over:
                    return  # deleted as soon as it had ended
                raise
            except (ServiceUnreachable, ServiceBusy):
                ended = False
                alone_since = alone_since or time.monotonic()
                if time.monotonic() - alone_since >= patience:
                    raise
                time.sleep(RECONNECT_SECONDS)

    def frame(
        self,
        job_id: str,
        number: int,
        what: What = "edit",
        *,
        width: int | None = None,
        gain: float | None = None,
        picture: PictureFormat = "png",
    ) -> bytes:
        """See `Client.frame`."""
        wanted = {"what": what, "width": width, "gain": gain}
        path = _path("jobs", job_id, "frames", f"{number}.{picture}", **wanted)
        return self._service.call("GET", path, seconds=PICTURE_SECONDS)

    def plate_frame(
        self,
        path: str,
        number: int,
        reading: Reading = AS_FOUND,
        *,
        view: str | None = None,
        width: int | None = None,
        picture: PictureFormat = "png",
    ) -> bytes:
        """See `Client.plate_frame`."""
        which = {"path": path, "frame": number, "view": view, "width": width}
        where = _path("plates", f"frame.{picture}", **which, **asdict(reading))
        return self._service.call("GET", where, seconds=PICTURE_SECONDS)

    def inspect(self, path: str, reading: Reading = AS_FOUND) -> dict[str, Any]:
        """See `Client.inspect`."""
        where = _path("plates", "inspect")
        what = {"path": path, **asdict(reading)}
        return self._service.json("POST", where, what, seconds=PICTURE_SECONDS)

    def bundle(self, job: EditJob, folder: str, workspace: str) -> tuple[str, ...]:
        """See `Client.bundle`."""
        what = {"job": job.to_json(), "folder": folder, "workspace": workspace}
        answer = self._service.json("POST", _path("bundles"), what, seconds=BUNDLE_SECONDS)
        with self._understanding():
            return tuple(map(str, answer["files"]))

    def models(self) -> list[dict[str, Any]]:
        """See `Client.models`."""
        answer = self._service.json("GET", _path("models"))
        with self._understanding():
            return list(answer["models"])

    def device(self) -> dict[str, Any]:
        """See `Client.device`."""
        return self._service.json("GET", _path("device"))

    def shutdown(self) -> None:
        """See `Client.shutdown`."""
        self._service.call("POST", _path("shutdown"))

    @contextmanager
    def _understanding(self) -> Iterator[None]:
        """Say of an answer that lacks what belongs into it that it is not the service's."""
        try:
            yield
        except (KeyError, TypeError, ValueError) as error:
            raise ServiceMismatch(
                f"what answers at {self.address} is not the service, or a newer one",
                hint="End it with `tokenflow serve stop`, or update this program.",
            ) from error


def _path(*parts: str, **query: object) -> str:
    """Build the path of a call; what is None is left out of the query."""
    path = "/v1/" + "/".join(quote(part, safe="") for part in parts)
    given = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }
    return f"{path}?{urlencode(given)}" if given else path
