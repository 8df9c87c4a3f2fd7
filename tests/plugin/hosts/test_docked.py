"""The widget that hosts dock, and the page behind its menu."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from plugin.hosts import docked
from plugin.hosts.base import Adapter
from plugin.hosts.docked import DockedPanel, config_folders, live_in, move_out
from plugin.hosts.settings_page import ENTRY, SettingsPage
from plugin.settings import keep_service_settings
from tests.ui.drawn_client import DrawnClient
from tests.ui.event_loop import EventLoop
from tokenflow.errors import SettingsUnusable
from tokenflow.user_settings import settings_file
from ui.gallery import service
from ui.host import HostColour
from ui.qt_runner import QtRunner


class Project(Adapter):
    """A host that has projects and nothing else."""

    def __init__(self, settings: Path, config: str | None = None) -> None:
        super().__init__("host", "1.0", settings=settings)
        self.project = "/show/first.blend"
        self._config = config

    def colour(self) -> HostColour | None:
        return HostColour(self._config) if self._config else None


@pytest.fixture
def host(tmp_path: Path, qapp: QApplication) -> Iterator[Project]:
    """A host that the panel lives in."""
    host = Project(tmp_path)
    live_in(host, lambda: DrawnClient(service.knobs()))
    yield host
    move_out()


def test_it_is_built_without_arguments_and_shows_the_same_panel_each_time(host: Project) -> None:
    first, second = DockedPanel(), DockedPanel()
    assert first.panel is not None
    assert second.panel is not None
    assert first.panel.presenter is second.panel.presenter
    assert first.panel.presenter.host is host
    assert first.sizeHint() == first.panel.sizeHint()
    first.deleteLater()
    second.deleteLater()


def test_each_project_has_its_own_words(host: Project, event_loop: EventLoop) -> None:
    widget = DockedPanel()

    def words() -> str:
        assert widget.panel is not None
        return str(widget.panel.presenter.edit["prompt"].value.value)

    assert widget.panel is not None
    event_loop.turn_for(0.2)
    widget.panel.presenter.edit["prompt"].set("a marble statue")
    host.move_to("/show/second.blend")
    event_loop.turn_for(0.2)
    assert words() == ""
    host.move_to("/show/first.blend")
    event_loop.turn_until(lambda: words() == "a marble statue")
    widget.deleteLater()


def test_what_the_host_tells_is_shown_in_the_panel(host: Project) -> None:
    widget = DockedPanel()
    host.notify("warning", "the disk is full")
    assert widget.panel is not None
    assert widget.panel.notice.text() == "the disk is full"
    widget.deleteLater()


def test_a_widget_that_the_host_has_destroyed_hears_nothing_more(
    host: Project, qapp: QApplication
) -> None:
    widget = DockedPanel()
    widget.deleteLater()
    qapp.sendPostedEvents(None, 52)  # what deleteLater has put off
    host.move_to("/show/second.blend")
    host.notify("info", "nobody is there")


def test_the_service_that_is_started_may_read_the_hosts_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication
) -> None:
    config = tmp_path / "host/config.ocio"
    config.parent.mkdir()
    config.write_text("ocio_profile_version: 2\n")
    assert config_folders(Project(tmp_path, str(config))) == (str(config.parent),)
    assert config_folders(Project(tmp_path, "ocio://default")) == ()
    assert config_folders(Project(tmp_path)) == ()
    asked: list[Any] = []

    def ensure(roots: Any) -> Any:
        asked.append(roots)
        return DrawnClient(service.knobs())

    monkeypatch.setattr(docked, "ensure_service", ensure)
    live_in(Project(tmp_path, str(config)))
    widget = DockedPanel()
    assert widget.panel is not None
    runner = widget.panel.presenter.runner
    for _ in range(200):
        qapp.processEvents()
        if asked:
            break
        runner.run(lambda: None, lambda _: None)
    widget.deleteLater()
    move_out()
    assert asked == [(str(config.parent),)]


# The page.


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's settings, with something in them that is nobody's business here."""
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path))
    settings_file().parent.mkdir(parents=True)
    known = {"service": {"python": "/old/python", "idle_exit": 60}, "other": [1]}
    settings_file().write_text(json.dumps(known))
    return settings_file()


@pytest.fixture
def page(settings: Path, event_loop: EventLoop) -> Iterator[SettingsPage]:
    """The page, filled."""
    runner = QtRunner()
    page = SettingsPage(runner)
    event_loop.turn_until(lambda: page.keep.isEnabled())
    yield page
    page.deleteLater()
    runner.close()


def test_the_page_is_behind_the_panels_menu(host: Project) -> None:
    widget = DockedPanel()
    assert widget.panel is not None
    entries = widget.panel.header.menu_button.menu().actions()
    assert ENTRY in [entry.text() for entry in entries]
    widget.deleteLater()


def test_the_page_shows_and_keeps_where_the_service_is(
    page: SettingsPage, settings: Path, event_loop: EventLoop
) -> None:
    assert page.python.text() == "/old/python"
    page.python.setText(" /studio/env with a space/bin/python ")
    page.roots.setPlainText("/shows\n\n/Größe")
    page.keep.click()
    event_loop.turn_until(lambda: page.said.text().startswith("Kept."))
    assert json.loads(settings.read_text()) == {
        "service": {
            "python": "/studio/env with a space/bin/python",
            "idle_exit": 60,
            "roots": ["/shows", "/Größe"],
        },
        "other": [1],
    }


def test_an_empty_field_takes_the_setting_away(
    page: SettingsPage, settings: Path, event_loop: EventLoop
) -> None:
    page.python.clear()
    page.keep.click()
    event_loop.turn_until(lambda: page.said.text().startswith("Kept."))
    assert json.loads(settings.read_text())["service"] == {"idle_exit": 60}


def test_a_folder_that_is_no_full_path_is_named_and_nothing_is_kept(
    page: SettingsPage, settings: Path
) -> None:
    before = settings.read_text()
    page.roots.setPlainText("/shows\nplates")
    page.keep.click()
    assert page.said.text() == "plates is not a full path."
    assert settings.read_text() == before


def test_settings_that_cannot_be_read_are_not_written_over(settings: Path) -> None:
    settings.write_text("{")
    with pytest.raises(SettingsUnusable):
        keep_service_settings({"python": "/new"})
    assert settings.read_text() == "{"
