"""What Nuke loads at its start, against the stand-in: never run inside Nuke itself."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from plugin import packages
from plugin.hosts import docked
from plugin.install.generate import LOADED
from plugin.install.place import place
from plugin.manifest import read_manifest
from tests.plugin.hosts.nuke_stand_in import Nuke, nuke_in_place
from tests.ui.drawn_client import DrawnClient
from ui.gallery import service

PANEL = "org.tokenflow.panel"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The folder that the installer puts on Nuke's plug-in path."""
    folder = tmp_path / "nuke"
    folder.mkdir()
    for path in (LOADED / "nuke").glob("*.py"):
        (folder / path.name).write_text(path.read_text())
    (folder / "place.json").write_text(place(with_qt=False))
    return folder


@pytest.fixture
def start(installed: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that starts a Nuke: init.py, and menu.py where there is a window."""
    client = DrawnClient(service.knobs())
    monkeypatch.setattr(docked, "ensure_service", lambda roots: client)
    monkeypatch.delenv(packages.PYTHON_VARIABLE, raising=False)
    before = dict(os.environ)
    opened: list[Any] = []

    def run(nuke: Nuke) -> Any:
        context = nuke_in_place(nuke)
        scripts = context.__enter__()
        opened.append(context)
        sys.modules.pop("tokenflow_nuke", None)
        nuke.pluginAddPath(str(installed))
        if nuke.env["gui"]:
            runpy.run_path(str(installed / "menu.py"))
        return scripts

    yield run
    docked.move_out()
    packages.withdraw()
    for context in opened:
        context.__exit__(None, None, None)
    os.environ.clear()
    os.environ.update(before)


def test_the_panel_is_registered_by_a_text_that_nuke_evaluates_later(start: Any) -> None:
    scripts = start(Nuke())
    assert list(scripts.panels) == [PANEL]
    assert scripts.panels[PANEL][1] == "TokenFlow"
    entry = next(each for each in read_manifest()["entrypoints"] if each["type"] == "panel")
    assert entry["id"] == PANEL
    widget = scripts.restore(PANEL)
    assert widget.panel is not None
    widget.deleteLater()


def test_a_layout_that_is_restored_gets_the_same_panel_in_a_new_widget(
    start: Any, qapp: QApplication
) -> None:
    scripts = start(Nuke())
    first = scripts.restore(PANEL)
    presenter = first.panel.presenter
    presenter.edit["prompt"].set("a marble statue")
    first.deleteLater()
    qapp.processEvents()
    second = scripts.restore(PANEL)
    assert second.panel.presenter is presenter
    assert second.panel.presenter.edit["prompt"].value.value == "a marble statue"
    second.deleteLater()


def test_a_script_that_is_opened_gets_a_panel_of_its_own(start: Any) -> None:
    nuke = Nuke()
    widget = start(nuke).restore(PANEL)
    before = widget.panel
    nuke.open_script("/show/sh020.nk")
    assert widget.panel is not before
    assert widget.panel.presenter.host.defaults().project == "/show/sh020.nk"
    widget.deleteLater()


def test_terminal_mode_registers_nothing(start: Any) -> None:
    assert start(Nuke(gui=False)).panels == {}


@pytest.mark.parametrize("version", ["13.2v4", "15.1v1"])
def test_a_nuke_before_16_says_what_it_lacks_and_goes_on(
    start: Any, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    assert start(Nuke(version)).panels == {}
    said = capsys.readouterr().err
    assert f"needs Nuke 16 or newer, whose Qt is PySide6; this is Nuke {version}" in said


@pytest.mark.parametrize(
    "break_it",
    [
        lambda folder: (folder / "place.json").unlink(),
        lambda folder: (folder / "place.json").write_text("{"),
        lambda folder: (folder / "place.json").write_text(
            json.dumps({"root": "/gone", "python": "python", "qt": None})
        ),
        lambda folder: (folder / "tokenflow_nuke.py").write_text("raise SystemExit"),
    ],
    ids=["no place", "bad place", "moved", "exits"],
)
def test_whatever_is_broken_nuke_starts(
    start: Any, installed: Path, capsys: pytest.CaptureFixture[str], break_it: Any
) -> None:
    break_it(installed)
    scripts = start(Nuke())
    assert scripts.panels == {}
    assert "TokenFlow is not loaded" in capsys.readouterr().err


def test_init_loads_no_qt(installed: Path, repository: Path) -> None:
    program = (
        "import sys\n"
        "from tests.plugin.hosts.nuke_stand_in import Nuke, nuke_in_place\n"
        "nuke = Nuke(gui=False)\n"
        "with nuke_in_place(nuke):\n"
        f"    nuke.pluginAddPath({str(installed)!r})\n"
        "print(sorted(name for name in sys.modules if name.startswith('PySide')))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=repository
    )
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")
