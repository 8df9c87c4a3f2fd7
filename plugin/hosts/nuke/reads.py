"""Plates and results as Nuke's Read nodes have them."""

from __future__ import annotations

import re
from typing import Any, Literal

import nuke

from ocio.frame_range import FrameRange
from plugin.hosts.file_names import pattern_of, same_sequence
from ui.host import HostPlate, HostResult

MARK = "tokenflow_job"
TILE = 0x3D5A6BFF
BELOW = 120  # units of the node graph

MISSING: dict[str, Literal["error", "hold", "black"]] = {
    "error": "error",
    "black": "black",
    "nearest frame": "hold",
}
"""What a Read does about a missing frame, and what it means here; a checkerboard means nothing."""


def is_plate(node: Any) -> bool:
    """Tell whether a node reads a sequence: a Read, or a Write that is set to read its file."""
    if node.Class() == "Write":
        return bool(node["reading"].value())
    return bool(node.Class() == "Read")


def plate_of(node: Any) -> HostPlate | None:
    """Describe a node; None where it names no file."""
    # Expressions and variables evaluated, proxies chosen; the frame number still a pattern.
    path = nuke.filename(node)
    if not path:
        return None
    path = str(nuke.filenameFilter(path) or path).replace("\\", "/")
    space, explicit = _space(node)
    return HostPlate(
        path if re.search(r"#|%\d*d", path) else pattern_of(path),
        str(node.name()),
        _range(node),
        _missing(node),
        space,
        explicit,
        raw=bool(_value(node, "raw")),
        premultiplied=bool(_value(node, "premultiplied")),
        proxy=bool(nuke.root()["proxy"].value()),
        views=tuple(str(view) for view in nuke.views()),
        metadata={str(key): str(value) for key, value in (node.metadata() or {}).items()},
    )


def read_of_plate(pattern: str) -> Any | None:
    """Return the node that reads a plate, a selected one before others; None without one."""
    found = []
    for node in nuke.allNodes("Read"):
        plate = plate_of(node) if node.knob(MARK) is None else None
        if plate is not None and same_sequence(plate.path, pattern):
            found.append(node)
    return next(iter(sorted(found, key=lambda node: not node.isSelected())), None)


def read_of_job(job_id: str) -> Any | None:
    """Return the node that a job's result was placed in."""
    for node in nuke.allNodes("Read"):
        knob = node.knob(MARK)
        if knob is not None and knob.value() == job_id:
            return node
    return None


def place_read(result: HostResult, plate: Any | None) -> Any:
    """Read a result: beside its plate, in the node that it has already, or a new one."""
    node = read_of_job(result.job_id)
    if node is None:
        # Not createNode: it connects itself to what is selected and opens its properties.
        node = nuke.nodes.Read()
        mark = nuke.String_Knob(MARK, "TokenFlow job")
        mark.setFlag(nuke.INVISIBLE)
        node.addKnob(mark)
        node[MARK].setValue(result.job_id)
        node["tile_color"].setValue(TILE)
        if plate is not None:
            node.setXYpos(plate.xpos(), plate.ypos() + BELOW)
    first, last = result.frames[0], result.frames[-1]
    node["file"].fromUserText(f"{result.path} {first}-{last}")
    for knob, frame in (("first", first), ("last", last), ("origfirst", first), ("origlast", last)):
        node[knob].setValue(frame)
    if plate is not None:
        # The plate may stand at another time than its numbers say; the result follows it.
        for knob in ("frame_mode", "frame"):
            node[knob].setValue(plate[knob].value())
    return node


def set_space(node: Any, name: str | None) -> bool:
    """Set a colour space; False where the config has none of that name."""
    if name is None:
        return True
    # A value may carry the family, as `ACES/ACES - ACEScg`, and roles the space they stand for.
    values = [str(value) for value in node["colorspace"].values()]
    fitting = [value for value in values if value == name or value.rpartition("/")[2] == name]
    if not fitting:
        return False
    node["colorspace"].setValue(fitting[0])
    return True


def _space(node: Any) -> tuple[str | None, bool]:
    """Return the colour space, and whether somebody chose it: ``default (NAME)`` is nobody."""
    value = str(_value(node, "colorspace") or "")
    default = re.fullmatch(r"default(?: \((.*)\))?", value)
    if default:
        return default[1], False
    role = re.fullmatch(r"\w+ \((.*)\)", value)
    return (role[1] if role else value.rpartition("/")[2]) or None, bool(value)


def _range(node: Any) -> FrameRange | None:
    first, last = _value(node, "first"), _value(node, "last")
    if first is None or last is None or last < first:
        return None
    return FrameRange.of(range(int(first), int(last) + 1))


def _missing(node: Any) -> Literal["error", "hold", "black"] | None:
    return MISSING.get(str(_value(node, "on_error")))


def _value(node: Any, name: str) -> Any:
    """Return a knob's value; None where this kind of node has no such knob."""
    knob = node.knob(name)
    return knob.value() if knob is not None else None
