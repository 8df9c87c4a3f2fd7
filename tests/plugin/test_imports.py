"""Who may import what, looked at from both sides: the sources, and what is loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HOSTS_MODULES = {
    "bpy": "plugin/hosts/blender",
    "addon_utils": "plugin/install",
    "nuke": "plugin/hosts/nuke",
    "nukescripts": "plugin/hosts/nuke",
    "napari": "plugin/hosts/napari.py",
}
QT = {"PySide6", "shiboken6", "shibokensupport", "signature_bootstrap"}
NEVER = {"numpy", "torch", "OpenImageIO", "PyOpenColorIO", "diffusers", "PIL", "cv2", "typer"}


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level names of everything that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_only_its_own_adapter_touches_a_hosts_api(repository: Path) -> None:
    for folder in ("ocio", "plugin", "tokenflow", "ui"):
        for path in (repository / folder).rglob("*.py"):
            name = str(path.relative_to(repository))
            if name.startswith("plugin/install/loaded"):
                continue
            for module in HOSTS_MODULES.keys() & set(imports(path)):
                assert name.startswith(HOSTS_MODULES[module]), f"{name} imports {module}"


def test_the_panel_names_no_host(repository: Path) -> None:
    for path in (repository / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value.lower() not in ("nuke", "blender", "napari"), path


def test_what_a_host_loads_is_ours_qt_and_the_standard_library(
    repository: Path,
) -> None:
    program = (
        "import pkgutil, sys\n"
        "from importlib import import_module\n"
        "from tests.plugin.hosts.nuke_stand_in import Nuke, nuke_in_place\n"
        "with nuke_in_place(Nuke()):\n"
        "    before = set(sys.modules)\n"
        "    import plugin, ui\n"
        "    for package in (plugin, ui):\n"
        "        for each in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "            if '__main__' in each.name or 'blender' in each.name.split('.')[-2:]:\n"
        "                continue\n"
        "            if 'hosts.blender' in each.name or each.name == 'plugin.hosts.napari':\n"
        "                continue\n"
        "            import_module(each.name)\n"
        "    print(*{name.partition('.')[0] for name in set(sys.modules) - before})\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=repository
    )
    assert ran.returncode == 0, ran.stderr
    loaded = set(ran.stdout.split())
    assert not loaded & NEVER
    strangers = loaded - sys.stdlib_module_names - {"ocio", "plugin", "tokenflow", "ui"}
    assert {name for name in strangers if not name.startswith("_")} <= QT
