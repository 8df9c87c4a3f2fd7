"""Blender as a host: what is selected, its colours and times, and results put in their place.

Features are tested, not version numbers: one file serves 3.4 to 5.x. Everything of `bpy` is called
in the main thread; in background mode there is no window, and what needs one is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import bpy

from plugin.hosts.base import Adapter, environment_config, in_main_thread, sha256_of
from plugin.hosts.blender.images import (
    edited_images,
    node_of_job,
    node_of_plate,
    place_node,
    selected_nodes,
    set_space,
)
from plugin.hosts.blender.strips import place_strip, selected_strips, strip_of_job, strip_of_plate
from ui.host import Capability, Handle, HostColour, HostPlate, HostResult, HostTimeline

UNDO = "TokenFlow: place the result"


class BlenderHost(Adapter):
    """The adapter.

    Parameters
    ----------
    settings
        Folder of presets and state; default: the user's.
    """

    def __init__(self, settings: Path | None = None) -> None:
        super().__init__(
            "Blender", bpy.app.version_string, gui=not bpy.app.background, settings=settings
        )
        self._waiting: deque[Callable[[], None]] = deque()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Host.capabilities`; without a window nothing can be undone."""
        always: set[Capability] = {"selection", "place_result", "reload", "colour", "timeline"}
        return frozenset(always if bpy.app.background else {*always, "undo"})

    def plates(self) -> tuple[HostPlate, ...]:
        """See `Host.plates`: the compositor's nodes, then strips, then what image editors show."""
        scene, seen = _scene(), set()
        windows = bpy.context.window_manager.windows
        plates = []
        for plate in chain(selected_nodes(scene), selected_strips(scene), edited_images(windows)):
            if plate.path not in seen:
                seen.add(plate.path)
                plates.append(plate)
        return tuple(plates)

    def timeline(self) -> HostTimeline:
        """See `Host.timeline`; 24 frames with a base of 1.001 are 24000/1001 a second."""
        scene = _scene()
        rate = scene.render
        fps = Fraction(rate.fps * 1000, round(rate.fps_base * 1000))
        return HostTimeline(scene.frame_start, scene.frame_end, scene.frame_current, fps)

    def colour(self) -> HostColour:
        """See `Host.colour`; Blender's own config is a file that the service can read too."""
        scene = _scene()
        display, view = scene.display_settings.display_device, scene.view_settings.view_transform
        named = environment_config()
        config = named.config if named else _own_config()
        spaces = getattr(bpy.data, "colorspace", None)
        return HostColour(
            config,
            named.chosen_by if named else "built-in",
            sha256_of(config or ""),
            working_space=spaces.working_space if spaces else "",
            interop_id=spaces.working_space_interop_id if spaces else "",
            display=display,
            view=view,
        )

    def place(self, result: HostResult) -> Handle | None:
        """See `Host.place_result`: a strip if the plate is one, else a node of the compositor."""
        scene = _scene()
        node = node_of_plate(scene, result.plate_path)
        strip = None if node is not None else strip_of_plate(scene, result.plate_path)
        if strip is not None:
            placed = place_strip(scene, result, strip)
            settings = placed.colorspace_settings
        else:
            placed = place_node(scene, result, node)
            settings = placed.image.colorspace_settings
        if not set_space(settings, result.colorspace):
            self.notify(
                "warning",
                f"Blender has no colour space '{result.colorspace}', and shows the result as "
                f"'{settings.name}'",
                "Start Blender with the $OCIO of the show.",
            )
        self._end_of_step()
        return f"{'strip' if strip is not None else 'node'}:{result.job_id}"

    def reload(self, handle: Handle) -> None:
        """See `Host.reload`."""
        kind, _, job_id = handle.partition(":")
        if kind == "node":
            node = node_of_job(_scene(), job_id)
            if node is not None:
                node.image.reload()
                node.id_data.update_tag()
        else:
            strip = strip_of_job(_scene(), job_id)
            if strip is not None:
                # The same name again makes it forget what it has read.
                strip.directory = strip.directory

    def call_main(self, call: Callable[[], None]) -> None:
        """See `Host.call_main`; what comes from other threads waits for `turn`."""
        if in_main_thread():
            call()
        else:
            self._waiting.append(call)

    def turn(self) -> None:
        """Call what other threads asked for; by a timer of Blender, in the main thread."""
        while self._waiting:
            self._waiting.popleft()()

    def close(self) -> None:
        """See `Host.close`."""
        self._waiting.clear()

    def _end_of_step(self) -> None:
        """Make all that was done since the last step one that can be undone."""
        windows = bpy.context.window_manager.windows
        if bpy.app.background or not windows:
            return
        # In a timer no window is the current one, and operators want one.
        with bpy.context.temp_override(window=bpy.context.window or windows[0]):
            bpy.ops.ed.undo_push(message=UNDO)


def _scene() -> Any:
    """Return the scene that the user sees; in a timer no window is the current one."""
    windows = bpy.context.window_manager.windows
    window = bpy.context.window or (windows[0] if windows else None)
    return window.scene if window is not None else bpy.context.scene


def _own_config() -> str | None:
    folder = bpy.utils.system_resource("DATAFILES", path="colormanagement")
    path = Path(folder or "") / "config.ocio"
    return str(path) if path.is_file() else None
