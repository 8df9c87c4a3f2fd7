from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from tokenflow.errors import InvalidJob
from tokenflow.job import Control, Edit, EditJob, Output, Plate, job_hash, job_schema

SHA = "a" * 64


@pytest.fixture
def job() -> EditJob:
    return with_controls(Control("depth", "/models/depth", 0.8), Control("canny", "/models/canny"))


def with_controls(*controls: Control) -> EditJob:
    edit = Edit(prompt="a blue ball", technique="controlnet", controls=controls)
    return EditJob(plate=Plate("/shot.####.exr"), edit=edit, output=Output("/out"))


def test_a_list_of_controls_survives_json(job: EditJob) -> None:
    document = json.loads(json.dumps(job.to_json()))
    jsonschema.validate(document, job_schema())
    assert EditJob.from_json(document) == job


@pytest.mark.parametrize(
    ("controls", "named"),
    [
        (3, "edit.controls must be a list"),
        (["depth"], r"edit.controls\[0\] must be a JSON object"),
        ([{}, {"picture": "depth"}], r"edit.controls\[1\] has an unknown field 'picture'"),
        ([{"image": "segmentation"}], "edit.controls.image must be depth, canny"),
        ([{"image": ":"}], "edit.controls.image must be"),
        ([{"weight": 2.5}], "edit.controls.weight must be a number from 0 to 2"),
    ],
)
def test_a_bad_control_is_refused_by_reader_and_schema(
    job: EditJob, controls: Any, named: str
) -> None:
    document = job.to_json()
    document["edit"]["controls"] = controls
    with pytest.raises(InvalidJob, match=named):
        EditJob.from_json(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, job_schema())


def test_no_controls_leave_the_hash_as_it_was_without_the_field() -> None:
    edit = Edit(prompt="a blue ball")
    plain = EditJob(plate=Plate("/shot.####.exr"), edit=edit, output=Output("/out"))
    document = plain.to_json()
    del document["edit"]["controls"]
    assert job_hash(EditJob.from_json(document)) == job_hash(plain)


def test_known_weights_of_a_control_count_by_content_and_not_by_place() -> None:
    here, there = (with_controls(Control("depth", place, 1, SHA)) for place in ("/a", "/b"))
    assert job_hash(here) == job_hash(there)
    unknown = [with_controls(Control("depth", place)) for place in ("/a", "/b")]
    assert len({job_hash(here), *map(job_hash, unknown)}) == 3


@pytest.mark.parametrize(
    "other", [Control("canny", "/a", 1, SHA), Control("depth", "/a", 0.5, SHA)]
)
def test_picture_and_weight_of_a_control_change_the_hash(other: Control) -> None:
    assert job_hash(with_controls(other)) != job_hash(with_controls(Control("depth", "/a", 1, SHA)))


def test_controls_are_for_their_technique_only(job: EditJob) -> None:
    with pytest.raises(InvalidJob, match="are for the technique controlnet, not for pnp"):
        replace(job.edit, technique="pnp")


def test_mode_released_has_no_controls() -> None:
    with pytest.raises(InvalidJob, match="released has no technique controlnet"):
        Edit(prompt="a blue ball", technique="controlnet", mode="released")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("depth", Control()),
        ("depth@0.5", Control(weight=0.5)),
        ("canny=/models/canny", Control("canny", "/models/canny")),
        ("depth=/models/a@b@0.8", Control("depth", "/models/a@b", 0.8)),
        ("canny=/models/a@b", Control("canny", "/models/a@b")),
        (":normals.X=/models/n@1", Control(":normals.X", "/models/n")),
    ],
)
def test_the_command_line_names_picture_folder_and_weight(text: str, meant: Control) -> None:
    assert Control.parse(text) == meant


@pytest.mark.parametrize("text", ["", "=/models", "depth=", "depth=@0.5", "@1", "depth@nan"])
def test_half_a_control_is_refused(text: str) -> None:
    with pytest.raises(InvalidJob):
        Control.parse(text)
