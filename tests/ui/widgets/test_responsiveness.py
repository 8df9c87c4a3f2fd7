"""The event loop stands still for nobody: not for a service, not for long queues and shots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from tests.ui.event_loop import EventLoop
from tokenflow.client import Client, Health
from tokenflow.errors import ServiceUnreachable
from ui.gallery import service
from ui.gallery.drawn_shot import DrawnClient
from ui.gallery.stage import GalleryHost
from ui.presenters.panel import PanelPresenter
from ui.qt_runner import QtRunner
from ui.widgets.panel import TokenFlowPanel

LONG = "/shows/lake/sh900/plates/sh900.####.exr"


class HangingClient(DrawnClient):
    """Never answers until it is let go."""

    def __init__(self) -> None:
        super().__init__(service.knobs())
        self.let_go = threading.Event()

    def health(self) -> Health:
        """See `Client.health`."""
        self.let_go.wait(30)
        raise ServiceUnreachable("it hung")


@pytest.fixture
def live(tmp_path: Path, qapp: QApplication) -> Iterator[Callable[..., TokenFlowPanel]]:
    """Open a panel that works in real threads and in real time."""
    opened: list[tuple[TokenFlowPanel, PanelPresenter]] = []

    def open_panel(connect: Callable[[], Client]) -> TokenFlowPanel:
        presenter = PanelPresenter(connect, QtRunner(), GalleryHost(tmp_path))
        panel = TokenFlowPanel(presenter)
        opened.append((panel, presenter))
        panel.resize(1300, 800)
        panel.show()
        # The first layout and drawing belong to opening a window, not to working with it.
        for _ in range(5):
            qapp.processEvents()
        return panel

    yield open_panel
    for panel, presenter in opened:
        panel.close()
        panel.deleteLater()
        presenter.close()


def test_a_slow_service_holds_up_nothing(
    live: Callable[..., TokenFlowPanel], event_loop: EventLoop
) -> None:
    client = DrawnClient(service.knobs(delay=0.3))
    panel = live(lambda: client)
    panel.presenter.start()
    event_loop.turn_until(lambda: panel.presenter.service.client.value is not None)
    panel.presenter.shot.open(service.PLATE)
    event_loop.turn_for(1.0)


def test_a_service_that_hangs_holds_up_nothing(
    live: Callable[..., TokenFlowPanel], event_loop: EventLoop
) -> None:
    client = HangingClient()
    panel = live(lambda: client)
    panel.presenter.start()
    event_loop.turn_for(0.5)
    assert panel.header.line.sign.state == "starting"
    client.let_go.set()
    event_loop.turn_until(lambda: panel.header.line.sign.state == "gone")


def test_a_service_that_is_gone_holds_up_nothing(
    live: Callable[..., TokenFlowPanel], event_loop: EventLoop
) -> None:
    client = DrawnClient(service.knobs())
    panel = live(lambda: client)
    panel.presenter.start()
    event_loop.turn_until(lambda: panel.header.line.sign.state == "ready")
    client.knobs.unreachable = True
    event_loop.turn_until(lambda: panel.header.line.sign.state == "gone")


def test_five_hundred_jobs_hold_up_nothing(
    live: Callable[..., TokenFlowPanel], event_loop: EventLoop
) -> None:
    client = DrawnClient(service.knobs())
    client.history = service.long_queue(500)
    panel = live(lambda: client)
    panel.presenter.start()
    event_loop.turn_until(lambda: panel.jobs.model.rowCount() == 500)
    event_loop.turn_for(1.0)


def test_a_shot_of_two_thousand_frames_holds_up_nothing(
    live: Callable[..., TokenFlowPanel], event_loop: EventLoop
) -> None:
    plate = service.plate(LONG, frames="1001-3000", last=3000)
    client = DrawnClient(service.knobs(plates={LONG: plate}))
    panel = live(lambda: client)
    panel.presenter.start()
    event_loop.turn_until(lambda: panel.presenter.service.client.value is not None)
    panel.presenter.shot.open(LONG)
    event_loop.turn_until(lambda: panel.presenter.shot.condition.value == "ready")
    for frame in range(1001, 3000, 97):
        panel.presenter.viewer.go_to(frame)
        event_loop.turn_for(0.02)
