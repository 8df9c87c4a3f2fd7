"""A field of a form: a value of the job with its label, its limits and what is wrong with it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from ocio.errors import OcioError
from tokenflow.errors import TokenFlowError
from tokenflow.job_json import Part
from ui.observable import Value

Kind: TypeAlias = Literal["text", "choice", "integer", "number", "switch"]


@dataclass(frozen=True)
class Choice:
    """One of several values: what the job says, what the artist reads."""

    value: str
    label: str
    tooltip: str = ""


class Field:
    """One value of a job, as a form shows it.

    Attributes
    ----------
    name
        ``edit.steps``; empty part names belong to the panel alone.
    label, tooltip
        A word or two; one sentence.
    kind
        Which control suits it.
    value
        A str, int, float or bool; the empty text is null in the job.
    error
        What is wrong with it, one sentence to show beside it; empty if nothing is.
    choices
        What there is to choose, for a choice and for a text with proposals.
    minimum, maximum
        Of a number, both ends included.
    shown
        Whether the artist has any choice here now.
    """

    def __init__(
        self,
        name: str,
        label: str,
        tooltip: str,
        kind: Kind,
        default: Any,
        *,
        choices: Sequence[Choice] = (),
        minimum: float | None = None,
        maximum: float | None = None,
    ) -> None:
        self.name, self.label, self.tooltip, self.kind = name, label, tooltip, kind
        self.default = default
        self.minimum, self.maximum = minimum, maximum
        self.value: Value[Any] = Value(default)
        self.error = Value("")
        self.choices: Value[tuple[Choice, ...]] = Value(tuple(choices))
        self.shown = Value(kind != "choice" or len(choices) > 1)

    def set(self, value: Any) -> None:
        """Take what was typed or chosen; wrong values are kept and said to be wrong."""
        self.value.set(value)

    def reset(self) -> None:
        """Go back to the default."""
        self.value.set(self.default)

    @property
    def short_name(self) -> str:
        """Its name inside its part of the job."""
        return self.name.rpartition(".")[2]


def field_of(
    part: type[Part], name: str, label: str, words: Sequence[Choice] = (), tooltip: str = ""
) -> Field:
    """Make the form's field of a job's: kind, default, limits and choices come from the job.

    Parameters
    ----------
    words
        Artist's words for some of its choices; the others keep the job's own.
    tooltip
        One sentence; empty takes the job's.
    """
    described = {each.name: each for each in dataclasses.fields(part)}[name]  # type: ignore[arg-type]
    kind, options = _kind(get_type_hints(part)[name])
    known = {choice.value: choice for choice in words}
    default = described.default
    if default in (None, (), dataclasses.MISSING):
        default = "" if kind in ("text", "choice") else None
    return Field(
        f"{part.where}.{name}",
        label,
        tooltip or str(described.metadata["text"]),
        kind,
        default,
        choices=[known.get(value) or Choice(value, value) for value in options],
        minimum=described.metadata["minimum"],
        maximum=described.metadata["maximum"],
    )


def _kind(hint: Any) -> tuple[Kind, tuple[str, ...]]:
    """Tell which control suits a type, and the choices of a Literal."""
    if get_origin(hint) in (Union, UnionType):
        hint = next(each for each in get_args(hint) if each is not NoneType)
    if get_origin(hint) is Literal:
        return "choice", get_args(hint)
    kinds: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number"}
    return kinds.get(hint, "text"), ()


def problem_of(error: OcioError | TokenFlowError, fields: Sequence[Field]) -> str:
    """Say an error of the job in the form's words: its label instead of ``edit.steps``."""
    text = error.message
    for field in fields:
        text = re.sub(rf"\b{re.escape(field.name)}\b", field.label, text)
    text = text[:1].upper() + text[1:]
    return f"{text}. {error.hint}" if error.hint else text


def named_in(error: OcioError | TokenFlowError, fields: Sequence[Field]) -> Field | None:
    """Return the field that an error of the job is about: the first that it names."""
    places = [(error.message.find(field.name), field) for field in fields]
    named = [(place, field) for place, field in places if place >= 0]
    return min(named, key=lambda pair: pair[0])[1] if named else None
