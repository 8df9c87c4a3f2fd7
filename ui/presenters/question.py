"""What is asked before something is destroyed; nothing else in the panel is modal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ui.observable import Value


@dataclass(frozen=True)
class Question:
    """A question with one destructive answer; `yes` and `no` also take the question away.

    Attributes
    ----------
    sentence
        What would be lost.
    confirm
        Label of the button that does it.
    """

    sentence: str
    confirm: str
    act: Callable[[], None] = field(compare=False)
    place: Value[Question | None] = field(compare=False, repr=False)

    def yes(self) -> None:
        """Do it."""
        self.place.set(None)
        self.act()

    def no(self) -> None:
        """Leave everything as it is."""
        self.place.set(None)
