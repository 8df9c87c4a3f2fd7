"""Where this machine sees the paths of another one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tokenflow.errors import InvalidPathMapping
from tokenflow.farm.path_mapping import PathMapping, Rule
from tokenflow.job import (
    Base,
    Color,
    Control,
    Deflicker,
    Edit,
    EditJob,
    Matte,
    Model,
    Output,
    Plate,
    job_hash,
)


def mapping(*rules: tuple[str, str, str]) -> PathMapping:
    return PathMapping.of(Rule(kind, source, to) for kind, source, to in rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/src/a.####.exr", "/mnt/a.####.exr"),
        ("/src", "/mnt"),
        ("/srcfoo/a.exr", "/srcfoo/a.exr"),
        ("/src/deep/a.exr", "/fast/a.exr"),
        ("/SRC/a.exr", "/SRC/a.exr"),
        ("demo", "demo"),
    ],
)
def test_whole_parts_count_and_the_longest_source_wins(path: str, here: str) -> None:
    rules = mapping(("POSIX", "/src", "/mnt"), ("POSIX", "/src/deep/", "/fast/"))
    assert rules.path(path) == here


@pytest.mark.parametrize(
    "path", ["P:\\Shots\\a.exr", "p:/shots/a.exr", "P:\\SHOTS/a.exr", "P:\\shots\\\\a.exr"]
)
def test_windows_paths_ignore_case_and_take_both_slashes(path: str) -> None:
    assert mapping(("WINDOWS", "P:\\shots", "/mnt/shots")).path(path) == "/mnt/shots/a.exr"


def test_a_share_of_windows_is_mapped() -> None:
    rules = mapping(("WINDOWS", "\\\\server\\jobs", "/jobs"))
    assert rules.path("\\\\Server\\jobs\\x\\a.exr") == "/jobs/x/a.exr"


def test_everything_in_a_job_is_mapped_and_its_settings_stay() -> None:
    job = EditJob(
        plate=Plate("/src/plate/a.####.exr"),
        color=Color(ocio="/src/config.ocio"),
        edit=Edit(
            prompt="a /src ball",
            technique="controlnet",
            controls=(Control("depth", "/src/depth"), Control()),
        ),
        model=Model("/src/model", decoder="temporal", decoder_checkpoint="/src/decoder"),
        matte=Matte("/src/matte/m.####.exr:/src.a"),
        deflicker=Deflicker(flow="raft", flow_weights="/src/raft.safetensors"),
        output=Output("/src/out/a.####.exr"),
        base=Base("/src/v1/a.job.json", blend=2),
    )
    mapped = mapping(("POSIX", "/src", "/here")).job(job)
    text = json.dumps(job.to_json())
    there = text.replace('"/src/', '"/here/')
    assert json.loads(json.dumps(mapped.to_json())) == json.loads(there)
    assert mapped.edit.prompt == job.edit.prompt
    assert job_hash(mapped) != job_hash(job)  # which is why a run keeps the hash of the first


def test_a_rules_file_is_read_and_an_empty_one_maps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    rule = {"source_path_format": "POSIX", "source_path": "/a", "destination_path": "/b"}
    file.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [rule]}))
    assert PathMapping.read(file).path("/a/x") == "/b/x"
    file.write_text("{}")
    assert PathMapping.read(file).path("/a/x") == "/a/x"


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "{",
        '{"version": "pathmapping-9"}',
        '{"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path_format": "MAC"}]}',
    ],
)
def test_rules_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rules.json"
    file.write_text(text)
    with pytest.raises(InvalidPathMapping, match="pathmapping-1"):
        PathMapping.read(file)
