"""The service as processes: started once, found again, ended, and never left behind."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.patience import SOON
from tests.tokenflow.own_service import LONG, OwnService
from tests.tokenflow.played import Played
from tokenflow.errors import ServiceDidNotStart, ServiceUnreachable
from tokenflow.runtime import START_SECONDS, find, lock_of, own_argv, read_runtime, stop


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnService]:
    """A service of this test's own, not started yet."""
    monkeypatch.setenv("TOKENFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    own = OwnService(tmp_path / "home")
    yield own
    own.end()


@pytest.fixture
def played(service: OwnService, tiny_checkpoint: Path, demo_plate: Path) -> Played:
    """Jobs for it; it is started."""
    service.options += ["--root", str(demo_plate), "--root", str(tiny_checkpoint)]
    plate = str(demo_plate / "plate.####.exr")
    return Played(service.start(), plate, str(tiny_checkpoint), service.folder / "jobs")


def test_many_launchers_at_the_same_moment_get_one_service(service: OwnService) -> None:
    launchers = [service.command("start") for _ in range(4)]
    said = [launcher.communicate(timeout=LONG) for launcher in launchers]
    assert [launcher.returncode for launcher in launchers] == [0] * 4, said
    assert len({out for out, _ in said}) == 1
    assert said[0][0].startswith(service.runtime.address)
    started = service.log.read_text()
    assert started.count("listening at") == 1


def test_address_and_token_are_for_the_users_eyes_only_and_go_when_it_ends(
    service: OwnService,
) -> None:
    service.start()
    assert service.file.stat().st_mode & 0o777 == 0o600
    assert service.file.parent.stat().st_mode & 0o077 == 0
    assert service.runtime.pid == service.processes()[0].pid
    assert stop(service.file)
    assert not service.file.exists()
    assert [each.name for each in service.file.parent.iterdir()] == ["service.json.lock"]


def test_a_second_service_in_the_foreground_ends_at_once_and_says_why(service: OwnService) -> None:
    service.start()
    before = service.file.read_text()
    second = service.command()
    out, _ = second.communicate(timeout=LONG)
    assert second.returncode == 0
    assert f"runs already at {service.runtime.address}" in out
    assert service.file.read_text() == before


def test_a_service_of_ones_own_has_its_own_queue_and_log(
    service: OwnService, tmp_path: Path
) -> None:
    service.start()
    other = OwnService(service.folder)
    other.file = tmp_path / "other/mine.json"
    try:
        assert other.start().address != service.start().address
        found = {each.name for each in other.file.parent.iterdir()}
        assert found >= {"mine.json", "mine.log", "mine.queue"}
        assert (other.file.parent / "mine.queue/jobs.sqlite").exists()
        assert other.runtime.log == str(other.file.parent / "mine.log")
    finally:
        other.end()


def test_a_queue_never_belongs_to_two_services(service: OwnService, tmp_path: Path) -> None:
    service.start()
    settings = {"service": {"data": str(service.folder / "data")}}
    home = tmp_path / "another machine"
    (home / "config").mkdir(parents=True)
    (home / "config/settings.json").write_text(json.dumps(settings))
    other = subprocess.run(
        [*own_argv(), "--device", "cpu"],
        env={**os.environ, "TOKENFLOW_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert other.returncode == 73
    assert f"belongs to another service, process {service.runtime.pid} on" in other.stderr
    assert service.lives


def test_the_file_of_a_killed_service_is_stale_and_no_process_of_it_is_left(
    service: OwnService,
) -> None:
    client = service.start()
    service.wait_until(lambda: len(service.processes()) >= 3)  # worker and viewer
    service.wait_until(lambda: client.health().status == "ready")
    old, family = service.runtime, service.processes()
    service.kill()
    service.wait_until(lambda: not any(map(runs, family)), SOON)
    assert service.file.exists()
    assert find(service.file) is None
    assert not stop(service.file)
    service.start()
    assert service.runtime.pid != old.pid


def runs(process: psutil.Process) -> bool:
    """Whether a process does anything; one that has only not been waited for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_stale_file_never_costs_another_process_its_life(service: OwnService) -> None:
    service.start()
    runtime = service.runtime
    service.kill()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        replace(runtime, pid=innocent.pid).write(service.file)
        assert not stop(service.file)
        assert innocent.poll() is None


def test_a_service_that_hangs_is_killed_but_only_if_it_is_the_one_of_the_file(
    service: OwnService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.start()
    monkeypatch.setattr("tokenflow.transport.CALL_SECONDS", 0.3)
    runtime = service.runtime
    os.kill(runtime.pid, signal.SIGSTOP)
    replace(runtime, started="another boot/1").write(service.file)
    with pytest.raises(ServiceUnreachable, match="does not end"):
        stop(service.file, seconds=0.5)
    assert runs(psutil.Process(runtime.pid))
    runtime.write(service.file)
    assert stop(service.file, seconds=0.5)
    assert not service.lives


def test_a_service_whose_place_another_takes_at_once_counts_as_ended(service: OwnService) -> None:
    service.start()
    taken, released = threading.Event(), threading.Event()

    def take() -> None:
        with lock_of(service.file).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            taken.set()
            released.wait(LONG)

    other = threading.Thread(target=take)
    other.start()
    time.sleep(0.1)  # so that it waits for the lock as the next in line
    try:
        assert stop(service.file)
        assert taken.wait(LONG)
    finally:
        released.set()
        other.join()


def test_it_ends_by_itself_when_nobody_needs_it(service: OwnService) -> None:
    service.start("--idle-exit", "1")
    service.wait_until(lambda: not service.lives)
    assert not service.file.exists()
    assert re.search(r"nobody has needed the service for [1-9]\d* s", service.log.read_text())


def test_it_stays_while_somebody_calls(service: OwnService) -> None:
    # So that no call comes too late on a machine that is busy for a while.
    client = service.start("--idle-exit", "5")
    until = time.monotonic() + 8.0
    while time.monotonic() < until:
        client.device()
        time.sleep(0.3)
    assert service.lives


def test_it_stays_while_a_job_runs_and_nobody_looks(
    service: OwnService, tiny_checkpoint: Path, demo_plate: Path
) -> None:
    service.options += ["--root", str(demo_plate.parent), "--root", str(tiny_checkpoint.parent)]
    client = service.start("--idle-exit", "3")
    plate = str(demo_plate / "plate.####.exr")
    played = Played(client, plate, str(tiny_checkpoint), service.folder / "jobs")
    client.submit(played.job("alone"))
    service.wait_until(lambda: not service.lives)
    assert len([*(service.folder / "jobs/alone").glob("*.exr")]) == 5


def test_it_outlives_the_host_that_started_it(service: OwnService) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tokenflow.runtime import ensure;"
        f"ensure({service.argv()!r}, Path({str(service.file)!r}));"
        "print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == "up\n"
        os.killpg(host.pid, signal.SIGKILL)
    found = find(service.file)
    assert found is not None
    assert found.health().status in ("starting", "ready")


def test_what_a_host_sets_for_its_own_libraries_does_not_reach_it(
    service: OwnService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    monkeypatch.setenv("QT_PLUGIN_PATH", str(tmp_path))
    service.start()
    for process in service.processes():
        assert not process.environ().keys() & {
            "PYTHONHOME",
            "PYTHONPATH",
            "LD_LIBRARY_PATH",
            "QT_PLUGIN_PATH",
        }


def test_a_proxy_for_the_outer_world_does_not_come_between(
    service: OwnService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert service.start().device()["devices"]


def test_a_service_that_cannot_start_says_why_at_once(service: OwnService) -> None:
    (service.folder / "config").mkdir(parents=True)
    (service.folder / "config/settings.json").write_text('{"service": {"roots": "/shows"}}')
    begun = time.monotonic()
    with pytest.raises(ServiceDidNotStart, match=r"exit code 78.*service\.roots must be") as caught:
        service.start()
    assert time.monotonic() - begun < START_SECONDS
    assert str(service.folder / "log/service-start.log") in str(caught.value)


def test_a_service_that_does_not_answer_in_time_is_ended_and_its_last_words_are_told(
    service: OwnService,
) -> None:
    from tokenflow.runtime import ensure

    slow = [sys.executable, "-c", "import time; print('loading', flush=True); time.sleep(60)"]
    with pytest.raises(ServiceUnreachable, match=r"within 1 s: loading.*service-start\.log"):
        ensure(slow, service.file, seconds=1.0)


def test_a_running_job_goes_on_when_the_service_is_started_again(
    service: OwnService, played: Played
) -> None:
    job_id = played.client.submit(played.job("goes on", steps=12, inversion_steps=12))
    played.wait(job_id, "running")
    family = service.processes()
    begun = time.monotonic()
    assert stop(service.file)
    assert time.monotonic() - begun < SOON
    assert not any(map(runs, family))
    again = replace(played, client=service.start())
    assert again.client.job(job_id).state in ("queued", "running")
    again.wait(job_id, "done", "failed")
    assert again.client.job(job_id).error is None
    assert len([*(service.folder / "jobs/goes on").glob("*.exr")]) == 5


def test_a_second_ctrl_c_is_not_needed(service: OwnService) -> None:
    foreground = service.command("--idle-exit", "60")
    service.wait_until(service.file.exists)
    foreground.send_signal(signal.SIGINT)
    out, err = foreground.communicate(timeout=LONG)
    assert foreground.returncode == 0, err
    assert "listening at http://127.0.0.1:" in out
    assert "Traceback" not in err
    assert not service.file.exists()


def test_status_is_readable_for_programs(service: OwnService) -> None:
    client = service.start()
    status = service.command("status")
    seen = json.loads(status.communicate(timeout=LONG)[0])
    assert seen["address"] == client.address
    assert seen["pid"] == service.runtime.pid
    assert seen["log"] == str(service.log)
    assert read_runtime(service.file) is not None


def test_status_of_nothing_is_worth_trying_again(service: OwnService) -> None:
    status = service.command("status")
    _, err = status.communicate(timeout=LONG)
    assert status.returncode == 75
    assert "tokenflow serve start" in err
