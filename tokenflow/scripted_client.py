"""A service that is only played: in memory, without a process, a thread or a file.

For the panel's demo and for tests of whatever talks to the service. It answers as the real one does
and passes the same tests. What its jobs do and how long they take stands in a script
(`tokenflow.scripted_job`), and whoever holds it may turn its knobs while it plays.
"""

from __future__ import annotations

import secrets
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ocio.errors import MissingFrames, OcioError, OutputExists, SequenceNotFound
from tokenflow.client import (
    AS_FOUND,
    AS_USUAL,
    PROTOCOL,
    Client,
    Health,
    PictureFormat,
    Reading,
    Status,
    What,
)
from tokenflow.errors import (
    JobBusy,
    ServiceUnreachable,
    TokenFlowError,
    UnknownJob,
    error_json,
)
from tokenflow.events import Progress
from tokenflow.job import EditJob, job_hash
from tokenflow.scripted_job import Play, Script, Step, frames_of, usual_play
from tokenflow.states import FINAL, JobRecord, JobState, RunRequest, StoredEvent
from tokenflow.transport import always

LOOK_EVERY = 0.05  # seconds: a clock that is not the real one may have moved


@dataclass
class Knobs:
    """What may be changed while the service plays.

    Attributes
    ----------
    script
        What the next jobs do.
    status, version, protocol
        What health says.
    delay
        Seconds that every call takes.
    unreachable
        Whether nothing answers.
    next_error
        What the next call fails with.
    plates
        What `inspect` finds, by path.
    models, device
        What the calls of these names return.
    """

    script: Script = field(default_factory=usual_play)
    status: Status | None = None
    version: str = "0.0.0"
    protocol: int = PROTOCOL
    delay: float = 0.0
    unreachable: bool = False
    next_error: OcioError | TokenFlowError | None = None
    plates: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(
        default_factory=lambda: [{"name": "demo", "problem": None}]
    )
    device: dict[str, Any] = field(default_factory=lambda: {"devices": [{"device": "cpu"}]})


class _Part:
    """One job on the stage: its record, its events, and what is still to come."""

    def __init__(self, number: int, record: JobRecord) -> None:
        self.number = number
        self.record = record
        self.events: list[StoredEvent] = []
        self.play = Play(())
        self.to_come: list[Step] = []
        self.due = 0.0

    @property
    def rank(self) -> tuple[int, int]:
        """What goes first has the lowest."""
        return -self.record.request.priority, self.number


class ScriptedClient(Client):
    """Plays the service: one device, one job at a time.

    Nothing runs by itself. Each call first plays what should have happened until now.

    Parameters
    ----------
    knobs
        May be changed at any time.
    clock
        Seconds; another one than the real makes a test's time its own.
    """

    def __init__(
        self, knobs: Knobs | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.knobs = knobs or Knobs()
        self._clock = clock
        self._changed = threading.Condition(threading.RLock())
        self._parts: dict[str, _Part] = {}
        self._last_event = 0
        self._ended = False
        self.bundles: list[tuple[EditJob, str, str]] = []

    def health(self) -> Health:
        """See `Client.health`."""
        with self._played():
            busy = any(part.record.state == "running" for part in self._parts.values())
            status = self.knobs.status or ("busy" if busy else "ready")
            return Health(status, self.knobs.version, self.knobs.protocol)

    def submit(self, job: EditJob, request: RunRequest = AS_USUAL) -> str:
        """See `Client.submit`."""
        with self._played() as now:
            twin = (job_hash(job), job.output.path, request.frames)
            for part in self._parts.values():
                other = part.record
                same = (job_hash(other.job), other.job.output.path, other.request.frames)
                if same == twin and not other.final:
                    return other.id
            job_id = secrets.token_hex(6)
            record = JobRecord(job_id, job, request, "queued", created=time.time())
            part = self._parts[job_id] = _Part(len(self._parts), record)
            self._tell(part, {"event": "state", "state": "queued", "attempt": 0})
            part.due = now
            self._play(now)
            return job_id

    def jobs(
        self, *, state: JobState | None = None, limit: int = 200, before: str | None = None
    ) -> list[JobRecord]:
        """See `Client.jobs`."""
        with self._played():
            end = self._part(before).number if before is not None else float("inf")
            found = [part for part in self._parts.values() if part.number < end]
            newest = sorted(found, key=lambda part: -part.number)
            return [p.record for p in newest if state in (None, p.record.state)][:limit]

    def job(self, job_id: str) -> JobRecord:
        """See `Client.job`."""
        with self._played():
            return self._part(job_id).record

    def cancel(self, job_id: str) -> None:
        """See `Client.cancel`."""
        with self._played() as now:
            part = self._part(job_id)
            if not part.record.final:
                self._end(part, now, "cancelled")
                self._play(now)

    def retry(self, job_id: str) -> None:
        """See `Client.retry`."""
        with self._played() as now:
            part = self._ended_part(job_id)
            old = part.record
            request = replace(old.request, resume=True)
            part.record = JobRecord(old.id, old.job, request, "queued", old.created)
            part.due = now
            self._tell(part, {"event": "state", "state": "queued", "attempt": 0})
            self._play(now)

    def delete(self, job_id: str) -> None:
        """See `Client.delete`."""
        with self._played():
            self._ended_part(job_id)
            del self._parts[job_id]
            self._changed.notify_all()

    def set_priority(self, job_id: str, priority: int) -> None:
        """See `Client.set_priority`."""
        with self._played():
            part = self._part(job_id)
            request = replace(part.record.request, priority=priority)
            part.record = replace(part.record, request=request)

    def events(
        self, job_id: str, after: int = 0, *, wanted: Callable[[], bool] = always
    ) -> Iterator[StoredEvent]:
        """See `Client.events`."""
        over = False
        while wanted():
            with self._played() as now:
                if over and job_id not in self._parts:
                    return
                part = self._part(job_id)
                new = [event for event in part.events if event.id > after]
                if not new and part.record.final:
                    return
                if not new:
                    self._changed.wait(min(max(part.due - now, 0.001), LOOK_EVERY))
            for event in new:
                after, over = event.id, event.data.get("state") in FINAL
                yield event

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
        """See `Client.frame`; a grey PNG, whatever `picture` says."""
        with self._played():
            record = self._part(job_id).record
            if number not in frames_of(record.job, record.request.frames):
                raise MissingFrames(f"frame {number} is not on disk", frames=[number])
            greys = {"plate": 90, "edit": 120, "difference": 30, "matte": 255}
            return grey_png(width or 96, greys[what])

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
        """See `Client.plate_frame`; a grey PNG, whatever `picture` says."""
        self.inspect(path)
        return grey_png(width or 96, 90)

    def inspect(self, path: str, reading: Reading = AS_FOUND) -> dict[str, Any]:
        """See `Client.inspect`."""
        with self._played():
            if path not in self.knobs.plates:
                raise SequenceNotFound(f"'{path}' does not exist", path=path)
            return dict(self.knobs.plates[path])

    def bundle(self, job: EditJob, folder: str, workspace: str) -> tuple[str, ...]:
        """See `Client.bundle`; nothing is written, and `bundles` tells what was asked for."""
        with self._played():
            if any(folder == there for _, there, _ in self.bundles):
                raise OutputExists("a submission is there already", path=folder)
            self.bundles.append((job, folder, workspace))
            return ("template.json", "shot.job.json")

    def models(self) -> list[dict[str, Any]]:
        """See `Client.models`."""
        with self._played():
            return list(self.knobs.models)

    def device(self) -> dict[str, Any]:
        """See `Client.device`."""
        with self._played():
            return dict(self.knobs.device)

    def shutdown(self) -> None:
        """See `Client.shutdown`."""
        with self._played():
            self._ended = True

    @contextmanager
    def _played(self) -> Iterator[float]:
        """Answer one call: late, not at all, or after playing up to now, which it gives."""
        if self.knobs.delay:
            time.sleep(self.knobs.delay)
        with self._changed:
            if self.knobs.unreachable or self._ended:
                raise ServiceUnreachable("the service is not running", hint="Start it.")
            error, self.knobs.next_error = self.knobs.next_error, None
            if error is not None:
                raise error
            now = self._clock()
            self._play(now)
            yield now

    def _part(self, job_id: str) -> _Part:
        if job_id not in self._parts:
            raise UnknownJob(f"there is no job {job_id!r}")
        return self._parts[job_id]

    def _ended_part(self, job_id: str) -> _Part:
        part = self._part(job_id)
        if not part.record.final:
            raise JobBusy(f"the job {job_id} is {part.record.state}", hint="Cancel it first.")
        return part

    def _play(self, now: float) -> None:
        """Let happen what is due: the running job's steps, its end, the start of the next."""
        while True:
            running = [p for p in self._parts.values() if p.record.state == "running"]
            queued = [p for p in self._parts.values() if p.record.state == "queued"]
            if not running and not queued:
                return
            part = running[0] if running else min(queued, key=lambda part: part.rank)
            if part.due > now:
                return
            if not running:
                self._start(part)
            elif part.to_come:
                self._take(part, part.to_come.pop(0))
            else:
                self._finish(part)

    def _start(self, part: _Part) -> None:
        record = part.record
        frames = frames_of(record.job, record.request.frames)
        part.play = self.knobs.script(record.job, frames)
        part.to_come = [*part.play.steps]
        attempt = record.attempts + 1
        part.record = replace(record, state="running", started=time.time(), attempts=attempt)
        self._tell(part, {"event": "state", "state": "running", "attempt": attempt})
        part.due += part.to_come[0].seconds if part.to_come else 0.0

    def _take(self, part: _Part, step: Step) -> None:
        event = step.event
        if isinstance(event, Progress):
            steps = len(part.play.steps)
            fraction = 1 - len(part.to_come) / steps if event.fraction is None else event.fraction
            left = sum(each.seconds for each in part.to_come)
            event = replace(event, fraction=fraction, seconds_left=left)
            progress = {name: getattr(event, name) for name in ("fraction", "stage", "detail")}
            part.record = replace(part.record, progress={**progress, "seconds_left": left})
        self._tell(part, event.to_json())
        part.due += part.to_come[0].seconds if part.to_come else 0.0

    def _finish(self, part: _Part) -> None:
        ending = part.play.ending
        if isinstance(ending, dict):
            part.record = replace(part.record, report=ending)
            self._end(part, part.due, "done")
        else:
            self._end(part, part.due, "failed", error_json(ending))

    def _end(
        self, part: _Part, at: float, state: JobState, error: dict[str, Any] | None = None
    ) -> None:
        attempt = part.record.attempts
        part.record = replace(part.record, state=state, ended=time.time(), error=error)
        told = {"event": "state", "state": state, "attempt": attempt}
        self._tell(part, told | ({"error": error} if error else {}))
        for other in self._parts.values():
            if other.record.state == "queued":
                other.due = max(other.due, at)

    def _tell(self, part: _Part, data: dict[str, Any]) -> None:
        self._last_event += 1
        part.events.append(StoredEvent(self._last_event, part.record.id, data))
        self._changed.notify_all()


def grey_png(width: int, value: int) -> bytes:
    """Return a PNG of one grey, 16 to 9."""
    height = max(1, width * 9 // 16)
    rows = (b"\0" + bytes([value]) * width) * height

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
