"""The gallery draws what it says it draws."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from ui.gallery.__main__ import PALETTES, SIZES, main, settle
from ui.gallery.stage import Stage
from ui.gallery.states import STATES, State
from ui.widgets.panel import TokenFlowPanel


def test_a_state_is_drawn_at_three_widths_dark_and_light(
    tmp_path: Path, qapp: QApplication
) -> None:
    before = qapp.palette()
    assert main([str(tmp_path), "holes"]) == 0
    qapp.setPalette(before)
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert pictures == sorted(
        f"holes.{width}.{name}.png" for width, _ in SIZES for name in PALETTES
    )
    widths = {QImage(str(tmp_path / name)).width() for name in pictures}
    assert widths == {width for width, _ in SIZES}
    page = (tmp_path / "index.html").read_text()
    assert all(f'src="{name}"' in page for name in pictures)


def test_an_unknown_state_is_refused_and_the_known_ones_are_named(
    tmp_path: Path, qapp: QApplication, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "holes", "nonsense"]) == 2
    said = capsys.readouterr().err
    assert "nonsense" in said
    assert all(state.name in said for state in STATES)


def test_names_of_states_are_different() -> None:
    assert len({state.name for state in STATES}) == len(STATES)


def test_a_service_that_starts_is_drawn_starting(tmp_path: Path, qapp: QApplication) -> None:
    (state,) = (state for state in STATES if state.name == "starting")
    stage = Stage(tmp_path)
    state.prepare(stage)
    panel = TokenFlowPanel(stage.panel)
    settle(qapp, stage, state.works)
    assert panel.header.line.sign.state == "starting"
    panel.deleteLater()
    stage.close()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a_state_can_be_brought_about(state: State, tmp_path: Path, qapp: QApplication) -> None:
    stage = Stage(tmp_path)
    state.prepare(stage)
    stage.close()
