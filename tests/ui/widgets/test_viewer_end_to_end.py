"""The viewer against a real service, which reads real EXR frames through a real view."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.tokenflow.conftest import demo_plate, real_service, tiny_checkpoint
from tests.tokenflow.played import Played
from tests.ui.event_loop import EventLoop
from ui.frames import FrameCache
from ui.host import FolderHost
from ui.presenters.panel import PanelPresenter
from ui.presenters.viewer import Line
from ui.qt_runner import QtRunner
from ui.widgets.viewer import ViewerWidget

__all__ = ["demo_plate", "real_service", "tiny_checkpoint"]


@pytest.fixture
def panel(real_service: Played, tmp_path: Path, event_loop: EventLoop) -> Iterator[PanelPresenter]:
    """A panel that has the demo's plate, and whose edit changes nothing."""
    host = FolderHost(output_root=real_service.folder / tmp_path.name, settings=tmp_path)
    made = PanelPresenter(lambda: real_service.client, QtRunner(), host)
    made.start()
    made.shot.open(real_service.plate)
    event_loop.turn_until(lambda: made.shot.condition.value == "ready")
    made.edit["method"].set("passthrough")
    made.edit["prompt"].set("nothing at all")
    made.edit["checkpoint"].set(real_service.checkpoint)
    yield made
    made.close()


@pytest.fixture
def viewer(panel: PanelPresenter, event_loop: EventLoop) -> Iterator[ViewerWidget]:
    cache = FrameCache(panel.runner, lambda: panel.service.client.value)
    made = ViewerWidget(panel.viewer, cache)
    made.resize(640, 480)
    made.show()
    yield made
    made.close()
    made.deleteLater()
    cache.close()


def test_a_plate_is_seen_exactly_once_the_playhead_rests(
    panel: PanelPresenter, viewer: ViewerWidget, event_loop: EventLoop
) -> None:
    event_loop.turn_until(viewer.feed.exact)
    (shown,) = viewer.feed.pictures()
    assert shown.image is not None
    assert (shown.image.width(), shown.image.height()) == (64, 36)


def test_an_edit_that_changes_nothing_looks_like_the_plate_and_differs_by_nothing(
    panel: PanelPresenter, viewer: ViewerWidget, event_loop: EventLoop
) -> None:
    panel.render.render()
    event_loop.turn_until(lambda: [row.state for row in panel.jobs.rows.value] == ["done"])
    panel.viewer.set_compare("wipe")
    event_loop.turn_until(viewer.feed.exact)
    plate, edit = viewer.feed.pictures()
    assert plate.image is not None and plate.image == edit.image
    panel.viewer.set_compare("single")
    panel.viewer.show_what("difference")
    event_loop.turn_until(viewer.feed.exact)
    (difference,) = viewer.feed.pictures()
    assert difference.image is not None
    assert max(difference.image.pixelColor(x, 18).value() for x in range(64)) == 0


def test_the_whole_shot_is_sliced_and_stepped_through(
    panel: PanelPresenter, viewer: ViewerWidget, event_loop: EventLoop
) -> None:
    panel.viewer.set_slice(Line(0.1, 0.5, 0.9, 0.5))
    event_loop.turn_until(lambda: viewer.slice.missing(0) == [])
    for frame in (1002, 1003, 1004, 1005):
        QTest.keyClick(viewer.canvas, Qt.Key.Key_Right)
        event_loop.turn_until(lambda: viewer.feed.whole)
        assert viewer.feed.pictures()[0].label == f"Plate · {frame}"
