"""What all tests share: no network, no user folders, and the way to the real data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# Read when the libraries are imported, hence here: a test never asks a hub.
os.environ["HF_HUB_OFFLINE"] = "1"

REPOSITORY = Path(__file__).parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _user_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the caches and settings of the person who runs the tests out of them."""
    os.environ["TOKENFLOW_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the sources."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return a function that finds a folder of the real data, or skips the test."""

    def find(name: str) -> Path:
        folder = SHARED_DATA / name
        if not folder.is_dir():
            pytest.skip(f"the real data folder {folder} is not on this machine")
        return folder

    return find
