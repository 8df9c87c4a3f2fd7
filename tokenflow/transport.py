"""One request to the service and its answer, in the errors of the product.

`http.client` and nothing around it: it knows no proxies and follows no redirects, so a host's
settings for the outer world do not come between two processes of one machine.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import ocio.errors
import tokenflow.errors
from ocio.errors import OcioError
from tokenflow.errors import (
    NoPermission,
    ServiceBusy,
    ServiceMismatch,
    ServiceRefused,
    ServiceUnreachable,
    TokenFlowError,
)

CALL_SECONDS = 10.0
SILENCE_SECONDS = 40.0  # a stream says something every 15 seconds
LARGEST_ANSWER = 256 * 2**20  # bytes


def always() -> bool:
    """Return that something is wanted to its end."""
    return True


class Transport:
    """Where a service answers, and what it wants to be shown.

    Parameters
    ----------
    address
        ``http://127.0.0.1:PORT``.
    token
        From `service.json`.
    log
        Where the service's log lies, for the messages.
    """

    def __init__(self, address: str, token: str, log: str = "") -> None:
        parts = urlsplit(address)
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme != "http" or not parts.hostname or port is None:
            raise ServiceMismatch(
                f"{address!r} is no address of the service",
                hint="It looks like http://127.0.0.1:49152.",
            )
        self.address = address.rstrip("/")
        self._host, self._port, self._token, self._log = parts.hostname, port, token, log

    def call(
        self, method: str, path: str, body: object = None, *, seconds: float | None = None
    ) -> bytes:
        """Make one call and return the body of its answer.

        Parameters
        ----------
        body
            Sent as JSON; None sends nothing.
        seconds
            How long the service may be silent; None is `CALL_SECONDS`.

        Raises
        ------
        ServiceUnreachable, ServiceMismatch, NoPermission
            Nothing answers; something else does; the token is another's.
        OcioError, TokenFlowError
            What the service says is wrong.
        """
        with closing(self._connection(seconds or CALL_SECONDS)) as connection, self._reaching():
            return self._whole(self._answer(connection, method, path, body))

    def json(
        self, method: str, path: str, body: object = None, *, seconds: float | None = None
    ) -> dict[str, Any]:
        """Make one call and return its answer, a JSON object."""
        found = _object(self.call(method, path, body, seconds=seconds))
        if found is None:
            raise self._stranger()
        return found

    def stream(
        self, path: str, after: int, wanted: Callable[[], bool] = always
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield id and data of server-sent events until the service ends the stream.

        Parameters
        ----------
        after
            Sent as ``Last-Event-ID``.
        wanted
            Asked at each line that comes, a comment too; where it is not so the stream is left.

        Raises
        ------
        ServiceUnreachable
            The connection broke, or nothing came for longer than the service is ever silent.
        """
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with closing(self._connection(SILENCE_SECONDS)) as connection:
            with self._reaching():
                answer = self._answer(connection, "GET", path, None, headers)
                if answer.status != http.client.OK:
                    self._whole(answer)
            yield from self._events(answer, wanted)

    def _events(
        self, answer: http.client.HTTPResponse, wanted: Callable[[], bool]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Read the event stream format: fields line by line, an empty line ends an event."""
        number, data = "", list[str]()
        while True:
            with self._reaching():
                line = answer.readline(LARGEST_ANSWER)
            if not line or not wanted():
                return
            field, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                number = value
            elif field == "data":
                data.append(value)
            elif not field and not value and data:
                found = _object("\n".join(data).encode())
                if found is None or not number.isdigit():
                    raise self._stranger()
                yield int(number), found
                data.clear()

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=seconds)

    def _answer(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: object,
        more: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Connection": "close", **(more or {})}
        content = None
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        connection.request(method, path, content, headers)
        return connection.getresponse()

    def _whole(self, answer: http.client.HTTPResponse) -> bytes:
        """Read an answer's body; raise the error that it tells of."""
        content = answer.read(LARGEST_ANSWER)
        if 200 <= answer.status < 300:
            return content
        body = _object(content)
        told = (body or {}).get("error")
        if not isinstance(told, dict):
            raise self._stranger(f"status {answer.status} {answer.reason}")
        if answer.status == http.client.UNAUTHORIZED:
            raise NoPermission(
                f"the service at {self.address} does not take this token",
                hint="It was started by somebody else, or again since: read service.json anew.",
            )
        raise read_error(told)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Say of a connection that fails what it means."""
        try:
            yield
        except (OcioError, TokenFlowError):
            raise
        except TimeoutError as error:
            raise self._lost("does not answer") from error
        except ConnectionRefusedError as error:
            raise self._lost("is not running") from error
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise self._lost(f"broke off: {reason}") from error

    def _lost(self, what: str) -> ServiceUnreachable:
        return ServiceUnreachable(f"the service at {self.address} {what}", hint=self._look())

    def _stranger(self, seen: str = "no JSON object") -> ServiceMismatch:
        return ServiceMismatch(
            f"what answers at {self.address} is not the service ({seen})", hint=self._look()
        )

    def _look(self) -> str:
        start = "`tokenflow serve start` starts it."
        return f"{start} The log tells more: {self._log}" if self._log else start


def _object(content: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None if it is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_error(document: Mapping[str, Any]) -> OcioError | TokenFlowError:
    """Return the error that a JSON object tells of.

    Parameters
    ----------
    document
        ``{"code", "message", "hint", "frame"?, "path"?, "exit_code"?, "retryable"?}``. A code that
        this version does not know becomes `ServiceBusy` if it is worth trying again, else
        `ServiceRefused`.
    """
    other = ServiceBusy if document.get("retryable") is True else ServiceRefused
    kind = _leaves().get(str(document.get("code")), other)
    frame, path = document.get("frame"), document.get("path")
    error = kind(
        str(document.get("message") or document.get("code") or "no reason was given"),
        hint=str(document.get("hint") or ""),
        path=path if isinstance(path, str) else None,
    )
    # Not every leaf is made with one frame, all can tell of one.
    error.frame = frame if isinstance(frame, int) else None
    return error


def _leaves() -> dict[str, type[OcioError] | type[TokenFlowError]]:
    found: dict[str, type[OcioError] | type[TokenFlowError]] = {}
    for each in (*vars(ocio.errors).values(), *vars(tokenflow.errors).values()):
        if isinstance(each, type) and issubclass(each, OcioError | TokenFlowError):
            found[each("").code] = each
    return found
