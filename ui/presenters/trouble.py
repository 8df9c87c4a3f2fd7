"""What went wrong, as the panel says it: one sentence, the remedy, the details on demand."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ocio.errors import OcioError
from tokenflow.errors import TokenFlowError, error_json


@dataclass(frozen=True)
class Action:
    """One thing that the user can do about it: the word on the button, and what it does."""

    label: str
    run: Callable[[], None]


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong.

    Attributes
    ----------
    sentence
        What happened, to which frame or file.
    remedy
        What to do about it; may be empty.
    details
        For the button "Details" and for a report of the fault.
    code
        For machines: ``out_of_memory``.
    frame
        The frame it happened to.
    retryable
        Whether the same may work later.
    """

    sentence: str
    remedy: str = ""
    details: str = ""
    code: str = ""
    frame: int | None = None
    retryable: bool = False


def of_error(error: Exception) -> Trouble:
    """Say what an error means; one that is not ours is called what it is, a fault of ours."""
    if isinstance(error, OcioError | TokenFlowError):
        return of_json(error_json(error))
    details = "".join(traceback.format_exception(error)).strip()
    return Trouble(
        f"a fault of the panel: {type(error).__name__}: {error}",
        "Please report it, with what stands under Details.",
        details,
        "internal",
    )


def of_json(document: Mapping[str, Any]) -> Trouble:
    """Say what an error means that the service told of, as `tokenflow.errors.error_json` writes."""
    sentence, frame = str(document.get("message", "")), document.get("frame")
    if isinstance(frame, int) and str(frame) not in sentence:
        sentence += f" (frame {frame})"
    details = "\n".join(
        f"{name}: {value}" for name, value in document.items() if value not in (None, "")
    )
    return Trouble(
        sentence or "no reason was given",
        str(document.get("hint", "")),
        details,
        str(document.get("code", "")),
        frame if isinstance(frame, int) else None,
        document.get("retryable") is True,
    )
