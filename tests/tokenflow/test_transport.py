from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from itertools import islice
from typing import Any

import pytest

import ocio.errors
import tokenflow.errors
from ocio.errors import MissingFrames, OcioError, UnreadableFrame
from tests.tokenflow.stranger import send, stranger
from tokenflow import client as client_module
from tokenflow import transport
from tokenflow.client import HttpClient
from tokenflow.errors import (
    JobBusy,
    NoPermission,
    ServiceBusy,
    ServiceMismatch,
    ServiceRefused,
    ServiceUnreachable,
    TokenFlowError,
    error_json,
)
from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.states import JobRecord, JobState, RunRequest
from tokenflow.transport import read_error

JOB = EditJob(plate=Plate("/p.####.exr"), edit=Edit(prompt="a"), output=Output("/o.####.exr"))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "<html>hello</html>", ServiceMismatch),
        (502, "<html>Bad Gateway</html>", ServiceMismatch),
        (500, "", ServiceMismatch),
        (404, '["not", "found"]', ServiceMismatch),
        (500, '{"error": "text"}', ServiceMismatch),
        (200, "[" * 100_000, ServiceMismatch),
        (200, '{"status": "ready"}', ServiceMismatch),
        (302, "", ServiceMismatch),
        (401, '{"error": {"code": "wrong_token"}}', NoPermission),
        (418, '{"error": {"code": "teapot", "message": "short and stout"}}', ServiceRefused),
        (429, '{"error": {"code": "crowd", "retryable": true}}', ServiceBusy),
    ],
)
def test_an_answer_that_is_not_what_was_expected_never_makes_a_second_error(
    status: int, body: str, kind: type[TokenFlowError]
) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, status, body)

    with stranger(answer) as address, pytest.raises(kind) as caught:
        HttpClient(address, "t").health()
    assert type(caught.value) is kind
    assert address in str(caught.value) or caught.value.message in body


def test_a_service_that_is_not_there_is_named_with_its_log() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = HttpClient(f"http://127.0.0.1:{unused.getsockname()[1]}", "t", log="/l/s.log")
        with pytest.raises(ServiceUnreachable, match=r"is not running.*/l/s\.log"):
            client.health()


def test_a_service_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CALL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        client = HttpClient(f"http://127.0.0.1:{deaf.getsockname()[1]}", "t")
        with pytest.raises(ServiceUnreachable, match="does not answer"):
            client.health()


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1:80", "https://127.0.0.1:80", "http://127.0.0.1", "http://:80", "http://a:b"],
)
def test_what_is_no_address_is_said_at_once(address: str) -> None:
    with pytest.raises(ServiceMismatch, match="no address"):
        HttpClient(address, "t")


def test_the_token_goes_along_and_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers["Authorization"])
        send(request, 200, "{}", "application/json")

    with stranger(answer) as address:
        HttpClient(address, "secret").device()
    assert seen == ["Bearer secret"]


def every_error() -> list[OcioError | TokenFlowError]:
    found: dict[str, OcioError | TokenFlowError] = {}
    for each in (*vars(ocio.errors).values(), *vars(tokenflow.errors).values()):
        if isinstance(each, type) and issubclass(each, OcioError | TokenFlowError):
            error = each("it broke", hint="mend it", path="/a/b.exr")
            found[error.code] = error
    return [*found.values()]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.code)
def test_every_error_comes_back_as_the_class_that_was_raised(
    error: OcioError | TokenFlowError,
) -> None:
    back = read_error(json.loads(json.dumps(error_json(error))))
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_an_error_comes_back_with_its_frame() -> None:
    back = read_error(error_json(UnreadableFrame("cut short", frame=-3, path="/a.exr")))
    assert (back.frame, str(back.path)) == (-3, "/a.exr")
    assert read_error(error_json(MissingFrames("gone", frames=[7]))).message == "gone"


@pytest.mark.parametrize("document", [{}, {"code": None, "message": None, "frame": "x", "path": 3}])
def test_half_an_error_is_an_error_too(document: dict[str, Any]) -> None:
    assert isinstance(read_error(document), ServiceRefused)


def test_an_error_of_the_service_is_raised_as_the_leaf() -> None:
    body = json.dumps({"error": error_json(JobBusy("the job a is running", hint="Cancel it."))})

    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, 409, body, "application/json")

    with stranger(answer) as address, pytest.raises(JobBusy, match="is running. Cancel it"):
        HttpClient(address, "t").retry("a")


class Breaking:
    """A service whose event streams break off after a few events, in the middle of one."""

    def __init__(self, count: int, at_once: int) -> None:
        self.count, self.at_once = count, at_once
        self.asked: list[int] = []

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        if not request.path.endswith("/events"):
            state: JobState = "done" if self.asked and self.asked[-1] >= self.count else "running"
            if self.asked and self.asked[-1] + self.at_once >= self.count:
                state = "done"
            record = JobRecord("j", JOB, RunRequest(), state, 0.0)
            send(request, 200, json.dumps(record.to_json()), "application/json")
            return
        after = int(request.headers["Last-Event-ID"])
        self.asked.append(after)
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        request.wfile.write(b": still here\n\nretry: 100\n\n")
        last = min(after + self.at_once, self.count)
        for number in range(after + 1, last + 1):
            data = json.dumps({"event": "progress", "done": number})
            request.wfile.write(f"id: {number}\nevent: progress\ndata: {data}\n\n".encode())
        if last < self.count:
            request.wfile.write(f'id: {last + 1}\nevent: progress\ndata: {{"eve'.encode())


def test_a_stream_that_breaks_loses_and_repeats_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RECONNECT_SECONDS", 0.01)
    breaking = Breaking(10, 3)
    with stranger(breaking) as address:
        events = list(islice(HttpClient(address, "t").events("j"), 20))
    assert [event.id for event in events] == list(range(1, 11))
    assert [event.data["done"] for event in events] == list(range(1, 11))
    assert breaking.asked[:4] == [0, 3, 6, 9]


def test_a_service_that_stays_away_is_given_up_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(client_module, "RECONNECT_SECONDS", 0.01)
    with stranger(Breaking(10, 3)) as address:
        events = HttpClient(address, "t").events("j")
        seen = [next(events)]
    with pytest.raises(ServiceUnreachable, match="is not running"):
        seen.extend(events)
    assert [event.id for event in seen] == [1, 2, 3]


def test_a_silent_stream_is_taken_for_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(client_module, "RECONNECT_SECONDS", 0.01)
    free = threading.Event()
    breaking = Breaking(4, 2)

    def answer(request: BaseHTTPRequestHandler) -> None:
        breaking(request)
        if request.path.endswith("/events") and len(breaking.asked) == 1:
            request.wfile.flush()
            free.wait(10)

    with stranger(answer) as address:
        events = list(islice(HttpClient(address, "t").events("j"), 20))
        free.set()
    assert [event.id for event in events] == [1, 2, 3, 4]


def test_a_stream_that_nobody_wants_ends_at_the_next_comment() -> None:
    free = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, 200, 'id: 7\ndata: {"event": "state"}\n\n: still here\n')
        request.wfile.flush()
        free.wait(60)

    with stranger(answer) as address:
        heard: list[int] = []
        for number, _ in transport.Transport(address, "t").stream("/e", 0, lambda: not heard):
            heard.append(number)
        free.set()
    assert heard == [7]


def test_an_event_over_several_lines_is_put_together() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, 200, 'id: 7\r\ndata: {"event":\r\ndata: "state"}\r\n\r\n')

    with stranger(answer) as address:
        found = list(transport.Transport(address, "t").stream("/v1/jobs/j/events", 0))
    assert found == [(7, {"event": "state"})]


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.submit(JOB),
        lambda client: client.jobs(),
        lambda client: client.models(),
        lambda client: client.job("a"),
    ],
)
def test_an_object_without_what_belongs_into_it_is_no_answer(
    call: Callable[[HttpClient], Any],
) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        send(request, 200, "{}", "application/json")

    with stranger(answer) as address, pytest.raises(ServiceMismatch):
        call(HttpClient(address, "t"))
