"""A scene of Blender's with a plate in its compositor; needs the module `bpy`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from plugin.hosts.blender import addon
from plugin.hosts.blender.adapter import BlenderHost
from plugin.hosts.blender.images import MARK, image_nodes, make_compositor_tree, plate_of
from plugin.hosts.blender.strips import plate_of_strip, strips_of
from plugin.hosts.file_names import file_of
from tests.plugin.host_cases import HostCase


@contextmanager
def blender_case(folder: Path, plate: str) -> Iterator[HostCase]:
    """Blender as it is at its start, the add-on registered, and a plate's node selected."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_image_node(plate)
    addon.register(BlenderHost(settings=folder / "settings"))
    host = addon.session().host
    try:
        yield HostCase(host, plate, host.turn, _open, _save, placed)
    finally:
        addon.unregister()


def add_image_node(
    plate: str, first: int = 1001, last: int = 1005, *, start: int = 1, name: str = "Plate"
) -> Any:
    """Add a node for a sequence, as Blender's own file browser does."""
    tree = make_compositor_tree(bpy.context.scene)
    node = tree.nodes.new("CompositorNodeImage")
    node.name = name
    node.image = bpy.data.images.load(file_of(plate, first))
    node.image.source = "SEQUENCE"
    node.frame_start, node.frame_offset, node.frame_duration = start, first - 1, last - first + 1
    for each in tree.nodes:
        each.select = each == node
    tree.nodes.active = node
    return node


def placed() -> list[tuple[str, str, str]]:
    """Return pattern, frames and colour space of each result in the scene."""
    scene = bpy.context.scene
    nodes = [plate_of(node.image, node, "") for node in image_nodes(scene) if MARK in node]
    strips = [plate_of_strip(strip) for strip in strips_of(scene) if MARK in strip]
    return [(each.path, str(each.frames), str(each.colorspace)) for each in nodes + strips]


def _open(project: str) -> None:
    path = f"{project}.blend"
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
    bpy.ops.wm.open_mainfile(filepath=path)


def _save(project: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=f"{project}.blend")
