"""The add-on: a menu entry, a window for the panel, and what happens when a file is opened."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy
from bpy.app.handlers import persistent

from plugin.hosts.blender.adapter import BlenderHost

MENU = "TOPBAR_MT_window"


class _Session:
    """What lives from `register` to `unregister`. Qt is loaded when the panel is first opened."""

    def __init__(self, host: BlenderHost) -> None:
        self.host = host
        self._window: Any = None
        self._pump: Any = None

    def show(self) -> None:
        """Open the window of the panel, or bring it to the front."""
        if self._pump is None:
            from plugin.hosts.blender.pump import Pump
            from plugin.hosts.docked import live_in
            from plugin.hosts.standalone import make_application

            # Not before: while add-ons are enabled, Blender tells nothing of what is open.
            self.host.project = bpy.data.filepath
            self._pump = Pump(make_application(), self.host.turn)
            live_in(self.host)
        if self._window is None:
            from plugin.hosts.docked import DockedPanel

            self._window = DockedPanel()
            self._window.resize(self._window.sizeHint())
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()
        self._pump.start()

    @property
    def pumped(self) -> bool:
        """Whether Blender's timer turns Qt."""
        return self._pump is not None and self._pump.runs

    def opened(self) -> None:
        """Follow Blender to another file."""
        self.host.move_to(bpy.data.filepath)
        if self._pump is not None:
            self._pump.start()

    def saved(self) -> None:
        """Follow the file to another name."""
        self.host.project = bpy.data.filepath

    def close(self) -> None:
        """Let go of everything; jobs go on."""
        if self._pump is not None:
            from plugin.hosts.docked import move_out

            self._pump.stop()
            window, self._window = self._window, None
            if window is not None:
                window.close()
                window.deleteLater()
            move_out()
            self._pump.turn()
        self.host.close()


_session: _Session | None = None


def session() -> _Session:
    """Return what lives now.

    Raises
    ------
    RuntimeError
        The add-on is not registered.
    """
    if _session is None:
        raise RuntimeError("TokenFlow is not registered")
    return _session


class TOKENFLOW_OT_panel(bpy.types.Operator):  # type: ignore[misc]
    """Change how a shot looks with a sentence."""

    bl_idname = "tokenflow.panel"
    bl_label = "TokenFlow"
    bl_options: ClassVar = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Say whether there can be a window."""
        return not bpy.app.background

    def execute(self, context: Any) -> set[str]:
        """Open the panel."""
        try:
            session().show()
        except ImportError as error:
            self.report({"ERROR"}, f"TokenFlow cannot open its window: {error}")
            return {"CANCELLED"}
        return {"FINISHED"}


def register(host: BlenderHost | None = None) -> None:
    """Put the panel into Blender's Window menu.

    Parameters
    ----------
    host
        The adapter; default: one with the user's folders.
    """
    global _session
    _session = _Session(host or BlenderHost())
    bpy.utils.register_class(TOKENFLOW_OT_panel)
    getattr(bpy.types, MENU).append(_draw_entry)
    bpy.app.handlers.load_post.append(_opened)
    bpy.app.handlers.save_post.append(_saved)


def unregister() -> None:
    """Take everything away again; Blender calls it at its end too."""
    global _session
    bpy.app.handlers.save_post.remove(_saved)
    bpy.app.handlers.load_post.remove(_opened)
    getattr(bpy.types, MENU).remove(_draw_entry)
    bpy.utils.unregister_class(TOKENFLOW_OT_panel)
    ended, _session = _session, None
    if ended is not None:
        ended.close()


def _draw_entry(menu: Any, context: Any) -> None:
    menu.layout.separator()
    menu.layout.operator(TOKENFLOW_OT_panel.bl_idname)


@persistent  # type: ignore[untyped-decorator]
def _opened(*_: object) -> None:
    session().opened()


@persistent  # type: ignore[untyped-decorator]
def _saved(*_: object) -> None:
    session().saved()
