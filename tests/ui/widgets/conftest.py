"""A panel on the gallery's stage: every answer comes when the test lets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from ui.gallery.stage import Stage, process_events
from ui.widgets.panel import TokenFlowPanel


@pytest.fixture
def stage(tmp_path: Path, qapp: QApplication) -> Iterator[Stage]:
    """The presenter of a panel and the service behind it."""
    stage = Stage(tmp_path / "settings")
    yield stage
    stage.close()


@pytest.fixture
def panel(stage: Stage, qapp: QApplication) -> Iterator[TokenFlowPanel]:
    """The panel, connected, as wide as a dock."""
    panel = TokenFlowPanel(stage.panel)
    stage.panel.start()
    stage.settle()
    panel.resize(420, 900)
    panel.show()
    process_events(qapp)
    yield panel
    panel.close()
    panel.deleteLater()


@pytest.fixture
def ready(stage: Stage, panel: TokenFlowPanel, qapp: QApplication) -> Callable[[], None]:
    """Pick the shot and say what to make; the function lets everything settle once more."""
    stage.open()
    stage.describe()

    def settle() -> None:
        process_events(qapp, 1)
        stage.settle()
        process_events(qapp, 1)

    settle()
    return settle
