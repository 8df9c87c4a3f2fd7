from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import platformdirs
import pytest

from tokenflow.folders import Kind, user_folder
from tokenflow.workspace import default_workspace

KINDS: tuple[Kind, ...] = get_args(Kind)


def test_one_variable_moves_every_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path))
    assert [user_folder(kind) for kind in KINDS] == [tmp_path / kind for kind in KINDS]


@pytest.mark.parametrize("kind", ["cache", "config", "data", "log"])
@pytest.mark.parametrize("moved", [False, True])
def test_folders_are_where_other_tools_expect_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: Kind, moved: bool
) -> None:
    monkeypatch.delenv("TOKENFLOW_HOME")
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        if moved:
            monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
        else:
            monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
    expected = {
        "cache": platformdirs.user_cache_path,
        "config": platformdirs.user_config_path,
        "data": platformdirs.user_data_path,
        "log": platformdirs.user_log_path,
    }
    assert user_folder(kind) == expected[kind]("tokenflow")


@pytest.mark.parametrize("home", ["", "moved"])
def test_the_workspace_is_one_of_these_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
) -> None:
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path / home) if home else "")
    assert default_workspace() == user_folder("workspace")


@pytest.mark.skipif(sys.platform != "linux", reason="the rule is that of Linux")
def test_without_a_session_of_its_own_the_runtime_folder_belongs_to_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TOKENFLOW_HOME")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    monkeypatch.setattr("socket.gethostname", lambda: "render07")
    assert user_folder("runtime") == tmp_path / "tokenflow/run/render07"
    (tmp_path / "gone").mkdir()
    assert user_folder("runtime") == tmp_path / "gone/tokenflow"
