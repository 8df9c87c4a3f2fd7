"""A host that builds the panel without arguments, as often as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from tokenflow.errors import ServiceUnreachable
from ui.gallery.stage import Stage
from ui.shared import running_service, shared
from ui.widgets.panel import TokenFlowPanel


@pytest.fixture
def stages(tmp_path: Path, qapp: QApplication) -> Iterator[list[Stage]]:
    """The stages of the presenters that were made."""
    made: list[Stage] = []

    def make() -> object:
        made.append(Stage(tmp_path))
        return made[-1].panel

    shared.use(make)  # type: ignore[arg-type]
    yield made
    shared.close()


def test_all_widgets_of_a_host_show_one_presenter(stages: list[Stage]) -> None:
    first, second = TokenFlowPanel(), TokenFlowPanel()
    assert first.presenter is second.presenter
    assert len(stages) == 1
    first.deleteLater()
    second.deleteLater()


def test_after_the_host_has_closed_it_another_is_made(stages: list[Stage]) -> None:
    first = shared.get()
    shared.close()
    assert shared.get() is not first


def test_without_a_host_no_service_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path))
    with pytest.raises(ServiceUnreachable, match="serve start"):
        running_service()
    assert not list(tmp_path.rglob("*"))
