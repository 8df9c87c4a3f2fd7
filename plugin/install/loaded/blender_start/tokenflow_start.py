"""Enables TokenFlow when Blender starts.

Written by plugin.install.generate from manifest.json; do not edit.

The preferences are not touched: delete this file, or run `tokenflow hosts uninstall blender`, and
nothing of it is left.
"""

import bpy

MODULES = ("bl_ext.user_default.tokenflow_panel", "tokenflow_panel")


def register():
    """Enable it once Blender has looked through its add-ons; without a window there is no panel."""
    if not bpy.app.background:
        bpy.app.timers.register(_enable, first_interval=0.0)


def unregister():
    """Leave what is enabled to Blender."""
    if bpy.app.timers.is_registered(_enable):
        bpy.app.timers.unregister(_enable)


def _enable():
    import addon_utils

    extensions = bpy.app.version >= (4, 2, 0)
    name = MODULES[0] if extensions else MODULES[1]
    if not addon_utils.check(name)[1]:
        addon_utils.enable(name, persistent=True)
