"""A stand-in for the modules `nuke` and `nukescripts`, for tests on machines without Nuke.

Written from Foundry's "Nuke Python Developer's Guide" 16.0: the reference pages of the functions
and classes named below, and the chapters on start-up scripts, threading and custom panels. It is
stricter than Nuke. What is not in that guide, or not in here, fails the test that calls it. So does
every call from another thread than the main one, but for `executeInMainThread`, and that one from
the main thread: Nuke would hang. What a Read does with frames is not played.
"""

from __future__ import annotations

import builtins
import re
import runpy
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.plugin.hosts.nuke_nodes import Group, Knob, Node, NukeMisused, Strict

__all__ = ["Nuke", "NukeMisused", "nuke_in_place", "placed"]

SPACES = (
    *("default (ACES/ACES - ACEScg)", "scene_linear (ACES - ACEScg)", "ACES/ACES - ACEScg"),
    *("ACES/ACES2065-1", "Utility/Linear Rec.709 (sRGB)", "data"),
)
CONFIGS = ("custom", "fn-nuke_cg-config-v1")
MARKED = "tokenflow_job"


class Undo(Strict):
    """`nuke.Undo`: what happens between begin and end is one step."""

    def __init__(self, nuke: Nuke) -> None:
        self._nuke = nuke
        self.steps: list[str] = []
        self.open: str | None = None

    def begin(self, name: str = "") -> None:
        """`Undo.begin`."""
        self._nuke.in_main_thread()
        self.open = name
        self.steps.append(name)

    def end(self) -> None:
        """`Undo.end`."""
        if self.open is None:
            raise NukeMisused("Undo.end without begin")
        self.open = None


class Nuke(ModuleType):
    """The module `nuke` of one test, and what the test may look at."""

    INVISIBLE = 0x400
    recording = False
    """Whether a change outside of a group counts as a step to undo."""

    def __init__(self, version: str = "16.0v3", *, gui: bool = True) -> None:
        super().__init__("nuke")
        self.NUKE_VERSION_STRING = version
        self.NUKE_VERSION_MAJOR = int(version.split(".")[0])
        self.env = {"gui": gui, "NukeVersionString": version}
        self.variables: dict[str, str] = {}
        self.made: dict[int, str] = {}
        self.queue: list[Callable[[], Any]] = []
        self.callbacks: dict[str, list[Callable[[], None]]] = {"load": [], "save": []}
        self.filters: list[Callable[[str], str | None]] = []
        self.root_ = Group(self, "root")
        self.entered = [self.root_]
        self.Undo = Undo(self)
        self.nodes = Nodes(self)
        self.root_.with_knobs(
            {
                "name": Knob(self),
                "first_frame": Knob(self, 1001.0),
                "last_frame": Knob(self, 1100.0),
                "fps": Knob(self, 24.0),
                "proxy": Knob(self, False),
                "colorManagement": Knob(self, "OCIO", choices=("Nuke", "OCIO")),
                "OCIO_config": Knob(self, CONFIGS[1], choices=CONFIGS),
                "customOCIOConfigPath": Knob(self),
                "OCIOConfigPath": Knob(self, "/opt/Nuke16.0v3/plugins/OCIOConfigs/config.ocio"),
                "workingSpaceLUT": Knob(self, "scene_linear"),
                "monitorOutLUT": Knob(self, "ACES 1.0 - SDR Video (sRGB - Display)"),
            }
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NukeMisused(f"nuke.{name} is not documented")

    # For the tests.

    def in_main_thread(self) -> None:
        """Fail anywhere else."""
        if threading.current_thread() is not threading.main_thread():
            raise NukeMisused("Nuke's API was called from another thread than the main one")

    def changed(self) -> None:
        """Note a change of the script: outside of a group it is a step of its own to undo."""
        self.in_main_thread()
        if self.Undo.open is None and self.recording:
            self.Undo.steps.append("a change of its own")

    def evaluated(self, text: str) -> str:
        """Work out TCL's ``[getenv NAME]``."""
        return re.sub(r"\[getenv (\w+)\]", lambda match: self.variables[match[1]], text)

    def read(self, path: str, first: int = 1001, last: int = 1048, *, kind: str = "Read") -> Node:
        """Make a node as a user does."""
        node = self.make(kind)
        node["file"].setValue(path)
        for name, value in (
            ("first", first),
            ("last", last),
            ("origfirst", first),
            ("origlast", last),
        ):
            node[name].setValue(value)
        node.selected = True
        return node

    def make(self, kind: str) -> Node:
        """Make a node with its knobs at their defaults, in the group that is entered."""
        group = self.entered[-1]
        number = 1 + sum(node.Class() == kind for node in group.nodes)
        on_error = ("error", "black", "checkerboard", "nearest frame")
        knobs = {
            "file": Knob(self),
            "first": Knob(self, 1),
            "last": Knob(self, 1),
            "origfirst": Knob(self, 1),
            "origlast": Knob(self, 1),
            "frame_mode": Knob(self, "expression", choices=("expression", "start at", "offset")),
            "frame": Knob(self),
            "on_error": Knob(self, "error", choices=on_error),
            "colorspace": Knob(self, SPACES[0], choices=SPACES),
            "raw": Knob(self, False),
            "premultiplied": Knob(self, False),
            "tile_color": Knob(self, 0),
            "reload": Knob(self),
        }
        if kind == "Write":
            knobs["reading"] = Knob(self, False)
        node = Node(self, kind, f"{kind}{number}", group).with_knobs(knobs)
        group.nodes.append(node)
        return node

    def open_script(self, path: str) -> None:
        """Open a script as a user does."""
        self.root_["name"].setValue(path)
        for call in self.callbacks["load"]:
            call()

    def save_script(self, path: str) -> None:
        """Save the script under a name."""
        self.root_["name"].setValue(path)
        for call in self.callbacks["save"]:
            call()

    def turn(self) -> None:
        """Let the main thread do what other threads asked for."""
        while self.queue:
            self.queue.pop(0)()

    # What the guide documents.

    def root(self) -> Group:
        """`nuke.root`."""
        self.in_main_thread()
        return self.root_

    def frame(self) -> int:
        """`nuke.frame`."""
        return 1017

    def views(self) -> list[str]:
        """`nuke.views`."""
        return ["main"]

    def allNodes(self, filter: str = "", group: Group | None = None) -> list[Node]:
        """`nuke.allNodes`: of one class, in the current group."""
        self.in_main_thread()
        nodes = (group or self.entered[-1]).nodes
        return [node for node in nodes if not filter or node.Class() == filter]

    def selectedNodes(self, filter: str = "") -> list[Node]:
        """`nuke.selectedNodes`: the last one selected comes first."""
        return [node for node in reversed(self.allNodes(filter)) if node.isSelected()]

    def filename(self, node: Node, i: int = 0) -> str | None:
        """`nuke.filename`: expansions done, the number still a pattern."""
        self.in_main_thread()
        return node["file"].evaluate() or None

    def filenameFilter(self, filename: str) -> str:
        """`nuke.callbacks.filenameFilter`: what `addFilenameFilter` added, backwards."""
        for each in reversed(self.filters):
            filename = each(filename) or filename
        return filename

    def addFilenameFilter(self, call: Callable[[str], str | None]) -> None:
        """`nuke.addFilenameFilter`."""
        self.filters.append(call)

    def String_Knob(self, name: str, label: str = "") -> Knob:
        """`nuke.String_Knob`."""
        knob = Knob(self)
        self.made[id(knob)] = name
        return knob

    def addOnScriptLoad(self, call: Callable[[], None]) -> None:
        """`nuke.addOnScriptLoad`."""
        self.callbacks["load"].append(call)

    def removeOnScriptLoad(self, call: Callable[[], None]) -> None:
        """`nuke.removeOnScriptLoad`."""
        self.callbacks["load"].remove(call)

    def addOnScriptSave(self, call: Callable[[], None]) -> None:
        """`nuke.addOnScriptSave`."""
        self.callbacks["save"].append(call)

    def removeOnScriptSave(self, call: Callable[[], None]) -> None:
        """`nuke.removeOnScriptSave`."""
        self.callbacks["save"].remove(call)

    def executeInMainThread(
        self, call: Callable[..., Any], args: Any = (), kwargs: Any = None
    ) -> None:
        """`nuke.executeInMainThread`: returns at once; from the main thread it hangs."""
        if threading.current_thread() is threading.main_thread():
            raise NukeMisused("executeInMainThread was called in the main thread: Nuke hangs")
        self.queue.append(
            lambda: call(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
        )

    def pluginAddPath(self, path: str) -> None:
        """`nuke.pluginAddPath`: extends `sys.path` and runs the folder's `init.py` at once."""
        sys.path.insert(0, path)
        runpy.run_path(str(Path(path) / "init.py"))


class Nodes(Strict):
    """`nuke.nodes`: makes nodes without connecting them or opening their properties."""

    def __init__(self, nuke: Nuke) -> None:
        self._nuke = nuke

    def Read(self) -> Node:
        """`nuke.nodes.Read`."""
        self._nuke.changed()
        return self._nuke.make("Read")


class NukeScripts(ModuleType):
    """The module `nukescripts`."""

    def __init__(self) -> None:
        super().__init__("nukescripts")
        self.panels: dict[str, tuple[str, str]] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NukeMisused(f"nukescripts.{name} is not documented")

    def registerWidgetAsPanel(self, widget: str, name: str, id: str, create: bool = False) -> None:
        """`nukescripts.panels.registerWidgetAsPanel`: the widget is a text, evaluated later."""
        if not isinstance(widget, str):
            raise NukeMisused("the widget is to be a string")
        self.panels[id] = (widget, name)

    def restore(self, id: str) -> Any:
        """Build a panel as Nuke does for a saved layout: from the text alone, without arguments."""
        return eval(self.panels[id][0], {"__builtins__": builtins})()


def placed(nuke: Nuke, mark: str) -> list[tuple[str, str, str]]:
    """Return pattern, frames and colour space of every node that has a knob of this name."""
    found = [node for node in nuke.root_.nodes if node.knob(mark) is not None]
    return [
        (
            node["file"].value(),
            f"{node['first'].value()}-{node['last'].value()}",
            node["colorspace"].value(),
        )
        for node in found
    ]


@contextmanager
def nuke_in_place(nuke: Nuke) -> Any:
    """Let `import nuke` find the stand-in, and the adapter be imported anew by it."""
    before = {name: sys.modules.get(name) for name in ("nuke", "nukescripts")}
    adapter = [name for name in sys.modules if name.startswith("plugin.hosts.nuke")]
    scripts = NukeScripts()
    for name in adapter:
        del sys.modules[name]
    sys.modules.update(nuke=nuke, nukescripts=scripts)
    path = list(sys.path)
    try:
        yield scripts
    finally:
        sys.path[:] = path
        for name in [each for each in sys.modules if each.startswith("plugin.hosts.nuke")]:
            del sys.modules[name]
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
