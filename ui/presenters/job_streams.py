"""Listening to jobs that run: one stream of events each, of four at most."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tokenflow.client import Client
from tokenflow.states import StoredEvent
from ui.background import Ticket
from ui.presenters.service import ServicePresenter

STREAMS = 4


class JobStreams:
    """The streams that are open.

    Parameters
    ----------
    hear
        Takes each event, once, whatever connections break.
    ended
        Takes the id of a job whose stream came to its end.
    """

    def __init__(
        self,
        service: ServicePresenter,
        hear: Callable[[StoredEvent], None],
        ended: Callable[[str], None],
    ) -> None:
        self._service, self._hear, self._ended = service, hear, ended
        self._last: dict[str, int] = {}
        self._open: dict[str, Ticket] = {}

    def listen(self, running: Iterable[str]) -> None:
        """Open the streams of jobs that run, until four are open."""
        client = self._service.client.value
        if client is None:
            return
        for job_id in running:
            if job_id not in self._open and len(self._open) < STREAMS:
                self._open[job_id] = self._stream(client, job_id)

    def forget(self, job_id: str) -> None:
        """Close the stream of a job that is gone."""
        self._last.pop(job_id, None)
        ticket = self._open.pop(job_id, None)
        if ticket is not None:
            ticket.cancel()

    def close(self) -> None:
        """Close all; what was heard stays known."""
        tickets, self._open = self._open, {}
        for ticket in tickets.values():
            ticket.cancel()

    def _stream(self, client: Client, job_id: str) -> Ticket:
        after = self._last.get(job_id, 0)

        def heard(event: StoredEvent) -> None:
            self._last[job_id] = max(event.id, self._last.get(job_id, 0))
            self._hear(event)

        def ended() -> None:
            self._open.pop(job_id, None)
            self._ended(job_id)

        def failed(_: Exception) -> None:
            """Leave it to the next look at the queue, which opens the stream again."""
            self._open.pop(job_id, None)

        tickets: list[Ticket] = []

        def wanted() -> bool:
            return not any(ticket.cancelled for ticket in tickets)

        # So the thread that reads ends with the ticket, and not with the job's next event.
        ticket = self._service.runner.stream(
            lambda: client.events(job_id, after, wanted=wanted), heard, ended, failed
        )
        tickets.append(ticket)
        return ticket
