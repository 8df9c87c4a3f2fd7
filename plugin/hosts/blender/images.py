"""Image sequences as Blender's compositor and image editor have them.

Which file stands at which frame of the scene, from the manual's page on image nodes and measured in
`tests/plugin/for_real/test_blender_module.py`: at scene frame ``s`` the file with number
``s - frame_start + 1 + frame_offset``, for as many frames as `frame_duration` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from ocio.frame_range import FrameRange
from plugin.hosts.file_names import file_of, frame_of, pattern_of, same_sequence
from ui.host import HostPlate, HostResult

MARK = "tokenflow_job"
TILE = (0.24, 0.34, 0.42)
GAP, HEAD, LINE = 60.0, 200.0, 22.0  # units of a node tree
DATA_SPACES = ("Non-Color", "Raw")


def compositor_tree(scene: Any) -> Any | None:
    """Return the compositor's tree; None where it is not used. Blender 5 calls it otherwise."""
    if hasattr(scene, "compositing_node_group"):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def make_compositor_tree(scene: Any) -> Any:
    """Return the compositor's tree, made where there is none."""
    if not hasattr(scene, "compositing_node_group"):
        scene.use_nodes = True
        return scene.node_tree
    if scene.compositing_node_group is None:
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        scene.compositing_node_group = tree
    return scene.compositing_node_group


def image_nodes(scene: Any) -> list[Any]:
    """Return the compositor's nodes that show an image from disk."""
    tree = compositor_tree(scene)
    nodes = [] if tree is None else [node for node in tree.nodes if node.type == "IMAGE"]
    return [node for node in nodes if node.image is not None and _on_disk(node.image)]


def selected_nodes(scene: Any) -> Iterator[HostPlate]:
    """Yield what the selected image nodes show, the active one first."""
    tree = compositor_tree(scene)
    active = tree.nodes.active if tree is not None else None
    chosen = [node for node in image_nodes(scene) if node.select]
    for node in sorted(chosen, key=lambda node: node != active):
        yield plate_of(node.image, node, node.label or node.name)


def edited_images(windows: Any) -> Iterator[HostPlate]:
    """Yield what image editors show."""
    for window in windows:
        for area in window.screen.areas:
            space = area.spaces.active
            if area.type == "IMAGE_EDITOR" and space.image is not None and _on_disk(space.image):
                yield plate_of(space.image, space.image_user, space.image.name)


def plate_of(image: Any, user: Any, name: str) -> HostPlate:
    """Describe an image; `user` says which frames of it are shown."""
    path = absolute(image.filepath, image.library)
    frames = None
    if image.source == "SEQUENCE":
        first = user.frame_offset + 1
        frames = FrameRange.of(range(first, first + user.frame_duration))
        path = pattern_of(path)
    space = image.colorspace_settings.name
    return HostPlate(
        path,
        name,
        frames,
        colorspace=space,
        explicit=space not in DATA_SPACES,
        raw=space in DATA_SPACES,
        premultiplied=image.alpha_mode == "PREMUL",
    )


def node_of_plate(scene: Any, pattern: str) -> Any | None:
    """Return the node that shows a sequence, a selected one before others; None without one."""
    found = [
        node
        for node in image_nodes(scene)
        if MARK not in node and same_sequence(plate_of(node.image, node, "").path, pattern)
    ]
    return next(iter(sorted(found, key=lambda node: not node.select)), None)


def node_of_job(scene: Any, job_id: str) -> Any | None:
    """Return the node that a job's result was placed in."""
    return next((node for node in image_nodes(scene) if node.get(MARK) == job_id), None)


def place_node(scene: Any, result: HostResult, plate: Any | None) -> Any:
    """Show a result in the compositor: beside its plate, in the node that it has, or a new one."""
    tree = make_compositor_tree(scene)
    node = node_of_job(scene, result.job_id)
    if node is None:
        node = tree.nodes.new("CompositorNodeImage")
        node[MARK] = result.job_id
        node.use_custom_color, node.color = True, TILE
        if plate is not None:
            node.width = plate.width
            # Nodes hang from their upper left corner.
            node.location = (plate.location.x, plate.location.y - drawn_height(plate) - GAP)
            node.parent = plate.parent
    first = file_of(result.path, result.frames[0])
    if node.image is None:
        node.image = bpy.data.images.load(first, check_existing=False)
    else:
        node.image.filepath = first
    node.image.source = "SEQUENCE"
    if plate is not None:
        node.image.alpha_mode = plate.image.alpha_mode
    node.label = pattern_of(first).rpartition("/")[2]
    set_range(node, result.frames, plate)
    node.image.reload()
    return node


def drawn_height(node: Any) -> float:
    """Return how high a node is in units of its tree, or was when it was drawn last.

    `height` says nothing of what is drawn, and `dimensions` are pixels of the screen, or nothing
    before they are drawn: then it is guessed from the outputs, a line each.
    """
    scale = bpy.context.preferences.system.ui_scale or 1.0
    lines = sum(output.enabled and not output.hide for output in node.outputs)
    return float(node.dimensions.y / scale or HEAD + LINE * lines)


def set_range(user: Any, frames: FrameRange, plate: Any) -> None:
    """Show frames at the moments of the scene at which the plate shows those of the same number."""
    first = frames[0]
    user.frame_duration = frames[-1] - first + 1
    user.frame_offset = first - 1
    # A plate's file number f stands at the scene's frame f - offset + start - 1.
    shown = plate is not None and plate.image.source == "SEQUENCE"
    user.frame_start = first + (plate.frame_start - plate.frame_offset - 1 if shown else 0)
    user.use_cyclic = False
    user.use_auto_refresh = True


def set_space(settings: Any, name: str | None) -> bool:
    """Set a colour space; False where Blender's config has none of that name."""
    if name is None:
        return True
    if name not in settings.bl_rna.properties["name"].enum_items:
        return False
    settings.name = name
    return True


def absolute(path: str, library: Any = None) -> str:
    """Return a path of Blender without its ``//``, with forward slashes."""
    return str(bpy.path.abspath(path, library=library)).replace("\\", "/")


def frame_numbers(files: Iterable[str]) -> FrameRange | None:
    """Return the numbers in file names; None where one has none."""
    numbers = [*map(frame_of, files)]
    known = [number for number in numbers if number is not None]
    return FrameRange.of(known) if known and len(known) == len(numbers) else None


def _on_disk(image: Any) -> bool:
    return image.source in ("SEQUENCE", "FILE") and bool(image.filepath)
