"""napari itself, its window on a screen that nobody looks at, with the panel docked in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import napari
import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QDockWidget

from plugin import packages
from plugin.hosts import docked
from plugin.hosts.docked import DockedPanel
from plugin.install.__main__ import main
from tests.ui.conftest import event_loop
from tests.ui.drawn_client import DrawnClient
from tests.ui.event_loop import EventLoop
from ui.gallery import service

__all__ = ["event_loop"]

LAUNCH = (
    "import os, sys, napari\n"
    "from qtpy.QtWidgets import QApplication\n"
    "viewer = napari.Viewer(show=False)\n"
    "dock, widget = viewer.window.add_plugin_dock_widget('tokenflow_napari', 'TokenFlow')\n"
    "print('DOCKED', type(widget).__name__, widget.panel is not None)\n"
    "import plugin\n"
    "print('FROM', plugin.__file__)\n"
    "viewer.close()\n"
    "from plugin.hosts import docked\n"
    "docked.move_out()\n"
)


@pytest.fixture
def viewer(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """napari's viewer with its window."""
    client = DrawnClient(service.knobs())
    monkeypatch.setattr(docked, "ensure_service", lambda roots: client)
    viewer = napari.Viewer(show=False)
    yield viewer
    docked.move_out()
    viewer.close()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.processEvents()


def dock(viewer: Any) -> DockedPanel:
    """Dock the panel as napari's menu does."""
    from plugin.hosts.napari import make_panel

    widget = make_panel()
    viewer.window.add_dock_widget(widget, name="TokenFlow", area="right")
    return widget


def test_the_panel_is_docked_and_floats_and_docks_again(viewer: Any, event_loop: EventLoop) -> None:
    widget = dock(viewer)
    holder = widget.parent()
    while holder is not None and not isinstance(holder, QDockWidget):
        holder = holder.parent()
    assert isinstance(holder, QDockWidget)
    panel = widget.panel
    for floating in (True, False):
        holder.setFloating(floating)
        QApplication.processEvents()
    assert widget.panel is panel


def test_a_layers_file_becomes_the_shot(viewer: Any, tmp_path: Path) -> None:
    for frame in (1001, 1002):
        imageio.imwrite(tmp_path / f"plate.{frame}.png", np.zeros((8, 8, 3), np.uint8))
    viewer.open(str(tmp_path / "plate.1001.png"))
    widget = dock(viewer)
    assert widget.panel is not None
    widget.panel.shot.selection.click()
    assert widget.panel.presenter.shot.path.value == str(tmp_path / "plate.####.png")


def test_the_panel_closes_with_its_dock_and_comes_back_with_its_words(viewer: Any) -> None:
    widget = dock(viewer)
    assert widget.panel is not None
    widget.panel.presenter.edit["prompt"].set("a marble statue")
    presenter = widget.panel.presenter
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    again = DockedPanel()
    assert again.panel is not None
    assert again.panel.presenter is presenter
    again.deleteLater()


def test_installed_by_one_command_it_is_in_the_menu_and_uninstalled_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(packages.PYTHON_VARIABLE, raising=False)
    program = Path(sys.executable).parent / "napari"
    environment = {**os.environ, "PYTHONPATH": "", "HOME": str(tmp_path)}

    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-c", LAUNCH],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment,
        )

    assert main(["install", "napari", "--program", str(program)]) == 0
    try:
        ran = start()
        assert "DOCKED DockedPanel True" in ran.stdout, ran.stdout + ran.stderr
    finally:
        assert main(["uninstall", "napari"]) == 0
    assert not (tmp_path / "home").exists() or not list((tmp_path / "home").rglob("hosts*"))
    assert "DOCKED" not in start().stdout
