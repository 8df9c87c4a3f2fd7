"""What a user does in Blender's window, played by timers; `test_blender_window` starts it.

Blender is called with this file by `-P`, and `TOKENFLOW_PLAY` names a JSON file with what to edit.
Each act waits for the one before, never for a time; what was seen goes into `seen.json` beside it.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import bpy

PLAY = json.loads(Path(os.environ["TOKENFLOW_PLAY"]).read_text("utf-8"))
FOLDER = Path(os.environ["TOKENFLOW_PLAY"]).parent
PATIENCE = 600.0
POLL = 0.05
WIDE = 260.0  # units of a node tree
CLOSER = 4  # clicks of the wheel, since Blender leaves a margin around all nodes
ACESCG = ("ACEScg", "Linear ACEScg")  # as Blender calls it from 4.0 on, and before

Acts = Generator[Callable[[], Any], None, Any]
seen: dict[str, Any] = {}


def play() -> Acts:
    """Take a plate from the compositor, edit it, put the result beside it; undo; open a file."""
    yield lambda: hasattr(bpy.types, "TOKENFLOW_OT_panel")
    tree = yield from show_compositor()
    plate = add_plate(tree)
    bpy.ops.wm.save_as_mainfile(filepath=PLAY["project"])
    bpy.ops.tokenflow.panel()

    from PySide6.QtWidgets import QApplication

    from plugin.hosts.blender import addon
    from plugin.hosts.docked import DockedPanel

    window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, DockedPanel))
    window.setGeometry(*PLAY["panel"])
    panel = window.panel
    assert panel is not None
    yield lambda: panel.presenter.service.state.value.condition == "ready"
    panel.shot.selection.click()
    yield lambda: panel.presenter.shot.condition.value in ("ready", "failed")
    shot = panel.presenter.shot
    seen["trouble"] = str(shot.trouble.value)
    facts = shot.facts.value
    seen["shot"] = [facts.range_text if facts else "", shot.colorspace.value.text]
    edit = panel.presenter.edit
    for key, value in PLAY["edit"].items():
        edit[key].set(value)
    render = panel.presenter.render
    yield lambda: noted("reasons", render.reasons.value) or render.ready.value
    panel.actions_row.render_button.click()
    jobs = panel.presenter.jobs

    def ours() -> Any:
        """The job of this play: the service may have those of other hosts too."""
        rows = [row for row in jobs.rows.value if row.prompt == PLAY["edit"]["prompt"]]
        return rows[0] if rows else None

    yield lambda: noted("refused", jobs.trouble.value) or ours()
    yield lambda: ours().state in ("done", "failed")
    row = ours()
    seen["job"] = [row.state, str(row.trouble)]
    jobs.load(row.id)
    yield lambda: [node for node in image_nodes() if node.get("tokenflow_job") == row.id]
    result = next(node for node in image_nodes() if "tokenflow_job" in node)
    seen["node"] = {
        "file": bpy.path.abspath(result.image.filepath),
        "frames": [result.frame_offset + 1, result.frame_duration],
        "start": [result.frame_start, plate.frame_start],
        "space": result.image.colorspace_settings.name,
        "source": result.image.source,
    }
    result_name = result.name
    yield from show_all_nodes()
    yield from picture("edit")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.ed.undo()
    seen["after_undo"] = [node.name for node in image_nodes()]
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.ed.redo()
    seen["after_redo"] = result_name in [node.name for node in image_nodes()]
    bpy.ops.wm.read_homefile()
    yield lambda: window.panel is not None and window.panel is not panel
    seen["after_new_file"] = {
        "visible": window.isVisible(),
        "pumped": addon.session().pumped,
        "project": addon.session().host.project,
    }
    again = window.panel
    assert again is not None
    yield lambda: again.presenter.service.state.value.condition == "ready"
    bpy.ops.wm.open_mainfile(filepath=PLAY["project"])
    yield lambda: window.panel is not None and window.panel is not again
    back = window.panel
    assert back is not None
    yield lambda: back.presenter.edit["prompt"].value.value == PLAY["edit"]["prompt"]
    seen["prompt_of_the_project"] = True
    window.hide()
    open_menu()
    yield from picture("menu")


def noted(name: str, what: object) -> bool:
    """Keep something for the case that what is awaited never happens; says that it did not."""
    seen[name] = str(what)
    return False


def show_compositor() -> Acts:
    """Show the compositor in Blender's window and nothing beside it; returns its tree."""
    window = bpy.context.window_manager.windows[0]
    window.workspace = bpy.data.workspaces["Compositing"]
    yield lambda: window.screen == window.workspace.screens[0]
    # One at a time: the areas that are left grow when Blender is back in its own loop.
    while others := [area for area in window.screen.areas if area.type != "NODE_EDITOR"]:
        yield from close_area(window, others[0])
    node_area(window).spaces.active.show_region_ui = False
    from plugin.hosts.blender.images import make_compositor_tree

    return make_compositor_tree(window.scene)


def close_area(window: Any, area: Any) -> Acts:
    """Give a part of Blender's window to those beside it."""
    count = len(window.screen.areas)
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.screen.area_close()
    yield lambda: len(window.screen.areas) < count


def node_area(window: Any) -> Any:
    """Return the part of Blender's window that shows nodes."""
    return next(area for area in window.screen.areas if area.type == "NODE_EDITOR")


def add_plate(tree: Any) -> Any:
    """Add the plate's node, in front of the output, and select it."""
    for each in [each for each in tree.nodes if each.type == "R_LAYERS"]:
        tree.nodes.remove(each)
    for each in tree.nodes:
        each.select = False
    node = tree.nodes.new("CompositorNodeImage")
    node.label = "Plate"
    node.image = bpy.data.images.load(PLAY["first_file"])
    node.image.source = "SEQUENCE"
    node.frame_duration, node.frame_offset, node.frame_start = PLAY["frames"]
    node.use_auto_refresh = True
    space = node.image.colorspace_settings
    known = space.bl_rna.properties["name"].enum_items
    space.name = seen["space"] = next(name for name in ACESCG if name in known)
    node.location, node.width = (0.0, 400.0), WIDE
    for each in [each for each in tree.nodes if each.type == "COMPOSITE"]:
        each.location.x = WIDE + 120.0
        tree.links.new(node.outputs[0], each.inputs[0])
    node.select, tree.nodes.active = True, node
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.ed.undo_push(message="Add the plate")  # as a user's own act would be one
    return node


def image_nodes() -> list[Any]:
    """Return the compositor's image nodes as they are now: an undo makes other ones."""
    from plugin.hosts.blender.images import image_nodes as all_nodes

    return all_nodes(bpy.context.window_manager.windows[0].scene)


def show_all_nodes() -> Acts:
    """Let the compositor's nodes fill the window."""
    window = bpy.context.window_manager.windows[0]
    area = node_area(window)
    region = next(region for region in area.regions if region.type == "WINDOW")
    bpy.context.preferences.view.smooth_view = 0  # at once, and not bit by bit
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.node.view_all()
    yield lambda: True
    with bpy.context.temp_override(window=window, area=area, region=region):
        for _ in range(CLOSER):
            bpy.ops.view2d.zoom_in()


def open_menu() -> None:
    """Open the menu that the panel is in, below its own word; it stays open."""
    window = bpy.context.window_manager.windows[0]
    window.cursor_warp(140, window.height - 50)
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.call_menu(name="TOPBAR_MT_window")


def picture(name: str) -> Acts:
    """Wait until who started this has taken a picture of the screen."""
    (FOLDER / f"{name}.wanted").touch()
    yield lambda: (FOLDER / f"{name}.taken").exists()


class Player:
    """Goes on with the acts whenever what they wait for has come."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._awaited: Callable[[], Any] = lambda: True
        self._since = time.monotonic()

    def turn(self) -> float | None:
        """Do the next act if it is time; returns the seconds until the next look."""
        try:
            if not self._awaited():
                if time.monotonic() - self._since > PATIENCE:
                    # Inside, so that it tells the line that waits.
                    self._acts.throw(TimeoutError("it never happened"))
                return POLL
            self._awaited = next(self._acts)
            self._since = time.monotonic()
        except StopIteration:
            return self._end()
        except BaseException:
            seen["error"] = traceback.format_exc()
            return self._end()
        return 0.0

    @staticmethod
    def _end() -> None:
        (FOLDER / "seen.json").write_text(json.dumps(seen, indent=1), "utf-8")
        bpy.ops.wm.quit_blender()


player = Player(play())
turn = player.turn
bpy.app.timers.register(turn, first_interval=0.5, persistent=True)
