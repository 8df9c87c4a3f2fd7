"""Where the gallery's panels play: a drawn service and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from ocio.frame_range import FrameRange
from tokenflow.client import Client
from tokenflow.events import Preview
from tokenflow.job import EditJob
from tokenflow.scripted_client import Knobs
from tokenflow.scripted_job import Play, Step, usual_play
from tokenflow.states import StoredEvent
from tokenflow.transport import always
from ui.background import Failed, ManualRunner, Ticket
from ui.gallery import service
from ui.gallery.drawn_shot import DrawnClient, preview
from ui.host import FolderHost, HostDefaults
from ui.presenters.panel import PanelPresenter

T = TypeVar("T")

JOB_SECONDS = 200.0
POLL_SECONDS = 2.5
LOOK_SECONDS = 1.0


class StillRunner(ManualRunner):
    """Hears what a stream has told so far, and looks at it again now and then."""

    def stream(
        self,
        items: Callable[[], Iterator[T]],
        item: Callable[[T], None],
        ended: Callable[[], None],
        failed: Failed | None = None,
    ) -> Ticket:
        """See `Runner.stream`."""
        ticket = Ticket()
        heard = 0

        def hear(told: list[T]) -> None:
            nonlocal heard
            for each in told[heard:]:
                item(each)
            heard = len(told)
            self.later(LOOK_SECONDS, look)

        def look() -> None:
            if not ticket.cancelled:
                self.run(lambda: [*items()], hear, failed)

        look()
        return ticket


class StillClient(DrawnClient):
    """Tells the events that have happened, and waits for no other."""

    def events(
        self, job_id: str, after: int = 0, *, wanted: Callable[[], bool] = always
    ) -> Iterator[StoredEvent]:
        """See `Client.events`."""
        if any(record.id == job_id for record in self.history):
            return
        with self._played():
            events = [*self._part(job_id).events]
        yield from (event for event in events if event.id > after)


class GalleryHost(FolderHost):
    """No host, with settings in the gallery's own folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def defaults(self) -> HostDefaults:
        """See `Host.defaults`."""
        return HostDefaults("", None, self._folder, self._folder)


class Stage:
    """One panel with everything behind it.

    Attributes
    ----------
    knobs
        Of the service.
    time
        Its clock, in seconds; `play` moves it.
    panel
        The presenter.
    """

    def __init__(self, folder: Path, knobs: Knobs | None = None) -> None:
        self.knobs = knobs or service.knobs(script=seen_play)
        self.time = 0.0
        self.runner = StillRunner()
        self.client = StillClient(self.knobs, lambda: self.time)
        self.connect: Callable[[], Client] = lambda: self.client
        self.panel = PanelPresenter(lambda: self.connect(), self.runner, GalleryHost(folder))

    def open(self, path: str = service.PLATE) -> None:
        """Connect and pick a shot."""
        self.panel.start()
        self.settle()
        if path:
            self.panel.shot.open(path)
        self.settle()

    def describe(
        self,
        prompt: str = "a red striped ball on a wooden floor at sunset",
        source: str = "a blue striped ball on a wooden floor at noon",
    ) -> None:
        """Fill in the two sentences."""
        self.panel.edit["source_prompt"].set(source)
        self.panel.edit["prompt"].set(prompt)
        self.settle()

    def render(self, share: float = 1.0) -> None:
        """Render, and let that share of the job happen."""
        self.panel.render.render()
        self.settle()
        self.play(share)

    def play(self, share: float) -> None:
        """Let a share of a job happen, and look at it."""
        self.time += share * JOB_SECONDS * (1.01 if share == 1 else 1)
        self.runner.advance(POLL_SECONDS)
        self.settle()

    def settle(self) -> None:
        """Do what waits."""
        for _ in range(3):
            self.runner.run_all()
            self.runner.advance(0.2)

    def close(self) -> None:
        """Let go of everything."""
        self.panel.close()


def seen_play(job: EditJob, frames: FrameRange) -> Play:
    """Play a job that shows previews while it denoises."""
    play = usual_play(JOB_SECONDS)(job, frames)
    steps: list[Step] = []
    for step in play.steps:
        steps.append(step)
        stage, done = getattr(step.event, "stage", ""), getattr(step.event, "done", 0)
        if stage == "edit" and done and done % 5 == 0:
            frame = frames[len(frames) // 2]
            steps.append(Step(0, Preview("edit", frame, done, job.edit.steps, preview(frame))))
    return Play(tuple(steps), play.ending)


def process_events(application: QApplication, rounds: int = 4) -> None:
    """Let widgets lay themselves out and draw."""
    for _ in range(rounds):
        application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
