"""The queue as the panel shows it: rows with stage, progress, time left, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ocio.frame_range import FrameRange
from tokenflow.client import Client
from tokenflow.errors import UnknownJob
from tokenflow.job import EditJob
from tokenflow.states import JobRecord, RunRequest, StoredEvent
from ui.background import Latest, Ticket
from ui.host import Handle, Host, HostResult
from ui.observable import Event, Value
from ui.output_names import frames_on_disk, record_of
from ui.presenters.diagnostics import diagnostics
from ui.presenters.job_reading import read_all, read_news
from ui.presenters.job_rows import Hearing, JobRow, Live, in_order, priorities_for, row_of
from ui.presenters.job_streams import JobStreams
from ui.presenters.question import Question
from ui.presenters.service import ServicePresenter
from ui.presenters.trouble import Trouble, of_error

LOOK_SECONDS = 2.0
"""Between two looks at the queue."""

WHOLE_LOOK = 15
"""Every so many looks the whole history is read, to see what others have deleted."""

NOTHING = Live()
PUBLISH_SECONDS = 0.1
"""Events come faster than anybody reads; the rows change at most ten times a second."""


class JobsPresenter:
    """All jobs of the service.

    Attributes
    ----------
    rows
        What runs, then what waits in the order in which it will, then what has ended, newest first.
    chosen
        Id of the job that is looked at; empty without one.
    trouble
        What went wrong with the last thing that was asked for.
    question
        What has to be confirmed before it is done.
    submitted, ended
        Sent with a job's record when this panel queued it, and when any job ended.
    heard
        Sent with the id of a job of which `live` has something new.
    revealed, opened
        Sent with a path that is to be shown in its folder, or opened.
    """

    def __init__(self, service: ServicePresenter, host: Host) -> None:
        self.rows: Value[tuple[JobRow, ...]] = Value(())
        self.chosen = Value("")
        self.trouble: Value[Trouble | None] = Value(None)
        self.question: Value[Question | None] = Value(None)
        self.submitted: Event[JobRecord] = Event()
        self.ended: Event[JobRecord] = Event()
        self.heard: Event[str] = Event()
        self.revealed: Event[str] = Event()
        self.opened: Event[str] = Event()
        self._service, self._host = service, host
        self._records: dict[str, JobRecord] = {}
        self._hearings: dict[str, Hearing] = {}
        self._streams = JobStreams(service, self._hear, self._reread)
        self._placed: dict[str, Handle] = {}
        self._calls: set[Ticket] = set()
        self._rows: dict[str, tuple[JobRecord, Live, JobRow]] = {}
        self._news: set[str] = set()
        self._look = Latest(service.runner)
        self._publication: Ticket | None = None
        self._looks = 0
        self._client_seen = service.client.subscribe(self._connected)

    # What there is to see.

    def record(self, job_id: str) -> JobRecord | None:
        """Return a job as it was last heard of."""
        return self._records.get(job_id)

    def live(self, job_id: str) -> Live:
        """Return what the events of a job have told: its preview, frames, warnings."""
        hearing = self._hearings.get(job_id)
        return hearing.live if hearing is not None else NOTHING

    @property
    def active(self) -> int:
        """How many jobs wait or run."""
        return sum(not record.final for record in self._records.values())

    def unfinished_outputs(self) -> tuple[str, ...]:
        """Return where jobs are going to write that wait or run."""
        return tuple(
            record.job.output.path for record in self._records.values() if not record.final
        )

    def choose(self, job_id: str) -> None:
        """Look at a job."""
        self.chosen.set(job_id)

    # What can be done.

    def submit(
        self,
        job: EditJob,
        request: RunRequest,
        done: Callable[[JobRecord], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Queue a job and look at it."""

        def queue(client: Client) -> JobRecord:
            return client.job(client.submit(job, request))

        def queued(record: JobRecord) -> None:
            self._take([record])
            self._listen()
            self.choose(record.id)
            self.submitted.send(record)
            if done is not None:
                done(record)

        def refused(error: Exception) -> None:
            self.trouble.set(of_error(error))
            if failed is not None:
                failed(error)

        self.trouble.set(None)
        self._service.ask(queue, queued, refused)

    def cancel(self, job_id: str) -> None:
        """Stop a job; whole frames stay."""
        self._do(job_id, lambda client: client.cancel(job_id))

    def retry(self, job_id: str) -> None:
        """Queue a job that has ended once more; whole frames are kept."""
        self._hearings.pop(job_id, None)
        self._do(job_id, lambda client: client.retry(job_id))

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended, once that is confirmed; its frames stay."""
        row = self.row(job_id)
        if row is None:
            return
        self.question.set(
            Question(
                f"Remove “{row.name}” from the list? Its frames stay on disk.",
                "Remove",
                lambda: self._do(job_id, lambda client: client.delete(job_id)),
                self.question,
            )
        )

    def move(self, job_id: str, places: int) -> None:
        """Move a waiting job up (negative) or down in the queue."""
        waiting = [row.id for row in self.rows.value if row.state == "queued"]
        if job_id not in waiting:
            return
        at = waiting.index(job_id)
        waiting.insert(min(max(at + places, 0), len(waiting) - 1), waiting.pop(at))
        changes = priorities_for([self._records[each] for each in waiting])

        def change(client: Client) -> list[JobRecord]:
            for each, priority in changes.items():
                client.set_priority(each, priority)
            return [client.job(each) for each in changes]

        if changes:
            self._ask(change, self._take)

    def reveal(self, job_id: str) -> None:
        """Show a job's frames in their folder."""
        record = self._records.get(job_id)
        if record is not None:
            self.revealed.send(record.job.output.path)

    def open_report(self, job_id: str) -> None:
        """Open the report beside the frames, as a page where there is one."""
        record = self._records.get(job_id)
        if record is None:
            return
        path = record_of(record.job.output.path, record.request.frames)

        def best() -> str:
            page = path.with_suffix(".html")
            return str(page if page.is_file() else path)

        self._calls.add(self._service.runner.run(best, self.opened.send, lane="files"))

    @property
    def can_load(self) -> bool:
        """Whether the host can place a result."""
        return "place_result" in self._host.capabilities

    def load(self, job_id: str) -> None:
        """Put a job's result into the host beside its plate; again updates it."""
        record = self._records.get(job_id)
        if record is None or not self.can_load:
            return
        path = record.job.output.path

        def place(frames: FrameRange) -> None:
            result = HostResult(
                job_id, path, frames, record.job.color.colorspace, record.job.plate.path
            )
            handle = self._host.place_result(result)
            if handle is not None:
                self._placed[job_id] = handle

        self._calls.add(self._service.runner.run(lambda: frames_on_disk(path), place, lane="files"))

    def reload(self, job_id: str) -> None:
        """Let the host read again what was placed of a job."""
        handle = self._placed.get(job_id)
        if handle is not None and "reload" in self._host.capabilities:
            self._host.reload(handle)

    def diagnostics(self, job_id: str) -> str:
        """Return what a TD wants to see of a job; empty of one that is gone."""
        record, device = self._records.get(job_id), self._service.device.value
        return diagnostics(record, device.text if device else "") if record is not None else ""

    def row(self, job_id: str) -> JobRow | None:
        """Return the row of a job."""
        return next((row for row in self.rows.value if row.id == job_id), None)

    def refresh(self) -> None:
        """Look at the queue now."""
        self._looks = 0
        self._look_at_all()

    def close(self) -> None:
        """Listen to nothing any more; the jobs go on."""
        self._client_seen.cancel()
        self._look.cancel()
        self._streams.close()
        for ticket in self._calls:
            ticket.cancel()
        if self._publication is not None:
            self._publication.cancel()

    # Looking.

    def _connected(self, client: Client | None) -> None:
        self._streams.close()
        if client is None:
            self._look.cancel()
            self._publish_soon()
        else:
            self.refresh()

    def _look_at_all(self) -> None:
        whole = self._looks % WHOLE_LOOK == 0
        self._looks += 1
        unfinished = [record.id for record in self._records.values() if record.state == "running"]
        work = read_all if whole else partial(read_news, running=unfinished)

        def seen(found: tuple[list[JobRecord], set[str]]) -> None:
            records, gone = found
            if whole:
                gone = {*self._records} - {record.id for record in records}
            for job_id in gone:
                self._forget(job_id)
            self._take(records)
            self._listen()
            self._look.later(LOOK_SECONDS, self._look_at_all)

        def failed(_: Exception) -> None:
            """Look again; the service's own state tells what is wrong."""
            self._look.later(LOOK_SECONDS, self._look_at_all)

        self._service.ask(work, seen, failed, latest=self._look)

    def _take(self, records: list[JobRecord]) -> None:
        """Note what became of jobs, and tell of those that have ended."""
        ended = []
        for record in records:
            before = self._records.get(record.id)
            self._records[record.id] = record
            if record.final and before is not None and not before.final:
                ended.append(record)
        self._publish_soon()
        for record in ended:
            self.ended.send(record)

    def _forget(self, job_id: str) -> None:
        self._records.pop(job_id, None)
        self._hearings.pop(job_id, None)
        self._rows.pop(job_id, None)
        self._streams.forget(job_id)
        if self.chosen.value == job_id:
            self.chosen.set("")
        self._publish_soon()

    # Listening.

    def _hear(self, event: StoredEvent) -> None:
        job_id, data = event.job_id, event.data
        record = self._records.get(job_id)
        if record is None:
            return
        kind = data.get("event")
        if kind == "progress":
            self._records[job_id] = replace(record, progress=_merged(record.progress, data))
        elif kind == "state":
            if data.get("state") == "queued":
                self._hearings.pop(job_id, None)
        else:
            self._hearings.setdefault(job_id, Hearing()).hear(data)
        self._publish_soon(job_id)

    def _listen(self) -> None:
        running = (record.id for record in self._records.values() if record.state == "running")
        self._streams.listen(running)

    def _reread(self, job_id: str) -> None:
        """Read how a job ended. One that runs on is listened to again at the next look."""

        def failed(error: Exception) -> None:
            if isinstance(error, UnknownJob):
                self._forget(job_id)

        self._ask(lambda client: [client.job(job_id)], self._take, failed)

    # Telling.

    def _publish_soon(self, job_id: str = "") -> None:
        if job_id:
            self._news.add(job_id)
        if self._publication is None:
            self._publication = self._service.runner.later(PUBLISH_SECONDS, self.publish)

    def publish(self) -> None:
        """Bring the rows up to date with what was heard."""
        if self._publication is not None:
            self._publication.cancel()
        self._publication = None
        self.rows.set(tuple(self._row(record) for record in in_order(self._records.values())))
        news, self._news = self._news, set()
        for job_id in news:
            self.heard.send(job_id)

    def _row(self, record: JobRecord) -> JobRow:
        """Make a row, or give the one that stands if nothing of it has changed."""
        live = self.live(record.id)
        kept = self._rows.get(record.id)
        if kept is not None and kept[0] is record and kept[1] is live:
            return kept[2]
        row = row_of(record, live)
        self._rows[record.id] = (record, live, row)
        return row

    # Doing.

    def _do(self, job_id: str, work: Callable[[Client], None]) -> None:
        def done(client: Client) -> list[JobRecord] | None:
            work(client)
            try:
                return [client.job(job_id)]
            except UnknownJob:
                return None

        def shown(records: list[JobRecord] | None) -> None:
            if records is None:
                self._forget(job_id)
            else:
                self._take(records)

        self.trouble.set(None)
        self._ask(done, shown)

    def _ask(
        self,
        work: Callable[[Client], Any],
        answer: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        def told(error: Exception) -> None:
            self.trouble.set(of_error(error))

        self._calls = {ticket for ticket in self._calls if not ticket.cancelled}
        self._calls.add(self._service.ask(work, answer, failed or told))


def _merged(progress: dict[str, Any] | None, data: dict[str, Any]) -> dict[str, Any]:
    """Return a job's progress after an event; what it does not say stays as it was."""
    before = progress or {}
    return {
        name: data.get(name, before.get(name))
        for name in ("fraction", "stage", "detail", "seconds_left")
    }
