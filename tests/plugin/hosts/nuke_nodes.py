"""Nodes and knobs of the stand-in for Nuke, see `nuke_stand_in`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.plugin.hosts.nuke_stand_in import Nuke


class NukeMisused(AssertionError):
    """The plug-in did what is not documented, or what hangs Nuke."""


class Strict:
    """Something of Nuke's: an attribute that is not here is not documented."""

    def __getattr__(self, name: str) -> Any:
        raise NukeMisused(f"{type(self).__name__}.{name} is not documented")


class Knob(Strict):
    """`nuke.Knob` and those of its subclasses that a Read, a Write and the root have."""

    def __init__(self, nuke: Nuke, value: Any = "", *, choices: Iterable[str] = ()) -> None:
        self._nuke, self._value, self._choices = nuke, value, tuple(choices)
        self.flags = 0
        self.executed = 0
        self.node: Node | None = None

    def value(self) -> Any:
        """`Knob.value`."""
        self._nuke.in_main_thread()
        return self._value

    def setValue(self, value: Any) -> bool:
        """`Knob.setValue`; of an enumeration only what it lists."""
        self._nuke.in_main_thread()
        if self._choices and value not in self._choices:
            raise NukeMisused(f"{value!r} is not one of {self._choices}")
        self._nuke.changed()
        self._value = value
        return True

    def values(self) -> list[str]:
        """`Enumeration_Knob.values`."""
        if not self._choices:
            raise NukeMisused("only an enumeration has values()")
        return [*self._choices]

    def evaluate(self, time: float | None = None) -> str:
        """`File_Knob.evaluate`: with expressions and variables worked out."""
        return self._nuke.evaluated(str(self._value))

    def fromUserText(self, text: str) -> None:
        """`File_Knob.fromUserText`: a path, and a range behind it for the range knobs."""
        self._nuke.changed()
        match = re.fullmatch(r"(.*?)(?: (-?\d+)-(-?\d+))?", text)
        assert match is not None
        assert self.node is not None
        self._value = match[1]
        for name, number in zip(("first", "last"), match.groups()[1:], strict=True):
            if number is not None:
                self.node[name].setValue(int(number))
                self.node[f"orig{name}"].setValue(int(number))

    def setFlag(self, flag: int) -> None:
        """`Knob.setFlag`."""
        self.flags |= flag

    def execute(self) -> None:
        """`Script_Knob.execute`: press the button."""
        self._nuke.in_main_thread()
        self.executed += 1


class Node(Strict):
    """`nuke.Node`, a Read or Write."""

    def __init__(self, nuke: Nuke, kind: str, name: str, parent: Group) -> None:
        self._nuke, self._kind, self._name, self._parent = nuke, kind, name, parent
        self.selected = False
        self._at = (0, 0)
        self.header: dict[str, Any] = {}
        self.knobs_: dict[str, Knob] = {}

    def with_knobs(self, knobs: dict[str, Knob]) -> Node:
        """Give it knobs."""
        for name, knob in knobs.items():
            self.knobs_[name] = knob
            knob.node = self
        return self

    def Class(self) -> str:
        """`Node.Class`."""
        self._nuke.in_main_thread()
        return self._kind

    def name(self) -> str:
        """`Node.name`."""
        return self._name

    def knob(self, name: str) -> Knob | None:
        """`Node.knob`: None where there is none of that name."""
        self._nuke.in_main_thread()
        return self.knobs_.get(name)

    def __getitem__(self, name: str) -> Knob:
        knob = self.knob(name)
        if knob is None:
            raise NameError(f"knob {name} does not exist")
        return knob

    def addKnob(self, knob: Knob) -> None:
        """`Node.addKnob`."""
        self._nuke.changed()
        assert self._nuke.made is not None
        knob.node = self
        self.knobs_[self._nuke.made.pop(id(knob))] = knob

    def metadata(self) -> dict[str, Any]:
        """`Node.metadata`."""
        return self.header

    def isSelected(self) -> bool:
        """`Node.isSelected`."""
        return self.selected

    def xpos(self) -> int:
        """`Node.xpos`."""
        return self._at[0]

    def ypos(self) -> int:
        """`Node.ypos`."""
        return self._at[1]

    def setXYpos(self, x: int, y: int) -> None:
        """`Node.setXYpos`."""
        self._nuke.changed()
        self._at = (x, y)

    def parent(self) -> Group:
        """`Node.parent`."""
        return self._parent


class Group(Node):
    """`nuke.Group` and the root: nodes are made in the one that is entered."""

    def __init__(self, nuke: Nuke, name: str, parent: Group | None = None) -> None:
        super().__init__(nuke, "Group" if parent else "Root", name, parent or self)
        self.nodes: list[Node] = []

    def __enter__(self) -> Group:
        self._nuke.entered.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._nuke.entered.pop()
