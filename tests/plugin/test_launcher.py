from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin import launcher
from plugin.launcher import ensure_service, launch_argv
from plugin.manifest import READS, manifest_file, service_facts
from tests.tokenflow.own_service import LONG, OwnService
from tests.tokenflow.stranger import send, stranger
from tokenflow.client import PROTOCOL
from tokenflow.errors import (
    ServiceDidNotStart,
    ServiceMismatch,
    ServiceUnreachable,
    SettingsUnusable,
)
from tokenflow.runtime import IDLE_EXIT, Runtime, own_argv, read_runtime
from tokenflow.user_settings import settings_file


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnService]:
    """The user's service, not started yet."""
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    own = OwnService(tmp_path / "home")
    set_up(python=sys.executable)
    yield own
    own.end()


def set_up(**service: Any) -> None:
    """Write the user's settings."""
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text(json.dumps({"service": service}))


def test_what_the_manifest_says_is_what_the_code_does(repository: Path) -> None:
    facts = service_facts()
    assert manifest_file() == repository / "manifest.json"
    assert json.loads(manifest_file().read_text())["manifest_version"] == READS
    assert facts.protocol_version == PROTOCOL
    assert facts.idle_exit_s == IDLE_EXIT
    assert [sys.executable, *facts.launch[1:]] == own_argv()


def test_the_launch_line_runs() -> None:
    argv = launch_argv(service_facts(), {"python": sys.executable})
    ran = subprocess.run([*argv, "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == json.loads(manifest_file().read_text())["version"]


@pytest.mark.parametrize(("settings", "seconds"), [({}, IDLE_EXIT), ({"idle_exit": 60}, 60)])
def test_the_users_patience_with_an_idle_service_counts(
    settings: dict[str, Any], seconds: float
) -> None:
    argv = launch_argv(service_facts(), {"python": sys.executable, **settings})
    assert argv[argv.index("--idle-exit") + 1] == f"{seconds:g}"


def test_a_service_is_started_once_and_found_again(service: OwnService) -> None:
    first = ensure_service()
    pid = service.runtime.pid
    assert ensure_service().address == first.address
    assert service.runtime.pid == pid
    with urllib.request.urlopen(first.address + service_facts().health, timeout=LONG) as answer:
        assert json.load(answer)["protocol"] == PROTOCOL


def test_two_hosts_that_ask_at_the_same_moment_get_the_same_service(service: OwnService) -> None:
    program = "from plugin.launcher import ensure_service; print(ensure_service().address)"
    hosts = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [host.communicate(timeout=LONG)[0] for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0]
    assert set(said) == {service.runtime.address + "\n"}


def test_an_address_in_the_settings_comes_first(service: OwnService, tmp_path: Path) -> None:
    elsewhere = OwnService(tmp_path / "elsewhere")
    try:
        known = elsewhere.start()
        set_up(address=known.address, token=elsewhere.runtime.token)
        assert ensure_service().address == known.address
        assert ensure_service().device()["devices"]
        assert not service.file.exists()
    finally:
        elsewhere.end()


def test_an_address_in_the_settings_that_does_not_answer_is_no_reason_to_start_another(
    service: OwnService,
) -> None:
    set_up(address="http://127.0.0.1:9", token="t")
    with pytest.raises(ServiceUnreachable, match="127.0.0.1:9 is not running"):
        ensure_service()
    assert not service.file.exists()


@pytest.mark.parametrize(
    ("version", "protocol", "remedy"),
    [
        ("0.0.9", PROTOCOL, "needs 0.1.0.*install the newer version for it"),
        ("0.0.9", PROTOCOL - 1, "speaks protocol 0.*install the newer version for it"),
        ("9.0.0", PROTOCOL + 1, "speaks protocol 2.*Update this program"),
    ],
)
def test_a_service_of_another_version_is_refused_and_the_side_to_update_named(
    service: OwnService, version: str, protocol: int, remedy: str
) -> None:
    def answer(request: Any) -> None:
        said = {"status": "ready", "version": version, "protocol": protocol, "jobs": []}
        send(request, 200, json.dumps(said), "application/json")

    service.file.parent.mkdir(parents=True)
    with stranger(answer) as address:
        runtime = Runtime(address, "t", os.getpid(), "", version, protocol, "")
        runtime.write(service.file)
        with pytest.raises(ServiceMismatch, match=remedy):
            ensure_service()
    assert read_runtime(service.file) == runtime  # it was left alone


def test_an_interpreter_in_the_settings_that_is_none_is_named(service: OwnService) -> None:
    set_up(python="/nowhere/python")
    with pytest.raises(SettingsUnusable, match=r"/nowhere/python.*settings\.json"):
        ensure_service()


def test_an_interpreter_without_the_product_says_so_at_once(
    service: OwnService, tmp_path: Path
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    set_up(python=str(bare))
    with pytest.raises(ServiceDidNotStart, match="No module named"):
        ensure_service()


def test_the_environment_of_the_sources_is_found_without_a_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    monkeypatch.setattr(launcher, "manifest_file", lambda: tmp_path / "manifest.json")
    monkeypatch.setattr(sys, "executable", "/opt/Nuke16/Nuke16.0")
    argv = launch_argv(service_facts(), {})
    assert argv[0] == str(tmp_path / ".venv/bin/python")


def test_the_program_of_the_host_is_never_taken_for_an_interpreter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host = tmp_path / "Nuke16.0"
    host.symlink_to(sys.executable)
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path))
    monkeypatch.setattr(launcher, "manifest_file", lambda: tmp_path / "manifest.json")
    monkeypatch.setattr(sys, "executable", str(host))
    with pytest.raises(ServiceDidNotStart, match=r"service\.python in .*settings\.json"):
        launch_argv(service_facts(), {})


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("{", "cannot be read"),
        ('{"manifest_version": 1}', "cannot be read.*service"),
        ('{"manifest_version": 2, "version": "3.0.0"}', "version 2.*3.0.0"),
        (None, "cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(
    tmp_path: Path, content: str | None, seen: str
) -> None:
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ServiceDidNotStart, match=seen):
        service_facts(path)


def test_nothing_but_the_standard_library_is_loaded(repository: Path) -> None:
    program = (
        "import sys; before = set(sys.modules); import plugin.launcher, tokenflow.scripted_client;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=repository
    )
    strangers = set(ran.stdout.split()) - sys.stdlib_module_names
    assert {name for name in strangers if not re.match("_", name)} == {
        "ocio",
        "plugin",
        "tokenflow",
    }
