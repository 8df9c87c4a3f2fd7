"""The panel as a program of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from plugin.hosts import standalone
from tests.ui.event_loop import EventLoop
from ui.gallery import service
from ui.gallery.drawn_shot import DrawnClient


def test_it_opens_the_shot_that_it_is_given(event_loop: EventLoop) -> None:
    client = DrawnClient(service.knobs())
    panel = standalone.open_panel(service.PLATE, lambda: client)
    event_loop.turn_until(lambda: panel.presenter.shot.condition.value == "ready")
    assert panel.shot.name.whole_text() == "sh010_comp_v012"
    standalone.close_panel(panel)


def test_a_relative_path_is_one_from_where_the_program_was_started(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = DrawnClient(service.knobs())
    panel = standalone.open_panel("plate/a.####.exr", lambda: client)
    assert panel.presenter.shot.path.value == str(tmp_path / "plate" / "a.####.exr")
    standalone.close_panel(panel)


def test_it_runs_until_it_is_told_to_end(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = DrawnClient(service.knobs())
    monkeypatch.setattr(standalone, "ensure_service", lambda: client)
    before = qapp.palette()
    QTimer.singleShot(200, qapp.quit)
    assert standalone.main(["--theme", "light"]) == 0
    qapp.setPalette(before)
    assert not [widget for widget in qapp.topLevelWidgets() if widget.isVisible()]


def test_after_its_end_the_loops_of_others_turn(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = DrawnClient(service.knobs())
    monkeypatch.setattr(standalone, "ensure_service", lambda: client)
    before = qapp.palette()
    QTimer.singleShot(200, qapp.quit)
    standalone.main([])
    qapp.setPalette(before)
    qapp.processEvents()
    loop = QEventLoop()
    QTimer.singleShot(0, lambda: loop.exit(7))
    assert loop.exec() == 7


def test_without_qt_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(standalone, "find_spec", lambda name: None)
    assert standalone.main([]) == standalone.NOT_INSTALLED
    assert "pip install '.[panel]'" in capsys.readouterr().err
