"""Writes what hosts load at their start from the product manifest, the one source of its facts.

`python -m plugin.install.generate` renews the files; a test says when that was forgotten.
"""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

from plugin.manifest import read_manifest

WRITTEN = "Written by plugin.install.generate from manifest.json; do not edit."
EXTENSIONS_SINCE = "4.2.0"
"""The Blender whose add-ons are extensions with a manifest of their own."""

BLENDER_MODULE = "tokenflow_panel"
NAPARI_DISTRIBUTION = "tokenflow_napari"

HERE = Path(__file__).parent
LOADED = HERE / "loaded"
FILES = {
    "blender/__init__.py": "blender_init.py.in",
    "blender/blender_manifest.toml": "blender_manifest.toml.in",
    "blender_start/tokenflow_start.py": "blender_start.py.in",
    "nuke/init.py": "nuke_init.py.in",
    "nuke/menu.py": "nuke_menu.py.in",
    "nuke/tokenflow_nuke.py": "nuke_loading.py.in",
    f"napari/{NAPARI_DISTRIBUTION}/__init__.py": "napari_init.py.in",
    f"napari/{NAPARI_DISTRIBUTION}/napari.yaml": "napari.yaml.in",
    f"napari/{NAPARI_DISTRIBUTION}.dist-info/METADATA": "napari_metadata.txt.in",
    f"napari/{NAPARI_DISTRIBUTION}.dist-info/entry_points.txt": "napari_entry_points.txt.in",
}
"""What is written, below `loaded`, and the template that it is written from."""


def texts(manifest: dict[str, Any]) -> dict[str, str]:
    """Return every generated file's text by its path below `loaded`."""
    facts = _facts(manifest)
    return {
        name: Template((HERE / "templates" / template).read_text("utf-8")).substitute(facts)
        for name, template in FILES.items()
    }


def write(folder: Path = LOADED) -> list[Path]:
    """Write all of them; returns those that were not as they are now."""
    changed = []
    for name, text in texts(read_manifest()).items():
        path = folder / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            changed.append(path)
    return changed


def _facts(manifest: dict[str, Any]) -> dict[str, str]:
    hosts = {host["name"]: host for host in manifest["hosts"]}
    panel = next(each for each in manifest["entrypoints"] if each["type"] == "panel")
    return {
        "written": WRITTEN,
        "name": manifest["name"],
        "version": manifest["version"],
        "version_tuple": _tuple(manifest["version"]),
        "description": manifest["description"],
        # Blender takes 64 letters and no full stop.
        "tagline": manifest["tagline"],
        "maintainer": manifest["maintainer"],
        "license": manifest["license"],
        "panel_label": panel["label"],
        "module": BLENDER_MODULE,
        "distribution": NAPARI_DISTRIBUTION,
        "blender_tuple": _tuple(hosts["blender"]["min_version"]),
        "extension_version": EXTENSIONS_SINCE,
        "extension_tuple": f"({_tuple(EXTENSIONS_SINCE)})",
        "nuke_major": hosts["nuke"]["min_version"].partition(".")[0],
    }


def _tuple(version: str) -> str:
    """``3.4`` is ``3, 4, 0`` to Blender."""
    numbers = version.partition("-")[0].split(".")
    return ", ".join([*numbers, "0", "0"][:3])


if __name__ == "__main__":
    for changed in write():
        print(changed)
