"""How alike the two decodings behind an edit flicker, as its run measured it.

The edit is the difference of two decoded pictures, with and without it. Of both the second
difference over time along the plate's motion, in stops, at eight places of the shot; then their
correlation, what the plate itself does taken out of both (partial correlation). Above 0.5 the
difference flickers less than the decoded picture would, below it more: the edit then shows other
texture than the plate. Edits of other programs have none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ocio.sequence import Sequence
from tokenflow.metrics.figure import Figure
from tokenflow.pipeline.record import record_name

_ALIKE = Figure(
    "decodings_alike",
    "Likeness of both decodings' flicker",
    "",
    "above 0.5",
    "decodings",
    "Over time",
)


def alike(edits: Mapping[str, Sequence]) -> Figure:
    """Return what the reports beside the edits say of it; the mean where parts have their own."""
    values: dict[str, float | None] = {}
    for name, edit in edits.items():
        files = edit.pattern.folder.glob(f"{record_name(edit.pattern)}.report*.json")
        found = [value for file in sorted(files) if (value := _said(file.read_bytes())) is not None]
        values[name] = sum(found) / len(found) if found else None
    return _ALIKE.measured(values, otherwise="no edit has a report beside it that tells")


def _said(text: bytes) -> float | None:
    try:
        value = json.loads(text)["deflicker"]["decodings_alike"]
    except (ValueError, KeyError, TypeError):
        return None
    return float(value) if isinstance(value, int | float) else None
