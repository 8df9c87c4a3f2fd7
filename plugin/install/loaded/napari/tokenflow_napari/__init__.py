"""TokenFlow for napari.

Written by plugin.install.generate from manifest.json; do not edit.

Loads the panel from where it is installed; `place.json` beside this package says where that is.
"""

import importlib.util
import json
from pathlib import Path


def make_panel():
    """Return the widget that napari docks."""
    place = json.loads((Path(__file__).parents[1] / "place.json").read_text("utf-8"))
    packages = Path(place["root"]) / "plugin" / "packages.py"
    if not packages.is_file():
        raise RuntimeError(
            f"TokenFlow is not in {place['root']} any more. Run `tokenflow hosts install napari` "
            "where it is now."
        )
    spec = importlib.util.spec_from_file_location("tokenflow_packages", packages)
    loader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader)
    loader.offer(place["root"], None, place["python"])
    from plugin.hosts.napari import make_panel as make

    return make()
