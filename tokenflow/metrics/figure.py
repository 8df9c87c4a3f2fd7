"""One measured figure of several edits, with its recipe: what the report's table is made of."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A row of the table.

    Attributes
    ----------
    key
        Name in `metrics.json`.
    title, unit
        For people; the unit is empty for ratios.
    ideal
        What to wish for, in a word or two: ``0``, ``1``, ``high``.
    recipe
        The name of the recipe.
    group
        Heading under which the report shows it.
    values
        By edit; None where an edit has none.
    plate
        The plate's own figure, where there is such a thing.
    raw
        By edit, for figures that are an excess: what it is an excess of.
    absent
        Why there are no values.
    """

    key: str
    title: str
    unit: str
    ideal: str
    recipe: str
    group: str
    values: Mapping[str, float | None] = field(default_factory=dict)
    plate: float | None = None
    raw: Mapping[str, float] = field(default_factory=dict)
    absent: str = ""

    def measured(
        self,
        values: Mapping[str, float | None],
        *,
        plate: float | None = None,
        raw: Mapping[str, float] | None = None,
        otherwise: str = "",
    ) -> Figure:
        """Return the row with values; where no edit has one, `otherwise` says why."""
        if all(value is None for value in values.values()):
            return self.missing(otherwise)
        return replace(self, values=dict(values), plate=plate, raw=dict(raw or {}))

    def missing(self, why: str) -> Figure:
        """Return the row without values, and the reason."""
        return replace(self, absent=why)

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object; infinities, which JSON has not, as text."""
        known: dict[str, Any] = {
            "title": self.title,
            "unit": self.unit,
            "ideal": self.ideal,
            "recipe": self.recipe,
        }
        if self.absent:
            return known | {"absent": self.absent}
        known["values"] = {name: _number(value) for name, value in self.values.items()}
        if self.plate is not None:
            known["plate"] = _number(self.plate)
        if self.raw:
            known["raw"] = {name: _number(value) for name, value in self.raw.items()}
        return known


def recipe(module: ModuleType) -> tuple[str, str]:
    """Return the name and the words of a module's recipe: they stand in its docstring alone."""
    return module.__name__.rpartition(".")[2], inspect.cleandoc(module.__doc__ or "")


def _number(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return None if value is None else float(f"{value:.6g}")
    return "inf" if value > 0 else "-inf" if value < 0 else "nan"
