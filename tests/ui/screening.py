"""A panel's viewer, timeline and tries on the screen, at a played service that draws pictures."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from ocio.frame_range import FrameRange
from tests.ui.drawn_client import DrawnClient
from tests.ui.presenters.desk import Desk
from tokenflow.client import Client
from ui.frames import FrameCache
from ui.pictures import Source
from ui.widgets.timeline import TimelineWidget
from ui.widgets.tries import TriesWidget
from ui.widgets.viewer import ViewerWidget

SIZE = (700, 700)


class Screening(Desk):
    """A desk with widgets on it.

    Attributes
    ----------
    drawn
        The service.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.drawn = DrawnClient(self.knobs, lambda: self.runner.time)
        self.client = self.drawn
        self.cache = FrameCache(self.runner, self._client)
        panel = self.panel
        self.window = QWidget()
        self.viewer = ViewerWidget(panel.viewer, self.cache)
        self.timeline = TimelineWidget(panel.timeline, panel.viewer, panel.edit)
        self.tries = TriesWidget(panel.tries)
        column = QVBoxLayout(self.window)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.viewer, 1)
        column.addWidget(self.timeline)
        column.addWidget(self.tries)

    def show(self) -> None:
        """Open the window with the shot on it, its pictures here."""
        self.start()
        panel = self.panel
        panel.edit["prompt"].value.set("a marble statue")
        self.window.resize(*SIZE)
        self.window.show()
        self.window.activateWindow()
        self.settle()

    def show_edit(self, frames: str = "1001-1048") -> Source:
        """Render the shot and show the result."""
        job = self.panel.render.job(path=str(self.output / "v001" / "sh010_v001.####.exr"))
        job_id = self.client.submit(job)
        self.runner.advance(10)
        source = Source(
            job_id=job_id, what="edit", frames=FrameRange.parse(frames), name="edit v001"
        )
        self.panel.viewer.show_edit(source)
        self.settle()
        return source

    def settle(self) -> None:
        """Let everything arrive that is on its way."""
        for _ in range(3):
            self.viewer.feed.ask()
            QApplication.processEvents()
            self.runner.advance(0)
        QApplication.processEvents()

    def press(self, key: Qt.Key, widget: QWidget | None = None) -> None:
        """Type a key where the focus is."""
        QTest.keyClick(widget or self.viewer.canvas, key)
        self.settle()

    def close(self) -> None:
        """Leave nothing behind."""
        self.window.close()
        self.window.deleteLater()
        self.cache.close()
        self.panel.close()

    def _client(self) -> Client | None:
        return self.panel.service.client.value


def drag(widget: QWidget, *points: QPoint, button: Qt.MouseButton | None = None) -> None:
    """Press at the first point, move over the others and let go at the last."""
    button = button or Qt.MouseButton.LeftButton
    QTest.mousePress(widget, button, pos=points[0])
    for point in points[1:]:
        move(widget, point, button)
    QTest.mouseRelease(widget, button, pos=points[-1])


def move(widget: QWidget, point: QPoint, button: Qt.MouseButton) -> None:
    """Move the pointer with a button held: offscreen, `QTest.mouseMove` forgets the button."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(point),
        widget.mapToGlobal(QPointF(point)),
        Qt.MouseButton.NoButton,
        button,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)
