from __future__ import annotations

import ast
import copy
import json
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tokenflow.job import Color


@pytest.fixture(scope="module")
def manifest(repository: Path) -> Any:
    return json.loads((repository / "manifest.json").read_text())


@pytest.fixture(scope="module")
def schema(repository: Path) -> Any:
    return json.loads((repository / "manifest.schema.json").read_text())


@pytest.fixture(scope="module")
def project(repository: Path) -> Any:
    with (repository / "pyproject.toml").open("rb") as stream:
        return tomllib.load(stream)["project"]


def test_the_manifest_fits_its_schema(manifest: Any, schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(manifest, schema)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "one"),
        ("manifest_version", 2),
        ("id", "TokenFlow"),
        ("platforms", []),
        ("colour", "blue"),
        ("hosts", [{"name": "nuke"}]),
        ("hosts", "nuke"),
        ("tagline", "Ends with a stop."),
        ("entrypoints", [{"type": "command", "id": "a", "label": "A", "target": "no target"}]),
    ],
)
def test_the_schema_refuses_a_bad_manifest(
    manifest: Any, schema: Any, key: str, value: object
) -> None:
    spoiled = copy.deepcopy(manifest) | {key: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoiled, schema)


def test_the_schema_leaves_room_for_others(manifest: Any, schema: Any) -> None:
    jsonschema.validate(manifest | {"x-studio": {"anything": 1}}, schema)


@pytest.mark.parametrize(
    ("fact", "stated"),
    [
        ("version", "version"),
        ("description", "description"),
        ("license", "license"),
        ("python", "requires-python"),
    ],
)
def test_manifest_and_package_state_the_same(
    manifest: Any, project: Any, fact: str, stated: str
) -> None:
    assert manifest[fact] == project[stated]


def test_name_and_id_end_in_the_packages_name(manifest: Any, project: Any) -> None:
    assert manifest["name"].lower() == project["name"]
    assert manifest["id"].split(".")[-1] == project["name"]


def test_every_command_is_an_entry_point_and_the_other_way_round(
    manifest: Any, project: Any
) -> None:
    commands = {
        each["id"]: each["target"] for each in manifest["entrypoints"] if each["type"] == "command"
    }
    assert commands == project["scripts"]


def test_every_target_can_be_called(manifest: Any) -> None:
    for entry in manifest["entrypoints"]:
        module, name = entry["target"].split(":")
        assert callable(getattr(import_module(module), name))


def test_every_host_has_what_it_is_to_enter_by(manifest: Any, repository: Path) -> None:
    for host in manifest["hosts"]:
        # Its module imports the host's own, which only the host has: read, not imported.
        module, name = host["entry"].split(":")
        source = (repository / module.replace(".", "/")).with_suffix(".py").read_text()
        defined = [each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)]
        assert name in [each.name for each in defined], host["name"]


def test_every_shipped_model_is_there_with_its_weights(manifest: Any, repository: Path) -> None:
    for model in manifest["models"]:
        assert list((repository / model["path"]).rglob("*.safetensors")), model["id"]


def test_the_oldest_ocio_is_the_one_that_is_installed_at_least(manifest: Any, project: Any) -> None:
    wanted = f"opencolorio>={manifest['capabilities']['ocio']}"
    assert wanted in project["optional-dependencies"]["colour"]


def test_encodings_of_the_schema_are_those_of_the_job(schema: Any) -> None:
    from typing import get_args, get_type_hints

    models = schema["properties"]["models"]["items"]["properties"]
    known = get_args(get_type_hints(Color)["encoding"])
    assert tuple(models["encodings"]["items"]["enum"]) == known
