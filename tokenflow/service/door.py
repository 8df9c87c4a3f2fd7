"""What every call works with; made once, before the first request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from tokenflow.service.disk import Disk
from tokenflow.service.presence import Presence
from tokenflow.service.roots import Roots
from tokenflow.service.settings import Settings
from tokenflow.service.store import JobStore
from tokenflow.service.stream import News
from tokenflow.service.supervisor import Supervisor
from tokenflow.service.viewing import Viewing


@dataclass
class Door:
    """The parts of the service behind its calls.

    Attributes
    ----------
    shut_down
        Asks the process to end; returns at once.
    news
        Known once the event loop runs.
    """

    store: JobStore
    supervisor: Supervisor
    viewing: Viewing
    settings: Settings
    roots: Roots
    shut_down: Callable[[], None]
    presence: Presence = field(default_factory=Presence)
    disk: Disk = field(default_factory=Disk)
    news: News | None = None


def _door(request: Request) -> Door:
    door: Door = request.app.state.door
    return door


TheDoor = Annotated[Door, Depends(_door)]
