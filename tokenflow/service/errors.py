"""What the door answers when something is wrong: one body for every error, with a fitting status.

The body is ``{"error": {"code", "message", "hint", "frame"?, "path"?, "exit_code", "retryable"}}``.
Errors of the product keep their own code; what only HTTP knows (no token, no such call) is a
`Refusal`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ocio.errors import DiskFull, OcioError
from tokenflow.errors import TokenFlowError, error_json

WRONG_USAGE = 2
OUR_FAULT = 70
TEMPORARY = 75

_STATUS_OF_EXIT_CODE = {
    65: HTTPStatus.UNPROCESSABLE_ENTITY,
    66: HTTPStatus.NOT_FOUND,
    73: HTTPStatus.CONFLICT,
    75: HTTPStatus.SERVICE_UNAVAILABLE,
    77: HTTPStatus.FORBIDDEN,
    # A config or checkpoint that the request names is the request's fault, not the service's.
    78: HTTPStatus.UNPROCESSABLE_ENTITY,
    130: HTTPStatus.CONFLICT,
    143: HTTPStatus.CONFLICT,
}


_LATER = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class Refusal(Exception):
    """A request that is turned away for a reason that only HTTP has.

    Parameters
    ----------
    status
        Of the answer.
    code
        For machines, snake_case.
    message, hint
        What happened, and what to do about it.
    """

    def __init__(self, status: HTTPStatus, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint


def error_body(error: OcioError | TokenFlowError | Refusal) -> dict[str, Any]:
    """Return the JSON body of an error."""
    return {"error": describe(error)}


def describe(error: OcioError | TokenFlowError | Refusal) -> dict[str, Any]:
    """Return what stands under ``error`` in a body, and in the record of a job that failed."""
    if not isinstance(error, Refusal):
        return error_json(error)
    later = error.status in _LATER
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit_code": TEMPORARY if later else WRONG_USAGE,
        "retryable": later,
    }


def status_of(error: OcioError | TokenFlowError | Refusal) -> HTTPStatus:
    """Return the status of an error's answer."""
    if isinstance(error, Refusal):
        return error.status
    if isinstance(error, DiskFull):
        return HTTPStatus.INSUFFICIENT_STORAGE
    return status_of_exit_code(error.exit_code)


def status_of_exit_code(code: int) -> HTTPStatus:
    """Return the status that stands for an exit code of the command line."""
    return _STATUS_OF_EXIT_CODE.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)


def our_fault(log: object) -> dict[str, Any]:
    """Return the body for a bug of ours; `log` is the file that tells more."""
    return {
        "error": {
            "code": "internal_error",
            "message": "this is a fault of ours",
            "hint": f"Please report it, with `tokenflow doctor --bundle`; the log says more: {log}",
            "exit_code": OUR_FAULT,
            "retryable": False,
        }
    }
