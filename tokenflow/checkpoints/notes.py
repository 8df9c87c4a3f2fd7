"""What a checkpoint says about itself beyond its weights.

The file is ``tokenflow.json`` in a diffusers folder, ``NAME.tokenflow.json`` beside a single file.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenflow.errors import CheckpointRejected

from .weights import read_json

FILE = "tokenflow.json"

PREDICTIONS = ("epsilon", "v_prediction")
"""What a model may predict: the noise, or the velocity of v-prediction."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Notes:
    """Contents of the file; every key is optional.

    Attributes
    ----------
    vocabulary
        The words the model was trained on, in lower case; empty if it knows language at large.
    native_size
        Width and height in pixels of the pictures it was trained on.
    native_area
        Latent positions (width times height) it was trained on, where that says more than a size.
    encodings
        Encodings of the plate that suit it; empty means ``view``.
    note
        One sentence for a person.
    prediction_type
        ``epsilon`` or ``v_prediction``, for single files that do not say it themselves.
    """

    vocabulary: frozenset[str] = frozenset()
    native_size: tuple[int, int] | None = None
    native_area: int | None = None
    encodings: tuple[str, ...] = ()
    note: str = ""
    prediction_type: str | None = None


def read_notes(path: Path) -> Notes:
    """Return the notes in a file, empty ones where there is none.

    Raises
    ------
    CheckpointRejected
        A key holds something else than it should.
    """
    if not path.exists():
        return Notes()
    data = read_json(path)
    prediction = _take(
        data, "prediction_type", PREDICTIONS.__contains__, " or ".join(PREDICTIONS), path
    )
    size = _take(data, "native_size", _is_size, "two whole numbers, width and height", path)
    return Notes(
        vocabulary=frozenset(
            word.lower()
            for word in _take(data, "vocabulary", _is_words, "a list of words", path) or ()
        ),
        native_size=(size[0], size[1]) if size else None,
        native_area=_take(data, "native_area", _is_count, "a whole number above 0", path),
        encodings=tuple(_take(data, "encodings", _is_words, "a list of names", path) or ()),
        note=_take(data, "note", lambda value: isinstance(value, str), "text", path) or "",
        prediction_type=prediction,
    )


def unknown_words(prompt: str, vocabulary: Collection[str]) -> tuple[str, ...]:
    """Return the words of a prompt that a model's vocabulary lacks, each once, in their order.

    An empty vocabulary knows every word. Case does not count; a hyphen separates words.
    """
    if not vocabulary:
        return ()
    words = dict.fromkeys(word.lower() for word in _WORD.findall(prompt))
    return tuple(word for word in words if word not in vocabulary)


def _take(data: dict[str, Any], key: str, fits: Any, wanted: str, path: Path) -> Any:
    value = data.get(key)
    if value is not None and not fits(value):
        raise CheckpointRejected(f"{key} in {path.name} must be {wanted}", path=path)
    return value


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0


def _is_size(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_count(side) for side in value)
