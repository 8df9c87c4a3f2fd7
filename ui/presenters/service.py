"""The connection to the service: how it is, the one thing to do about it, and every call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar

from tokenflow.client import PROTOCOL, Client, Health
from tokenflow.errors import NoPermission, ServiceMismatch, ServiceUnreachable
from tokenflow.runtime import check_protocol
from ui.background import Failed, Lane, Latest, Runner, Ticket
from ui.observable import Value
from ui.presenters.trouble import Action, of_error

T = TypeVar("T")

Condition: TypeAlias = Literal["starting", "ready", "busy", "gone", "wrong_version"]

BEAT_SECONDS = 2.0
"""Between two looks at the service's health."""

FACTS_SECONDS = 10.0
"""Between two looks at devices and checkpoints."""

LONGEST_PAUSE = 15.0
"""Seconds between two attempts to reach a lost service, at most."""

WORDS: dict[Condition, str] = {
    "starting": "Starting",
    "ready": "Ready",
    "busy": "Busy",
    "gone": "No service",
    "wrong_version": "Wrong version",
}


@dataclass(frozen=True)
class ServiceState:
    """How the service is, as the panel's head shows it.

    Attributes
    ----------
    condition
        Which shape and colour.
    word
        The one beside it.
    sentence
        What it means for the artist.
    action
        Label of the one thing to do about it, empty if there is nothing; `ServicePresenter.act`
        does it.
    """

    condition: Condition
    sentence: str = ""
    action: str = ""

    @property
    def word(self) -> str:
        """The condition in a word or two."""
        return WORDS[self.condition]


@dataclass(frozen=True)
class DeviceFacts:
    """The device that computes: ``NVIDIA RTX A5000``, and its memory in bytes where known."""

    name: str
    free: int | None = None
    total: int | None = None
    problem: str = ""

    @property
    def text(self) -> str:
        """Name and free memory: ``RTX A5000 · 14.2 GB free``."""
        return self.name if self.free is None else f"{self.name} · {self.free / 1e9:.1f} GB free"


@dataclass(frozen=True)
class ModelFacts:
    """A checkpoint that needs no path.

    Attributes
    ----------
    name
        What `model.checkpoint` of a job takes.
    note
        What it says about itself; of the demo checkpoint, that it is one.
    vocabulary
        The words it knows; empty is all.
    native_size
        Width and height that it was trained at.
    encodings
        Those of `color.encoding` that suit it.
    problem
        Why it cannot be used.
    licence, commercial
        Under which licence it is, and whether that leaves commercial work alone.
    """

    name: str
    note: str = ""
    vocabulary: frozenset[str] = frozenset()
    native_size: tuple[int, int] | None = None
    encodings: tuple[str, ...] = ()
    problem: str = ""
    licence: str = ""
    commercial: bool = True


class ServicePresenter:
    """Keeps the connection: connects, watches, connects again, and passes calls on.

    Parameters
    ----------
    connect
        Finds the service or starts it and returns its client; blocks, so it runs elsewhere.
    runner
        Does the calls.

    Attributes
    ----------
    state
        How the service is.
    client
        Its client while it answers, else None.
    device, models
        What it computes on, and with which checkpoints.
    """

    def __init__(self, connect: Callable[[], Client], runner: Runner) -> None:
        self.runner = runner
        self.state = Value(ServiceState("gone", "The panel is not connected yet.", "Connect"))
        self.client: Value[Client | None] = Value(None)
        self.device: Value[DeviceFacts | None] = Value(None)
        self.models: Value[tuple[ModelFacts, ...]] = Value(())
        self._connect = connect
        self._known: Client | None = None
        self._line = Latest(runner)
        self._facts = Latest(runner)
        self._beat = Latest(runner)
        self._pause = 0.0
        self._closed = False

    @property
    def action(self) -> Action | None:
        """The one thing to do, as a button has it."""
        label = self.state.value.action
        return Action(label, self.act) if label else None

    def connect(self) -> None:
        """Find the service, or start it; a connection that stands is left alone."""
        if self._closed or self.client.value is not None:
            return
        self._beat.cancel()
        if self.state.value.condition != "gone" or not self._pause:
            self.state.set(ServiceState("starting", "The service is being found or started."))
        self._line.run(partial(_greet, self._connect), self._reached, self._failed)

    def act(self) -> None:
        """Do the one thing that the state offers: try, or look, again now."""
        self._pause = 0.0
        if self._known is None:
            self.connect()
        else:
            self._look()
            self.refresh_facts()

    def ask(
        self,
        work: Callable[[Client], T],
        answer: Callable[[T], None],
        failed: Failed | None = None,
        *,
        latest: Latest | None = None,
        lane: Lane = "calls",
    ) -> Ticket:
        """Call the service in the background; a connection that is found lost is said to be so.

        Parameters
        ----------
        work
            Gets the client; runs elsewhere.
        answer, failed
            Run in the thread that draws.
        latest
            Where only the newest answer counts.
        """
        client = self._known

        def call() -> T:
            if client is None:
                raise ServiceUnreachable("the service is not connected", hint="Connect first.")
            return work(client)

        def went_wrong(error: Exception) -> None:
            if isinstance(error, ServiceUnreachable) and client is not None:
                self._lost(client, error)
            if failed is not None:
                failed(error)

        if latest is not None:
            return latest.run(call, answer, went_wrong)
        return self.runner.run(call, answer, went_wrong, lane=lane)

    def refresh_facts(self) -> None:
        """Ask for devices and checkpoints now."""
        self.ask(
            lambda client: (client.device(), client.models()),
            self._told,
            self._not_told,
            latest=self._facts,
        )

    def close(self) -> None:
        """Let go of the service; it goes on, and so do its jobs."""
        self._closed = True
        for each in (self._line, self._facts, self._beat):
            each.cancel()
        self._known = None
        self.client.set(None)

    def _reached(self, found: tuple[Client, Health]) -> None:
        self._known, health = found
        self._pause = 0.0
        self._show(health)
        self.client.set(self._known)
        self._look_at_facts()
        self._next_beat()

    def _failed(self, error: Exception) -> None:
        trouble = of_error(error)
        sentence = " ".join(part for part in (trouble.sentence + ".", trouble.remedy) if part)
        sentence = sentence[:1].upper() + sentence[1:]
        self._known = None
        self.client.set(None)
        if isinstance(error, ServiceMismatch):
            self.state.set(ServiceState("wrong_version", sentence, "Try again"))
            return
        self.state.set(ServiceState("gone", sentence, "Try now"))
        self._pause = min(max(1.0, self._pause * 2), LONGEST_PAUSE)
        self._beat.later(self._pause, self.connect)

    def _lost(self, client: Client, error: Exception) -> None:
        if client is self._known and not self._closed:
            self._line.cancel()
            self._facts.cancel()
            self._failed(error)

    def _next_beat(self) -> None:
        self._beat.later(BEAT_SECONDS, self._look)

    def _look(self) -> None:
        self.ask(lambda client: client.health(), self._beaten, self._unwell, latest=self._line)

    def _unwell(self, error: Exception) -> None:
        """Go on looking after an answer that was an error; a lost service is seen elsewhere."""
        if self._known is None:
            return
        if isinstance(error, ServiceMismatch):
            self._lost(self._known, error)
        else:
            self._next_beat()

    def _not_told(self, error: Exception) -> None:
        """Connect anew where our token is no longer known: another service took the place."""
        if self._known is None:
            return
        if isinstance(error, NoPermission):
            self._lost(self._known, ServiceUnreachable("another service runs now"))
        else:
            self._facts.later(FACTS_SECONDS, self._look_at_facts)

    def _beaten(self, health: Health) -> None:
        if self._known is None:
            return
        if health.protocol != PROTOCOL:
            self._lost(self._known, _mismatch(health))
        elif health.status == "draining":
            self._lost(self._known, ServiceUnreachable("the service is ending"))
        else:
            self._show(health)
            self._next_beat()

    def _show(self, health: Health) -> None:
        if health.status in ("starting", "loading"):
            state = ServiceState("starting", "The service is loading its libraries.")
        elif health.status == "busy":
            state = ServiceState("busy", "A job is running; more can be queued.")
        elif health.status == "failed":
            state = ServiceState("gone", self._why_failed(), "Look again")
        else:
            state = ServiceState("ready", "The service waits for work.")
        self.state.set(state)

    def _why_failed(self) -> str:
        device = self.device.value
        cause = device.problem if device else ""
        return f"The service cannot compute: {cause}" if cause else "The service cannot compute."

    def _look_at_facts(self) -> None:
        if self._known is None:
            return
        self.refresh_facts()

    def _told(self, facts: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
        device, models = facts
        self.device.set(read_device(device))
        self.models.set(tuple(map(read_model, models)))
        self._facts.later(FACTS_SECONDS, self._look_at_facts)


def _greet(connect: Callable[[], Client]) -> tuple[Client, Health]:
    """Connect, and hear of the service's health.

    Raises
    ------
    ServiceMismatch, ServiceUnreachable
    """
    client = connect()
    health = client.health()
    check_protocol(health.protocol, health.version)
    return client, health


def _mismatch(health: Health) -> ServiceMismatch:
    """Say which side of a mismatch to update."""
    try:
        check_protocol(health.protocol, health.version)
    except ServiceMismatch as error:
        return error
    return ServiceMismatch("the service speaks another protocol")


def read_device(document: dict[str, Any]) -> DeviceFacts | None:
    """Read the first device of an answer of `Client.device`."""
    devices = document.get("devices") or []
    if not devices:
        return None
    first = devices[0]
    name = str(first.get("name") or first.get("device") or "")
    names = {"cpu": "CPU", "auto": "", "mps": "Apple GPU"}
    error = first.get("error")
    problem = error.get("message", "") if isinstance(error, dict) else error
    return DeviceFacts(
        names.get(name, name), first.get("memory_free"), first.get("memory_total"), problem or ""
    )


def read_model(document: dict[str, Any]) -> ModelFacts:
    """Read one entry of an answer of `Client.models`."""
    size = document.get("native_size")
    return ModelFacts(
        str(document.get("name") or document.get("id") or ""),
        str(document.get("note") or ""),
        frozenset(document.get("vocabulary") or ()),
        (int(size[0]), int(size[1])) if size else None,
        tuple(document.get("encodings") or ()),
        str(document.get("problem") or ""),
        str(document.get("licence") or ""),
        bool(document.get("commercial", True)),
    )
