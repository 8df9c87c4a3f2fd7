"""Who comes in, by which name, and with how much luggage."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import psutil
import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.tokenflow.service.doors import LONG, TOKEN, Front, head, running_front
from tokenflow.service import presence
from tokenflow.service.guard import LARGEST_BODY, Guard
from tokenflow.service.presence import Presence


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("front")) as running:
        yield running


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/device", "/openapi.json", "/nothing", "/"])
def test_every_call_but_health_needs_the_token(front: Front, path: str) -> None:
    answer = front.ask("GET", path, token=None)
    assert (answer.status, answer.error["code"]) == (401, "no_token")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert front.ask("GET", "/v1/health", token=None).status == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.upper(), "\xfc"])
def test_a_wrong_token_is_refused(front: Front, token: str) -> None:
    answer = front.ask("GET", "/v1/jobs", token=token)
    assert (answer.status, answer.error["code"]) == (401, "wrong_token")
    assert "service.json" in answer.error["hint"]


@pytest.mark.parametrize("value", [f"Basic {TOKEN}", TOKEN, f"Bearer{TOKEN}"])
def test_the_token_counts_as_a_bearer_token_only(front: Front, value: str) -> None:
    answer = front.ask("GET", "/v1/jobs", token=None, headers={"Authorization": value})
    assert answer.status == 401


def test_the_body_of_a_refused_request_is_read_before_the_answer() -> None:
    """Else the system resets the connection, and now and then the answer is lost with it."""
    happened: list[str] = []
    parts = [{"body": b"{", "more_body": True}, {"body": b"}", "more_body": False}]

    async def receive() -> Message:
        happened.append("received")
        return {"type": "http.request", **parts.pop(0)}

    async def send(message: Message) -> None:
        happened.append(message["type"])

    async def unreached(scope: Scope, receive: Receive, send: Send) -> None:
        happened.append("let in")

    guard = Guard(unreached, TOKEN, "127.0.0.1", Presence())
    headers = [(b"host", b"127.0.0.1:80"), (b"content-length", b"2")]
    scope = {"type": "http", "path": "/v1/jobs", "headers": headers, "server": ("127.0.0.1", 80)}
    asyncio.run(guard(scope, receive, send))
    assert happened == ["received", "received", "http.response.start", "http.response.body"]


def test_a_refused_request_whose_body_never_ends_is_answered_all_the_same(front: Front) -> None:
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{front.port}\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", front.port), LONG) as connection:
        connection.sendall(head.encode())
        assert connection.recv(99).startswith(b"HTTP/1.1 401")


def test_nobody_is_present_who_has_no_token(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(presence, "time", SimpleNamespace(monotonic=lambda: now))
    front.ask("GET", "/v1/jobs")
    assert front.door.presence.away == 0
    now += 60
    front.ask("GET", "/v1/health")
    front.ask("GET", "/v1/jobs", token="wrong")
    assert front.door.presence.away == 60
    front.ask("GET", "/v1/jobs")
    assert front.door.presence.away == 0


@pytest.mark.parametrize("path", ["/v1/health", "/v1/jobs"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "", "[::1"])
def test_another_host_name_is_refused_even_with_the_token(
    front: Front, host: str, path: str
) -> None:
    answer = front.ask("GET", path, headers={"Host": host.format(port=front.port)})
    assert (answer.status, answer.error["code"]) == (421, "wrong_host")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "[::1]", "10.0.0.7"])
def test_a_numeric_address_and_localhost_are_ours(front: Front, name: str) -> None:
    assert front.ask("GET", "/v1/jobs", headers={"Host": f"{name}:{front.port}"}).status == 200


def test_no_other_origin_is_let_in(front: Front) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        front.ask("OPTIONS", "/v1/jobs", headers=asked),
        front.ask("GET", "/v1/jobs", headers=asked),
    ):
        assert not [name for name in answer.headers if "access-control" in name.lower()]


@pytest.mark.parametrize("size", [2**30, LARGEST_BODY + 1])
def test_a_body_of_a_gigabyte_is_refused_before_it_is_sent(front: Front, size: int) -> None:
    with front.connect() as line:
        line.sendall(head("POST", "/v1/jobs", front.port, f"Content-Length: {size}"))
        answer = line.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer
    assert front.ask("GET", "/v1/jobs").json == {"jobs": []}


def test_a_body_without_end_is_cut_off_and_takes_no_memory(front: Front) -> None:
    before = psutil.Process().memory_info().rss
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent = 0
    with front.connect() as line:
        line.sendall(head("POST", "/v1/jobs", front.port, "Transfer-Encoding: chunked"))
        try:
            while sent < 2**30:
                line.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # it hung up, as it should
    assert sent < 16 * LARGEST_BODY
    assert psutil.Process().memory_info().rss - before < 32 * LARGEST_BODY
    assert front.ask("GET", "/v1/health").status == 200


def test_a_body_just_within_the_bound_is_read(front: Front) -> None:
    answer = front.ask("POST", "/v1/jobs", b" " * LARGEST_BODY)
    assert (answer.status, answer.error["code"]) == (422, "invalid_job")


def test_a_request_that_ends_in_its_body_harms_nobody(front: Front) -> None:
    with front.connect() as line:
        line.sendall(head("POST", "/v1/jobs", front.port, "Content-Length: 100") + b"{")
    assert front.ask("GET", "/v1/jobs").json == {"jobs": []}


def test_a_websocket_is_turned_away(front: Front) -> None:
    with front.connect() as line:
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        line.sendall(head("GET", "/v1/jobs", front.port, *upgrade, key))
        status = line.makefile("rb").readline()
    assert b" 101 " not in status
