"""TokenFlow for Blender.

Written by plugin.install.generate from manifest.json; do not edit.

Loads the panel from where it is installed; `place.json` beside this file says where that is.
"""

import importlib.util
import json
from pathlib import Path

bl_info = {
    "name": "TokenFlow",
    "author": "The TokenFlow for compositors developers",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Window > TokenFlow",
    "description": "Change how a shot looks with a sentence",
    "category": "Compositing",
}


def _addon():
    """Return the add-on itself, from the place where the product is installed."""
    place = json.loads((Path(__file__).parent / "place.json").read_text("utf-8"))
    packages = Path(place["root"]) / "plugin" / "packages.py"
    if not packages.is_file():
        raise RuntimeError(
            f"TokenFlow is not in {place['root']} any more. Run `tokenflow hosts install blender` "
            "where it is now."
        )
    spec = importlib.util.spec_from_file_location("tokenflow_packages", packages)
    loader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader)
    loader.offer(place["root"], place["qt"], place["python"])
    from plugin.hosts.blender import addon

    return addon


def register():
    """Add the panel to Blender's Window menu."""
    _addon().register()


def unregister():
    """Take it away."""
    _addon().unregister()
