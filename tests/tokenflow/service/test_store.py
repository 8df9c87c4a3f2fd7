from __future__ import annotations

import sqlite3
import stat
import threading
import time
from pathlib import Path

import pytest

from tokenflow.errors import (
    DatabaseTooNew,
    DatabaseUnusable,
    InvalidJob,
    JobBusy,
    UnknownJob,
)
from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.service.schema import MIGRATIONS
from tokenflow.service.store import JobStore
from tokenflow.states import JobRecord, RunRequest

ERROR = {"code": "unreadable_frame", "message": "broken", "exit_code": 66, "retryable": False}


def job(name: str = "out", prompt: str = "a blue ball") -> EditJob:
    return EditJob(plate=Plate("/plate"), edit=Edit(prompt=prompt), output=Output(f"/{name}"))


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "queue.db")


def queue(store: JobStore, name: str, **request: int) -> str:
    return store.submit(job(name), RunRequest(**request))[0].id  # type: ignore[arg-type]


def states(store: JobStore, job_id: str) -> list[str]:
    return [event.data["state"] for event in store.events(job_id) if "state" in event.data]


def test_a_job_comes_back_as_it_went_in(store: JobStore) -> None:
    request = RunRequest(priority=3, overwrite=True, frames="1001-1003,1002")
    record, new = store.submit(job(), request)
    assert new
    assert store.job(record.id) == record
    assert (record.job, record.state, record.attempts) == (job(), "queued", 0)
    assert record.request == RunRequest(3, True, False, "1001-1003")
    assert JobRecord.from_json(record.to_json()) == record


def test_the_same_job_while_it_waits_or_runs_is_one_job(store: JobStore) -> None:
    first = queue(store, "out")
    assert store.submit(job(), RunRequest(priority=5))[0].id == first
    store.claim()
    assert store.submit(job(), RunRequest())[1] is False
    others = [
        store.submit(job("elsewhere"), RunRequest()),
        store.submit(job(prompt="a red ball"), RunRequest()),
        store.submit(job(), RunRequest(frames="1001")),
    ]
    assert all(new for _, new in others)
    store.finish(first, {})
    assert store.submit(job(), RunRequest())[1] is True


def test_the_higher_priority_goes_first_and_equals_in_their_order(store: JobStore) -> None:
    ids = {
        name: queue(store, name, priority=priority)
        for name, priority in [("a", 0), ("b", 5), ("c", 0), ("d", 5)]
    }
    store.set_priority(ids["c"], 9)
    taken = [store.claim() for _ in range(5)]
    assert [record and record.job.output.path for record in taken] == ["/c", "/b", "/d", "/a", None]


def test_a_claim_passes_over_what_waits(store: JobStore) -> None:
    first, second = queue(store, "a"), queue(store, "b")
    claimed = store.claim({first})
    assert claimed is not None and claimed.id == second
    assert store.claim({first}) is None


def test_a_job_is_claimed_once_however_many_ask(store: JobStore) -> None:
    for number in range(20):
        queue(store, f"out{number}")
    taken: list[str] = []

    def take() -> None:
        while record := store.claim():
            taken.append(record.id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 20


def test_the_events_of_a_job_tell_its_whole_story(store: JobStore) -> None:
    job_id = queue(store, "out")
    store.claim()
    store.requeue(job_id, ERROR)
    store.claim()
    store.fail(job_id, ERROR)
    told = [event.data for event in store.events(job_id)]
    assert [event["state"] for event in told] == ["queued", "running"] * 2 + ["failed"]
    assert [event["attempt"] for event in told] == [0, 1, 1, 2, 2]
    assert told[-1]["error"] == told[2]["error"] == ERROR


def test_events_grow_over_all_jobs_and_go_on_after_any_of_them(store: JobStore) -> None:
    first, second = queue(store, "a"), queue(store, "b")
    numbers = [
        store.add_event(job_id, {"event": "progress", "done": done})
        for done in range(3)
        for job_id in (first, second)
    ]
    assert numbers == sorted(set(numbers))
    assert [event.id for event in store.events(first, after=numbers[0])] == [numbers[2], numbers[4]]
    assert len(store.events(first, limit=2)) == 2


def test_of_previews_only_the_latest_is_kept(store: JobStore) -> None:
    job_id = queue(store, "out")
    for step in range(3):
        store.add_event(job_id, {"event": "preview", "step": step})
        store.add_event(job_id, {"event": "progress", "done": step})
    kept = [event.data["step"] for event in store.events(job_id) if "step" in event.data]
    assert kept == [2]
    assert len(store.events(job_id)) == 1 + 3 + 1


def test_a_job_that_was_running_when_the_service_died_is_queued_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    before = JobStore(path)
    running, waiting = queue(before, "a"), queue(before, "b")
    before.claim()
    before.add_event(running, {"event": "progress", "done": 1}, {"fraction": 0.5})
    # No close: a killed process does not either.
    after = JobStore(path)
    assert [record.id for record in after.recover()] == [running]
    again = after.job(running)
    assert (again.state, again.request.resume, again.progress) == (
        "queued",
        True,
        {"fraction": 0.5},
    )
    assert after.job(waiting).request.resume is False
    claimed = after.claim()
    assert claimed is not None and claimed.id == running


def test_an_attempt_that_the_service_itself_ended_does_not_count(store: JobStore) -> None:
    job_id = queue(store, "out")
    store.claim()
    assert store.requeue(job_id, counted=False).attempts == 0


def test_a_running_job_that_is_to_stop_is_never_queued_again(store: JobStore) -> None:
    job_id = queue(store, "out")
    store.claim()
    assert store.stop(job_id).state == "running"
    assert store.requeue(job_id, ERROR).state == "cancelled"
    assert states(store, job_id) == ["queued", "running", "cancelled"]
    store.retry(job_id)
    store.claim()
    assert store.requeue(job_id, ERROR).state == "queued"
    assert store.stop(job_id).state == "cancelled"


def test_a_job_that_is_to_stop_is_not_taken_up_after_a_crash_of_the_service(
    store: JobStore,
) -> None:
    job_id = queue(store, "out")
    store.claim()
    store.stop(job_id)
    after = JobStore(store.path)
    assert [record.state for record in after.recover()] == ["cancelled"]
    assert after.claim() is None


def test_of_the_jobs_that_have_ended_only_the_newest_are_kept(store: JobStore) -> None:
    ids = [queue(store, name) for name in "abcd"]
    for job_id in ids[1:]:
        store.cancel(job_id)
    store.forget_all_but(1)
    assert [record.id for record in store.jobs()] == [ids[3], ids[0]]


def test_a_cancelled_job_stays_cancelled(store: JobStore) -> None:
    job_id = queue(store, "out")
    assert store.cancel(job_id).state == "cancelled"
    assert store.claim() is None
    assert store.finish(job_id, {}).state == "cancelled"
    assert states(store, job_id) == ["queued", "cancelled"]


def test_a_job_that_has_ended_can_be_tried_again_and_goes_on(store: JobStore) -> None:
    job_id = queue(store, "out")
    with pytest.raises(JobBusy, match="queued"):
        store.retry(job_id)
    store.claim()
    store.fail(job_id, ERROR)
    again = store.retry(job_id)
    assert (again.state, again.attempts, again.error) == ("queued", 0, None)
    assert again.request.resume


def test_a_job_is_not_tried_again_beside_its_twin(store: JobStore) -> None:
    first = queue(store, "out")
    store.cancel(first)
    queue(store, "out")
    with pytest.raises(JobBusy, match="another id"):
        store.retry(first)
    assert store.job(first).state == "cancelled"


def test_a_deleted_job_is_forgotten_with_its_events(store: JobStore) -> None:
    job_id = queue(store, "out")
    with pytest.raises(JobBusy):
        store.delete(job_id)
    store.cancel(job_id)
    store.delete(job_id)
    for ask in (store.job, store.events, store.retry, store.cancel, store.delete):
        with pytest.raises(UnknownJob):
            ask(job_id)
    with pytest.raises(UnknownJob):
        store.add_event(job_id, {"event": "progress"})


def test_jobs_are_listed_page_by_page_the_newest_first(store: JobStore) -> None:
    ids = [queue(store, f"out{number}") for number in range(5)]
    store.cancel(ids[2])
    page = store.jobs(limit=2)
    assert [record.id for record in page] == [ids[4], ids[3]]
    assert [record.id for record in store.jobs(before=page[-1].id)] == [ids[2], ids[1], ids[0]]
    assert [record.id for record in store.jobs(state="cancelled")] == [ids[2]]
    assert store.count("queued") == 4


def test_listeners_hear_of_each_change_after_it_is_on_disk(store: JobStore) -> None:
    heard: list[tuple[str, str]] = []
    woken: list[int] = []
    store.on_change = lambda job_id: heard.append((job_id, store.job(job_id).state))
    store.on_queued = lambda: woken.append(len(heard))
    job_id = queue(store, "out")
    store.claim()
    store.requeue(job_id)
    store.cancel(job_id)
    assert [state for _, state in heard] == ["queued", "running", "queued", "cancelled"]
    assert woken == [1, 3]


def test_a_change_that_fails_leaves_nothing_and_tells_nobody(store: JobStore) -> None:
    job_id = queue(store, "out")
    store.on_change = lambda changed: pytest.fail("nothing has changed")
    with pytest.raises(InvalidJob):
        store.set_priority(job_id, 10**6)
    assert store.job(job_id).request.priority == 0


def test_the_queue_is_for_its_owner_alone(store: JobStore) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_the_queue_of_an_older_version_is_taken_over(tmp_path: Path, store: JobStore) -> None:
    job_id = queue(store, "out")
    row = dict(store._connection.execute("SELECT * FROM jobs").fetchone())
    path = tmp_path / "older.db"
    del row["unwanted"]
    with sqlite3.connect(path) as older:
        older.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1;")
        marks = ", ".join("?" * len(row))
        older.execute(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({marks})", [*row.values()])
    older.close()
    taken_over = JobStore(path)
    claimed = taken_over.claim()
    assert claimed is not None and claimed.id == job_id
    assert taken_over.stop(job_id).state == "running"


def test_a_database_of_a_newer_version_is_refused_and_left_alone(store: JobStore) -> None:
    queue(store, "out")
    store.close()
    with sqlite3.connect(store.path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    before = store.path.read_bytes()
    with pytest.raises(DatabaseTooNew) as caught:
        JobStore(store.path)
    assert caught.value.exit_code == 78
    assert str(store.path) in str(caught.value) and "Update" in str(caught.value)
    assert store.path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(DatabaseUnusable, match=r"queue\.db"):
        JobStore(path)
    assert path.read_bytes() == b"something else entirely" * 100


def test_a_full_disk_is_told_and_loses_nothing(store: JobStore) -> None:
    first = queue(store, "out")
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseUnusable, match="full"):
        for number in range(100):
            queue(store, f"out{number}")
    store._connection.execute("PRAGMA max_page_count = 100000")
    assert store.job(first).state == "queued"
    assert queue(store, "another")


def test_what_time_it_is_decides_nothing(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    for name, moment in [("a", now), ("b", now - 1e8), ("c", now + 1e8)]:
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        queue(store, name)
    taken = [store.claim() for _ in range(3)]
    assert [record and record.job.output.path for record in taken] == ["/a", "/b", "/c"]


@pytest.mark.parametrize("frames", ["", "5-1", "x"])
def test_frames_that_are_no_range_are_refused_at_the_door(frames: str) -> None:
    with pytest.raises(Exception, match="frame"):
        RunRequest(frames=frames)
