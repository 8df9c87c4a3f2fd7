"""Real hosts take minutes and packages of their own: `make test-hosts` brings both."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

NEEDS = {
    "test_blender_module.py": "bpy",
    "test_blender_window.py": "torch",
    "test_napari_window.py": "napari",
}
collect_ignore = [file for file, module in NEEDS.items() if find_spec(module) is None]


@pytest.fixture(scope="session", autouse=True)
def _only_where_wanted() -> None:
    if not os.environ.get("TOKENFLOW_TEST_HOSTS"):
        pytest.skip("real hosts are run by `make test-hosts`")
