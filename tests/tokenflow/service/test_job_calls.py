"""The calls about jobs, over a real socket; nothing is computed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.patience import SOON
from tests.tokenflow.service.doors import Answer, Front, running_front
from tokenflow.job import EditJob, job_schema


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with running_front(tmp_path) as running:
        yield running


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    return {
        "schema": "tokenflow.job/1",
        "plate": {"path": str(tmp_path / "plate.####.exr")},
        "edit": {"prompt": "a blue ball"},
        "output": {"path": str(tmp_path / "edit.####.exr")},
    }


def with_seed(job: dict[str, Any], seed: int) -> dict[str, Any]:
    return {**job, "edit": {**job["edit"], "seed": seed}}


def assert_refused(answer: Answer, status: int, code: str, *named: str) -> None:
    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    text = answer.error["message"] + answer.error["hint"]
    assert all(words in text for words in named), text


def test_a_job_is_queued_and_can_be_looked_at(front: Front, job: dict[str, Any]) -> None:
    answer = front.ask("POST", "/v1/jobs?priority=3&resume=true&frames=1001-1002,1004", job)
    assert answer.status == 201
    record = front.ask("GET", f"/v1/jobs/{answer.json['id']}").json
    assert record["state"] == answer.json["state"] == "queued"
    assert record["job"] == EditJob.from_json(job).to_json()
    assert record["request"] == {
        **{"priority": 3, "overwrite": False, "resume": True},
        "frames": "1001-1002,1004",
    }
    assert front.ask("GET", "/v1/jobs").json == {"jobs": [record]}


def test_the_same_job_twice_is_one_job(front: Front, job: dict[str, Any]) -> None:
    first, second = front.ask("POST", "/v1/jobs", job), front.ask("POST", "/v1/jobs", job)
    assert (first.status, second.status) == (201, 200)
    assert first.json["id"] == second.json["id"]
    other = front.ask("POST", "/v1/jobs?frames=1001", job)
    assert other.status == 201 and other.json["id"] != first.json["id"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"schema": "tokenflow.job/2"}',
        b'{"schema": 1' + b"0" * 5000 + b"}",
        b"[" * 5000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"schema": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"schema": "\\ud800"}',
        b'{"\\ud800": 1, "\\ud800": 2}',
        b'{"schema": "tokenflow.job/1", "\\udfff": NaN}',
    ],
)
def test_a_body_that_is_no_job_is_refused_in_words(front: Front, body: bytes) -> None:
    answer = front.ask("POST", "/v1/jobs", body)
    assert_refused(answer, 422, "invalid_job")
    assert front.ask("GET", "/v1/jobs").json == {"jobs": []}


def test_a_field_that_is_wrong_is_named(front: Front, job: dict[str, Any]) -> None:
    job["edit"]["steps"] = 0
    assert_refused(front.ask("POST", "/v1/jobs", job), 422, "invalid_job", "edit.steps")


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ("frames=5-3", "invalid_frame_range", "backwards"),
        ("frames=", "invalid_frame_range", "1001-1048x2"),
        ("frames=" + "9" * 5000, "invalid_job", "frames"),
        ("priority=1001", "invalid_request", "priority"),
        ("priority=many", "invalid_request", "priority"),
        ("overwrite=true&resume=true", "invalid_job", "exclude"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    front: Front, job: dict[str, Any], query: str, code: str, named: str
) -> None:
    assert_refused(front.ask("POST", f"/v1/jobs?{query}", job), 422, code, named)


def test_a_job_with_another_users_path_is_refused(front: Front, job: dict[str, Any]) -> None:
    job["plate"]["path"] = "/root-of-somebody-else/shot.####.exr"
    answer = front.ask("POST", "/v1/jobs", job)
    assert_refused(answer, 403, "path_not_allowed", "/root-of-somebody-else", "--root")
    assert front.ask("GET", "/v1/jobs").json == {"jobs": []}


def test_jobs_come_in_pages_newest_first_and_by_state(front: Front, job: dict[str, Any]) -> None:
    ids = [front.ask("POST", "/v1/jobs", with_seed(job, n)).json["id"] for n in range(5)]
    front.ask("POST", f"/v1/jobs/{ids[3]}/cancel")

    def listed(query: str) -> list[str]:
        return [each["id"] for each in front.ask("GET", f"/v1/jobs?{query}").json["jobs"]]

    assert listed("limit=2") == [ids[4], ids[3]]
    assert listed(f"limit=2&before={ids[3]}") == [ids[2], ids[1]]
    assert listed("state=cancelled") == [ids[3]]
    assert_refused(front.ask("GET", "/v1/jobs?state=lost"), 422, "invalid_request", "state")
    assert_refused(front.ask("GET", "/v1/jobs?limit=0"), 422, "invalid_request", "limit")
    assert_refused(front.ask("GET", "/v1/jobs?before=nothing"), 404, "unknown_job", "nothing")


def test_a_job_is_cancelled_tried_again_and_forgotten(front: Front, job: dict[str, Any]) -> None:
    where = "/v1/jobs/" + front.ask("POST", "/v1/jobs", job).json["id"]
    assert_refused(front.ask("POST", f"{where}/retry"), 409, "job_busy", "Cancel")
    assert_refused(front.ask("DELETE", where), 409, "job_busy", "Cancel")
    assert front.ask("POST", f"{where}/cancel").json["state"] == "cancelled"
    assert front.ask("POST", f"{where}/retry").json["state"] == "queued"
    assert front.ask("POST", f"{where}/cancel").json["state"] == "cancelled"
    gone = front.ask("DELETE", where)
    assert (gone.status, gone.body) == (204, b"")
    assert_refused(front.ask("GET", where), 404, "unknown_job", "list the jobs")


def test_a_job_moves_in_the_queue(front: Front, job: dict[str, Any]) -> None:
    where = "/v1/jobs/" + front.ask("POST", "/v1/jobs", job).json["id"]
    assert front.ask("PATCH", where, {"priority": 7}).json["request"]["priority"] == 7
    wrongs: list[Any] = [{"priority": 2000}, {"priority": "7"}, {"state": "done"}, {}, [], 5]
    for wrong in wrongs:
        assert_refused(front.ask("PATCH", where, wrong), 422, "invalid_request")


def test_a_body_that_is_not_marked_as_json_is_answered_with_how_to_mark_it(front: Front) -> None:
    unmarked = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = front.ask("POST", "/v1/plates/inspect", {"path": "/plates"}, headers=unmarked)
    assert_refused(answer, 422, "invalid_request", "send Content-Type: application/json")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("GET", "/v1/jobs/{}"), ("DELETE", "/v1/jobs/{}"), ("POST", "/v1/jobs/{}/cancel")],
        *[("POST", "/v1/jobs/{}/retry"), ("GET", "/v1/jobs/{}/events")],
        *[("GET", "/v1/jobs/{}/frames/1.png"), ("GET", "/v1/jobs/{}/frames/-1.jpg")],
    ],
)
def test_a_job_that_is_not_there_is_named(front: Front, method: str, path: str) -> None:
    assert_refused(front.ask(method, path.format("00ff")), 404, "unknown_job", "00ff")


def test_a_call_that_is_not_there_has_an_error_body_too(front: Front) -> None:
    assert_refused(front.ask("GET", "/v2/jobs"), 404, "not_found", "/v2/jobs")
    answer = front.ask("PUT", "/v1/jobs", {})
    assert_refused(answer, 405, "method_not_allowed", "PUT")
    assert "POST" in answer.headers["allow"] or "GET" in answer.headers["allow"]
    assert_refused(front.ask("GET", "/docs"), 404, "not_found")


def test_a_fault_of_ours_names_the_log_and_tells_nothing_else(
    front: Front, job: dict[str, Any], tmp_path: Path
) -> None:
    front.ask("POST", "/v1/jobs", job)
    front.store._connection.execute("UPDATE jobs SET job = '{broken'")
    answer = front.ask("GET", "/v1/jobs")
    assert_refused(answer, 500, "internal_error", str(tmp_path / "service.log"))
    assert "Traceback" not in answer.body.decode() and "JSONDecode" not in answer.body.decode()
    assert front.ask("GET", "/v1/health").status == 200


def test_200_jobs_at_once_are_200_jobs_in_the_queue(front: Front, job: dict[str, Any]) -> None:
    def submit(seed: int) -> str:
        # Each is sent twice: 200 jobs, not 400.
        answers = [front.ask("POST", "/v1/jobs", with_seed(job, seed)) for _ in range(2)]
        assert sorted(answer.status for answer in answers) == [200, 201]
        return str(answers[0].json["id"])

    with ThreadPoolExecutor(20) as threads:
        ids = list(threads.map(submit, range(200)))
    queued = front.ask("GET", "/v1/jobs?state=queued&limit=1000").json["jobs"]
    assert len(set(ids)) == 200
    assert {each["id"] for each in queued} == set(ids) and len(queued) == 200


def test_shutdown_ends_streams_and_asks_the_process_to_end(
    front: Front, job: dict[str, Any]
) -> None:
    job_id = front.ask("POST", "/v1/jobs", job).json["id"]
    with ThreadPoolExecutor(1) as threads:
        stream = threads.submit(front.ask, "GET", f"/v1/jobs/{job_id}/events")
        while not front.door.presence.streams:
            assert not stream.done()
        answer = front.ask("POST", "/v1/shutdown")
        assert (answer.status, answer.json["status"]) == (202, "draining")
        assert stream.result(SOON).status == 200
    assert front.asked_to_end.is_set()


def test_the_description_is_whole(front: Front) -> None:
    described = front.ask("GET", "/openapi.json").json
    calls = {
        (method, path): call
        for path, methods in described["paths"].items()
        for method, call in methods.items()
    }
    assert len(calls) == 18
    for name, call in calls.items():
        assert call["description"], name
        assert "default" in call["responses"], name
        assert ("security" in call) is (name != ("get", "/v1/health")), name
    body = calls["post", "/v1/jobs"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["properties"].keys() == job_schema()["properties"].keys()
    EditJob.from_json(body["example"])
    text = json.dumps(described)
    assert "HTTPValidationError" not in text  # every error has the one body
