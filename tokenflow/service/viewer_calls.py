"""What the viewer answers: pictures, inspection, checkpoints.

``{"n": 1, "do": "picture", "wanted": {...}, "to": FILE}`` gives ``{"n": 1, "file": FILE}``;
``inspect`` and ``models`` give ``{"n": 2, "found": ...}``; what goes wrong
``{"n": 1, "error": {...}}``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ocio.errors import DiskFull, OcioError
from ocio.storage import no_space
from tokenflow.errors import TokenFlowError
from tokenflow.service.errors import OUR_FAULT, describe
from tokenflow.service.inspection import inspect_plate
from tokenflow.service.models import known_models
from tokenflow.service.pictures import make_picture, write_picture
from tokenflow.service.wanted import WantedPicture

_log = logging.getLogger(__name__)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do what one request asks, and say what came of it; no error leaves."""
    try:
        return {"n": request["n"], **_CALLS[request["do"]](request)}
    except (OcioError, TokenFlowError) as error:
        return {"n": request["n"], "error": describe(error)}
    except Exception as error:
        _log.exception("the call %s failed", request.get("do"))
        fault = {"code": "internal_error", "message": f"this is a fault of ours: {error}"}
        return {
            "n": request["n"],
            "error": fault | {"hint": "", "exit_code": OUR_FAULT, "retryable": False},
        }


def _picture(request: dict[str, Any]) -> dict[str, Any]:
    pixels, path = make_picture(WantedPicture(**request["wanted"])), Path(request["to"])
    try:
        write_picture(pixels, path)
    except OSError as error:
        if not no_space(error):
            raise
        raise DiskFull(
            "there is no space to keep a picture", hint="free some", path=path.parent
        ) from error
    return {"file": request["to"]}


def _inspect(request: dict[str, Any]) -> dict[str, Any]:
    return {"found": inspect_plate(**request["plate"])}


def _models(request: dict[str, Any]) -> dict[str, Any]:
    return {"found": known_models()}


_CALLS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "picture": _picture,
    "inspect": _inspect,
    "models": _models,
}
