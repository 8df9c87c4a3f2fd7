"""Frozen dataclasses as strict JSON.

One description of every field, the dataclass itself, gives four things: the check of its value,
reading, writing and the JSON Schema. A field's type may be ``str``, ``int``, ``float``, ``bool``, a
``Literal``, another `Part`, a class with ``parse`` and ``__str__`` (text in JSON), a list of any
length of these (``tuple[X, ...]``), or one of these ``| None``.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ocio.errors import OcioError
from tokenflow.errors import InvalidJob, TokenFlowError

NOT_BLANK: dict[str, Any] = {"pattern": r"\S", "wanted": "text that is not blank"}

SHA256: dict[str, Any] = {"pattern": "^[0-9a-f]{64}$", "wanted": "64 hexadecimal digits"}


def option(
    text: str,
    default: Any = dataclasses.MISSING,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str | None = None,
    wanted: str | None = None,
    changes_pixels: bool = True,
) -> Any:
    """Return a dataclass field that knows what it means and what it takes.

    Parameters
    ----------
    text
        What the field means, one sentence; the JSON Schema and the command line's help show it.
    default
        Its default; without one the field is required.
    minimum, maximum
        Range of a number, both ends included.
    pattern
        Regular expression that is found in the JSON text.
    wanted
        What the field takes, in words (``"a size such as 960x540"``), where its type does not say.
    changes_pixels
        False keeps the field out of the job hash.
    """
    known: dict[str, Any] = {
        "text": text,
        "minimum": minimum,
        "maximum": maximum,
        "pattern": pattern,
    }
    known |= {"wanted": wanted, "changes_pixels": changes_pixels}
    return dataclasses.field(default=default, metadata=known)


class Part:
    """A part of a job: checks its values when it is made, wherever they come from."""

    where: ClassVar[str] = ""
    """Name of the part in the job; messages say ``where.field``."""

    def __post_init__(self) -> None:
        """Raise `InvalidJob` at the first field whose value is not allowed."""
        hints = _hints(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if not _allowed(value, hints[field.name], field.metadata):
                name = f"{self.where}.{field.name}" if self.where else field.name
                wanted = _wanted(hints[field.name], field.metadata)
                raise InvalidJob(f"{name} must be {wanted}, not {_shown(value)}")


P = TypeVar("P")


def read_part(kind: type[P], data: object, where: str = "") -> P:
    """Make `kind` from parsed JSON.

    Raises
    ------
    InvalidJob
        For an unknown or missing field, or a value of the wrong type or out of range; names it.
    """
    here = where or "the job"
    if not isinstance(data, Mapping):
        raise InvalidJob(f"{here} must be a JSON object, not {_shown(data)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in data:
        if name not in fields:
            raise InvalidJob(
                f"{here} has an unknown field {_shown(name)}",
                hint=f"Known are {', '.join(fields)}.",
            )
    for name, field in fields.items():
        if name not in data and not _has_default(field):
            raise InvalidJob(f"{here} lacks the field {name}")
    hints = _hints(kind)
    prefix = f"{where}." if where else ""
    return kind(**{name: _read(data[name], hints[name], prefix + name) for name in data})


def write_part(part: object) -> dict[str, Any]:
    """Return the JSON object of a dataclass, every field spelled out, in the order of the class."""
    hints = _hints(type(part))
    return {
        field.name: _write(getattr(part, field.name), hints[field.name])
        for field in dataclasses.fields(part)  # type: ignore[arg-type]
    }


def pixel_fields(part: Part) -> dict[str, Any]:
    """Return those fields of `write_part` that change pixels and are not at their default.

    Without the defaults, a field that a later version adds leaves the content of earlier jobs, and
    so their hash, as it was.
    """
    written = write_part(part)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        if isinstance(value, Part):
            if inner := pixel_fields(value):
                found[field.name] = inner
        elif isinstance(value, tuple) and any(isinstance(each, Part) for each in value):
            found[field.name] = [pixel_fields(each) for each in value]
        elif value != field.default and field.metadata.get("changes_pixels", True):
            found[field.name] = written[field.name]
    return found


def part_schema(kind: type) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a dataclass."""
    hints = _hints(kind)
    fields = dataclasses.fields(kind)
    properties = {}
    for field in fields:
        schema = _schema(hints[field.name], field.metadata)
        if text := field.metadata.get("text"):
            schema["description"] = text
        if field.default is not dataclasses.MISSING:
            schema["default"] = _write(field.default, hints[field.name])
        properties[field.name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": [field.name for field in fields if not _has_default(field)],
        "additionalProperties": False,
    }


_HINTS: dict[Any, dict[str, Any]] = {}


def _hints(kind: Any) -> dict[str, Any]:
    # Each call would compile the text of every annotation again: most of the time of reading a job.
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind)
    return _HINTS[kind]


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return (
        field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    )


def _optional(hint: Any) -> tuple[Any, bool]:
    """Split ``X | None`` into X and True."""
    if get_origin(hint) in (Union, UnionType):
        (inner,) = (each for each in get_args(hint) if each is not NoneType)
        return inner, True
    return hint, False


def _each(hint: Any) -> Any:
    """Return X of ``tuple[X, ...]``; None for other types."""
    return get_args(hint)[0] if get_origin(hint) is tuple else None


def _is_number(hint: Any) -> bool:
    return hint in (int, float)


def _allowed(value: object, hint: Any, metadata: Mapping[str, Any]) -> bool:
    hint, optional = _optional(hint)
    if value is None:
        return optional
    if each := _each(hint):
        return isinstance(value, tuple) and all(_allowed(one, each, metadata) for one in value)
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if hint is str:
        return isinstance(value, str) and _is_plain_text(value) and _fits(value, metadata)
    if not _is_number(hint):
        return isinstance(value, hint)
    if isinstance(value, bool) or not isinstance(value, int if hint is int else (int, float)):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    least, most = metadata.get("minimum"), metadata.get("maximum")
    return (least is None or value >= least) and (most is None or value <= most)


def _fits(value: str, metadata: Mapping[str, Any]) -> bool:
    pattern = metadata.get("pattern")
    return pattern is None or re.search(pattern, value) is not None


def _is_plain_text(value: str) -> bool:
    """Whether text survives files and file names: no NUL, nothing that UTF-8 cannot hold."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _wanted(hint: Any, metadata: Mapping[str, Any]) -> str:
    """Say in words what `_allowed` takes."""
    hint, optional = _optional(hint)
    if metadata.get("wanted"):
        text = metadata["wanted"]
    elif each := _each(hint):
        text = f"a list, each {_wanted(each, {})}"
    elif get_origin(hint) is Literal:
        choices = list(get_args(hint))
        text = " or ".join([", ".join(choices[:-1]), choices[-1]] if choices[1:] else choices)
    elif _is_number(hint):
        least, most = metadata.get("minimum"), metadata.get("maximum")
        text = "a whole number" if hint is int else "a number"
        if least is not None and most is not None:
            text += f" from {least} to {most}"
        elif least is not None:
            text += f" of at least {least}"
    else:
        text = {str: "text", bool: "true or false"}.get(hint) or f"a {hint.__name__}"
    return f"{text}, or null" if optional else text


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _read(data: object, hint: Any, where: str) -> object:
    hint, optional = _optional(hint)
    if data is None and optional:
        return None
    if each := _each(hint):
        if not isinstance(data, (list, tuple)):
            return data
        return tuple(_read(one, each, f"{where}[{n}]") for n, one in enumerate(data))
    if isinstance(hint, type) and issubclass(hint, Part):
        return read_part(hint, data, where)
    if hint is float and type(data) is int and abs(data) < 2**53:
        return float(data)
    if isinstance(data, str) and hasattr(hint, "parse"):
        try:
            return hint.parse(data)
        except (OcioError, TokenFlowError, ValueError) as error:
            raise InvalidJob(f"{where}: {error}") from error
    return data  # left to the check in Part, which knows the field's range


def _write(value: Any, hint: Any) -> Any:
    hint, _ = _optional(hint)
    if value is None:
        return None
    if each := _each(hint):
        return [_write(one, each) for one in value]
    if isinstance(value, Part):
        return write_part(value)
    if hint is float:
        return float(value)
    return str(value) if hasattr(hint, "parse") else value


def _schema(hint: Any, metadata: Mapping[str, Any]) -> dict[str, Any]:
    hint, optional = _optional(hint)
    schema: dict[str, Any]
    if get_origin(hint) is Literal:
        schema = {"enum": list(get_args(hint))}
    elif each := _each(hint):
        schema = {"type": "array", "items": _schema(each, metadata)}
    elif isinstance(hint, type) and issubclass(hint, Part):
        schema = part_schema(hint)
    else:
        names = {int: "integer", float: "number", bool: "boolean"}
        schema = {"type": names.get(hint, "string")}
        for key in ("minimum", "maximum", "pattern"):
            if metadata.get(key) is not None:
                schema[key] = metadata[key]
    return {"anyOf": [schema, {"type": "null"}]} if optional else schema
