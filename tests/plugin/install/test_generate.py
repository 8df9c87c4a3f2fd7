"""What hosts load at their start is what the manifest says."""

from __future__ import annotations

import ast
import copy
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from plugin.install.generate import LOADED, texts, write
from plugin.manifest import ManifestUnusable, first_problem, read_manifest


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return read_manifest()


@pytest.fixture(scope="module")
def schema(repository: Path) -> Any:
    import json

    return json.loads((repository / "manifest.schema.json").read_text())


def test_the_generated_files_are_fresh(manifest: dict[str, Any]) -> None:
    written = {
        str(path.relative_to(LOADED)): path.read_text()
        for path in LOADED.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert written == texts(manifest), "run python -m plugin.install.generate"


def test_writing_them_again_changes_nothing(tmp_path: Path) -> None:
    assert len(write(tmp_path)) == len(texts(read_manifest()))
    assert write(tmp_path) == []


def test_blender_reads_name_version_and_oldest_blender_without_running_anything(
    manifest: dict[str, Any],
) -> None:
    source = ast.parse((LOADED / "blender/__init__.py").read_text())
    (info,) = [
        ast.literal_eval(each.value)
        for each in source.body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "bl_info"
    ]
    host = next(each for each in manifest["hosts"] if each["name"] == "blender")
    assert info["name"] == manifest["name"]
    assert ".".join(map(str, info["version"])) == manifest["version"]
    assert ".".join(map(str, info["blender"][:2])) == host["min_version"]


def test_the_extension_states_what_the_product_does(manifest: dict[str, Any]) -> None:
    stated = tomllib.loads((LOADED / "blender/blender_manifest.toml").read_text())
    assert stated["version"] == manifest["version"]
    assert stated["license"] == [f"SPDX:{manifest['license']}"]
    assert stated["maintainer"] == manifest["maintainer"]
    assert manifest["permissions"]["network"][0] in stated["permissions"]["network"]
    assert all(len(each) <= 64 and each[-1].isalnum() for each in stated["permissions"].values())


def test_what_an_old_nuke_loads_is_python_3_7(manifest: dict[str, Any]) -> None:
    for path in sorted((LOADED / "nuke").glob("*.py")):
        ast.parse(path.read_text(), feature_version=(3, 7))
    import plugin.packages

    ast.parse(Path(plugin.packages.__file__).read_text(), feature_version=(3, 7))


GOOD: list[tuple[str, Any]] = [
    ("maintainer", "Somebody"),
    ("hosts.1.max_version", "5.9"),
    ("x-studio", {"anything": 1}),
]
BAD: list[tuple[str, Any]] = [
    ("version", None),
    ("hosts", {}),
    ("hosts.0.entry", 3),
    ("hosts.0.status", None),
    ("entrypoints.0.target", 1),
    ("service.launch", "serve"),
    ("service.protocol_version", "1"),
    ("service.idle_exit_s", True),
    ("permissions.network", None),
    ("capabilities.frame_ranges", "yes"),
    ("models.0.path", None),
]


@pytest.mark.parametrize(("path", "value"), GOOD)
def test_code_and_schema_agree_on_what_is_good(
    manifest: dict[str, Any], schema: Any, path: str, value: Any
) -> None:
    changed = with_value(manifest, path, value)
    jsonschema.validate(changed, schema)
    assert first_problem(changed) == ""


@pytest.mark.parametrize(("path", "value"), BAD)
def test_code_and_schema_agree_on_what_is_bad(
    manifest: dict[str, Any], schema: Any, path: str, value: Any
) -> None:
    changed = with_value(manifest, path, value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, schema)
    assert path.split(".")[0] in first_problem(changed)


def test_every_field_that_the_code_wants_the_schema_wants_too(
    manifest: dict[str, Any], schema: Any
) -> None:
    from plugin.manifest import REQUIRED

    assert set(REQUIRED) | {"manifest_version"} == set(schema["required"])


@pytest.mark.parametrize("version", [2, 0, "1"])
def test_a_manifest_of_another_version_is_refused(tmp_path: Path, version: object) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(f'{{"manifest_version": {version!r}, "version": "7.0.0"}}'.replace("'", '"'))
    with pytest.raises(ManifestUnusable, match=r"this code reads 1.*version 7\.0\.0") as refused:
        read_manifest(path)
    assert refused.value.exit_code == 78


def with_value(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy with one field set; None takes it away."""
    changed = copy.deepcopy(document)
    *way, last = [int(each) if each.isdigit() else each for each in path.split(".")]
    inner: Any = changed
    for each in way:
        inner = inner[each]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return changed
