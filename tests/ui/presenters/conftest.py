"""A desk for every test of a presenter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.presenters.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A panel that is not connected yet."""
    made = Desk(tmp_path)
    yield made
    made.panel.close()


@pytest.fixture
def started(desk: Desk) -> Desk:
    """A panel that is connected and has a shot of 47 frames with a hole."""
    desk.start()
    return desk
