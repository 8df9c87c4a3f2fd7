from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tokenflow.errors import SettingsUnusable
from tokenflow.service.settings import _READERS, Settings, read_settings
from tokenflow.user_settings import OF_THE_SERVICE


def write(folder: Path, **service: Any) -> Path:
    path = folder / "settings.json"
    path.write_text(json.dumps({"service": service}))
    return path


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = read_settings(tmp_path / "none.json", token="t")
    assert settings == Settings(token="t")
    assert settings.host == "127.0.0.1"


def test_the_file_of_the_user_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path))
    (tmp_path / "config").mkdir()
    write(tmp_path / "config", roots=["/shows", "~/plates"], devices=["cuda:0", "cuda:1"])
    settings = read_settings()
    assert settings.roots == (Path("/shows"), Path.home() / "plates")
    assert settings.devices == ("cuda:0", "cuda:1")


def test_what_is_given_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, idle_exit=900, cache_bytes=1000)
    settings = read_settings(path, idle_exit=5.0, cache_bytes=None)
    assert (settings.idle_exit, settings.cache_bytes) == (5.0, 1000)


def test_settings_of_the_launcher_may_stand_beside(tmp_path: Path) -> None:
    path = write(tmp_path, python="/opt/tokenflow/bin/python", roots=[])
    assert read_settings(path).roots == ()


def test_every_setting_is_a_field_and_can_be_read() -> None:
    assert set(_READERS) == OF_THE_SERVICE
    assert {each.name for each in fields(Settings)} >= OF_THE_SERVICE


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("roots", "/shows", "a list of texts"),
        ("roots", ["shows"], "an absolute folder"),
        ("devices", [], "a list of texts"),
        ("idle_exit", 0, "a number above 0"),
        ("cache_bytes", True, "a number above 0"),
        ("workspace", 3, "an absolute folder"),
    ],
)
def test_a_wrong_value_is_named_with_what_belongs_there(
    tmp_path: Path, name: str, value: object, wanted: str
) -> None:
    with pytest.raises(
        SettingsUnusable, match=rf"service\.{name} must be {wanted}.*settings\.json"
    ):
        read_settings(write(tmp_path, **{name: value}))


def test_a_setting_that_is_misspelt_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(SettingsUnusable, match=r"service\.rooots.*roots"):
        read_settings(write(tmp_path, rooots=["/shows"]))


@pytest.mark.parametrize("text", ["{", "[]", '{"service": []}', "\udcff"])
def test_a_file_that_is_no_settings_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsUnusable, match=r"settings\.json"):
        read_settings(path)


def test_the_token_is_new_each_time_and_never_shown() -> None:
    one, other = Settings(), Settings()
    assert one.token != other.token and len(one.token) >= 32
    assert one.token not in repr(one)
