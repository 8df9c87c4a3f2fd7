"""Blender 3.4 to 5.x; the only modules that import `bpy`."""
