"""The first thing a request meets: is it meant for us, may it come in, is it of a bearable size.

Plain ASGI, in front of everything else, so that no route can forget it. A page in a browser cannot
get past it: it has no token, and one that points a name of its own at this machine (DNS rebinding)
sends the wrong ``Host``.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tokenflow.service.errors import Refusal, error_body
from tokenflow.service.presence import Presence

LARGEST_BODY = 1024 * 1024
"""Bytes; the largest job is a hundredth of it."""

BODY_SECONDS = 30.0
"""How long a body may take to arrive, so that a connection is not held for ever."""

DROPPING_SECONDS = 1.0
"""How long the body of a refused request is waited for."""

OPEN_PATH = "/v1/health"


class Guard:
    """Checks host, token and size, then hands the request on with its whole body in memory.

    Parameters
    ----------
    app
        What answers requests that pass.
    token
        What every call but health has to bear.
    host
        The name or address that the service was bound to.
    presence
        Told of every call with the token.
    """

    def __init__(self, app: ASGIApp, token: str, host: str, presence: Presence) -> None:
        self._app = app
        self._token = token.encode()
        self._names = {"localhost", host.lower()}
        self._presence = presence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # Nothing here speaks WebSocket; closing before accepting answers 403.
            await send({"type": "websocket.close"})
            return
        try:
            self._check_host(scope)
            if scope["path"] != OPEN_PATH:
                self._check_token(scope)
                self._presence.touch()
            body = await _whole_body(scope, receive)
        except Refusal as refusal:
            await _drop_body(receive)
            await _answer(send, refusal)
            return
        await self._app(scope, _replay(body, receive), send)

    def _check_host(self, scope: Scope) -> None:
        hosts = _headers(scope, b"host")
        server = scope.get("server")
        port = server[1] if server else None
        if len(hosts) != 1 or not self._is_ours(hosts[0], port):
            raise Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "wrong_host",
                "the request's Host header does not name this service",
                "Ask it by its numeric address and port, as service.json has them.",
            )

    def _is_ours(self, host: str, port: int | None) -> bool:
        name, given = _split_port(host.lower())
        if given != (port if port is not None else given):
            return False
        return name in self._names or _is_address(name)

    def _check_token(self, scope: Scope) -> None:
        given = _headers(scope, b"authorization")
        scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
        # Compared even where the scheme is wrong: the time tells nothing.
        right = hmac.compare_digest(token.strip().encode("latin-1"), self._token)
        if scheme.lower() != "bearer" or not right:
            raise Refusal(
                HTTPStatus.UNAUTHORIZED,
                "wrong_token" if given else "no_token",
                "the request bears " + ("another token" if given else "no token"),
                "Send `Authorization: Bearer TOKEN` with the token from service.json.",
            )


def _headers(scope: Scope, name: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def _split_port(host: str) -> tuple[str, int | None]:
    """Split ``name:port`` and ``[::1]:port``; a port that is none is -1. Left out it is 80."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
    else:
        name, colon, port = host.partition(":")
        rest = colon + port
    if not rest:
        return name, 80
    digits = rest[1:]
    return name, int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else -1


def _is_address(name: str) -> bool:
    """Tell a numeric address, which no name server can point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _whole_body(scope: Scope, receive: Receive) -> bytes:
    """Read the body, but no further than `LARGEST_BODY`."""
    lengths = _headers(scope, b"content-length")
    if not lengths and not _headers(scope, b"transfer-encoding"):
        return b""
    if lengths and not (lengths[0].isascii() and lengths[0].isdigit()):
        raise Refusal(
            HTTPStatus.BAD_REQUEST, "bad_request", "the request's Content-Length is no number"
        )
    if lengths and int(lengths[0]) > LARGEST_BODY:
        raise _too_large()
    try:
        return await asyncio.wait_for(_read(receive), BODY_SECONDS)
    except TimeoutError:
        raise Refusal(
            HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "the request's body did not arrive"
        ) from None


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(HTTPStatus.BAD_REQUEST, "bad_request", "the request ended too early")
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"the request's body is larger than {LARGEST_BODY // 1024} KiB",
        "Send a job or a path; frames are read from the disk.",
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body once, then what comes after it: the end of the connection."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _drop_body(receive: Receive) -> None:
    """Read on, for a while and as much as a body may have, and keep nothing.

    A connection that is closed while bytes wait in it unread is reset, and the reset can take the
    answer with it.
    """

    async def to_the_end() -> None:
        size, more = 0, True
        while more and size <= LARGEST_BODY:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)

    with suppress(TimeoutError):
        await asyncio.wait_for(to_the_end(), DROPPING_SECONDS)


async def _answer(send: Send, refusal: Refusal) -> None:
    """Answer, and close: nobody knows what the rest of the connection would be."""
    content = json.dumps(error_body(refusal)).encode()
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": int(refusal.status),
        "headers": headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": content})
