from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocio.frame_range import FrameRange
from tokenflow.errors import InvalidJob, UnreadableJob
from tokenflow.job import (
    Base,
    Deflicker,
    Edit,
    EditJob,
    Matte,
    Model,
    Output,
    Plate,
    Range,
    Size,
    job_hash,
    job_schema,
)
from tokenflow.job_file import parse_job, read_job
from tokenflow.job_json import pixel_fields


@pytest.fixture
def job() -> EditJob:
    return EditJob(
        plate=Plate("shot.####.exr"),
        edit=Edit(prompt="a blue ball", size=Size(192, 108)),
        output=Output("out.####.exr"),
        range=Range(frames=FrameRange.parse("-8--5,1001-1009x2")),
        matte=Matte("matte.####.exr:A"),
    )


def changed(job: EditJob, field: str, value: object) -> dict[str, Any]:
    """Return the job's JSON with one field set, ``part.field``."""
    document = job.to_json()
    part, name = field.split(".")
    document[part][name] = value
    return document


def test_a_job_survives_json(job: EditJob) -> None:
    assert EditJob.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_the_json_has_the_parts_of_the_contract_in_their_order(job: EditJob) -> None:
    parts = ["schema", "plate", "color", "edit", "model", "matte", "deflicker", "output", "range"]
    assert list(job.to_json())[:11] == [*parts, "base", "dreammotion"]


def test_the_smallest_job_takes_the_defaults_of_the_contract() -> None:
    job = parse_job(
        '{"schema": "tokenflow.job/1", "plate": {"path": "a.exr"},'
        ' "edit": {"prompt": "x"}, "output": {"path": "b.exr"}}'
    )
    edit = job.edit
    assert (edit.steps, edit.inversion_steps, edit.guidance) == (50, 50, 7.5)
    assert (edit.keyframe_interval, edit.seed, edit.keyframes) == (8, 1, "random")
    assert (job.model.checkpoint, edit.method, edit.technique) == ("demo", "tokenflow", "pnp")
    assert (job.color.encoding, job.output.merge, job.output.strength) == ("view", "delta", 1.0)
    assert (job.matte, job.range.missing, job.deflicker.strength) == (None, "error", "off")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("edit.stepz", 5, "edit has an unknown field 'stepz'"),
        ("edit.steps", 0, "edit.steps must be a whole number from 1 to 999, not 0"),
        ("edit.steps", 2.5, "edit.steps must be a whole number"),
        ("edit.steps", True, "edit.steps must be a whole number from 1 to 999, not True"),
        ("edit.steps", "50", "edit.steps must be a whole number from 1 to 999, not '50'"),
        ("edit.steps", None, "edit.steps must be a whole number from 1 to 999, not None"),
        ("edit.guidance", -0.5, "edit.guidance must be a number from 0 to 100, not -0.5"),
        ("edit.guidance", float("nan"), "edit.guidance must be a number from 0 to 100, not nan"),
        ("edit.guidance", 10**400, "edit.guidance must be a number from 0 to 100"),
        ("edit.seed", -1, "edit.seed must be a whole number from 0"),
        ("edit.size", "960by540", "edit.size: '960by540' is not a size"),
        ("edit.size", "0x540", "edit.size: a size of 0x540"),
        ("edit.size", 960, "edit.size must be a size such as 960x540, or null, not 960"),
        ("edit.method", "magic", "edit.method must be tokenflow, dreammotion, per-frame"),
        ("edit.prompt", "  ", "edit.prompt is empty"),
        ("edit.prompt", "a\0b", "edit.prompt must be text"),
        ("edit.prompt", "\ud800", "edit.prompt must be text"),
        ("plate.path", "", "plate.path must be text that is not blank"),
        ("plate.path", None, "plate.path must be text that is not blank, not None"),
        ("model.sha256", "abc", "model.sha256 must be 64 hexadecimal digits"),
        ("matte.invert", "yes", "matte.invert must be true or false, not 'yes'"),
        ("output.strength", 1.5, "output.strength must be a number from 0 to 1, not 1.5"),
        ("range.frames", "10-1", "range.frames: "),
        ("range.frames", 10, "range.frames must be a frame range such as"),
        ("range.missing", "guess", "range.missing must be error, skip, hold or black, not 'guess'"),
        (
            "deflicker.strength",
            "much",
            "deflicker.strength must be off, light, normal, strong or gain-only, not 'much'",
        ),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence_that_names_the_field(
    job: EditJob, field: str, value: object, message: str
) -> None:
    with pytest.raises(InvalidJob) as caught:
        EditJob.from_json(changed(job, field, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_are_checked_where_a_part_is_made_not_only_in_files() -> None:
    with pytest.raises(InvalidJob, match=r"edit\.steps must be a whole number"):
        Edit(prompt="x", steps=0)


def test_a_missing_field_is_named(job: EditJob) -> None:
    document = job.to_json()
    del document["plate"]["path"]
    with pytest.raises(InvalidJob, match="plate lacks the field path"):
        EditJob.from_json(document)


@pytest.mark.parametrize("document", [[], "job", None, 3])
def test_a_document_that_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(InvalidJob, match="must be a JSON object"):
        EditJob.from_json(document)


def test_a_part_that_is_no_object_is_refused(job: EditJob) -> None:
    document = job.to_json()
    document["edit"] = "blue"
    with pytest.raises(InvalidJob, match="edit must be a JSON object, not 'blue'"):
        EditJob.from_json(document)


@pytest.mark.parametrize("schema", ["tokenflow.job/2", None, 1])
def test_another_schema_version_is_refused(job: EditJob, schema: object) -> None:
    with pytest.raises(InvalidJob, match="reads 'tokenflow.job/1' only"):
        EditJob.from_json({**job.to_json(), "schema": schema})


def test_a_job_without_a_schema_is_refused(job: EditJob) -> None:
    document = job.to_json()
    del document["schema"]
    with pytest.raises(InvalidJob, match="schema is None"):
        EditJob.from_json(document)


def test_a_range_without_frames_is_refused() -> None:
    with pytest.raises(InvalidJob, match=r"range\.frames names no frame"):
        Range(frames=FrameRange())


@pytest.mark.parametrize("method", ["passthrough", "ldm-recon"])
def test_methods_that_do_not_edit_need_no_prompt(method: Any) -> None:
    assert Edit(method=method).prompt == ""


@pytest.mark.parametrize("method", ["per-frame", "first-frame", "joint-attention", "dreammotion"])
def test_released_mode_exists_for_tokenflow_only(method: Any) -> None:
    with pytest.raises(InvalidJob, match="released"):
        Edit(prompt="x", mode="released", method=method)


def test_released_mode_draws_keyframes_at_random() -> None:
    with pytest.raises(InvalidJob, match="released"):
        Edit(prompt="x", mode="released", keyframes="fixed")


def test_parts_are_frozen(job: EditJob) -> None:
    with pytest.raises(FrozenInstanceError):
        job.edit.steps = 3  # type: ignore[misc]


def test_the_schema_accepts_what_the_job_writes(job: EditJob) -> None:
    jsonschema.Draft202012Validator.check_schema(job_schema())
    jsonschema.validate(job.to_json(), job_schema())
    jsonschema.validate(replace(job, matte=None).to_json(), job_schema())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("edit.unknown", 1),
        ("edit.steps", 0),
        ("edit.steps", "5"),
        ("edit.guidance", 101),
        ("edit.size", "wide"),
        ("edit.method", "magic"),
        ("plate.path", ""),
        ("model.sha256", "abc"),
        ("matte.source", 5),
    ],
)
def test_schema_and_reader_refuse_alike(job: EditJob, field: str, value: object) -> None:
    document = changed(job, field, value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, job_schema())
    with pytest.raises(InvalidJob):
        EditJob.from_json(document)


def test_every_field_of_the_schema_is_described() -> None:
    for name, part in job_schema()["properties"].items():
        part = part.get("anyOf", [part])[0]
        for field, schema in part.get("properties", {}).items():
            assert schema.get("description"), f"{name}.{field}"


def test_the_hash_is_stable_across_versions(job: EditJob) -> None:
    # Written frames carry it: a change here makes every finished frame look foreign.
    assert job_hash(job) == "913deb6329968ded659ce8ed87f528c7ac20ffd280c1daa2072090b02b88f37c"


def test_a_field_at_its_default_does_not_enter_the_hash(job: EditJob) -> None:
    # Otherwise each field that a later version adds would give every job another hash.
    document = job.to_json()
    for part, values in document.items():
        if part not in ("schema", "base"):
            values.pop("layer", None)
            values.pop("technique", None)
    assert job_hash(EditJob.from_json(document)) == job_hash(job)
    assert set(pixel_fields(job.edit)) == {"prompt", "size"}


def test_the_hash_does_not_see_how_numbers_and_ranges_are_spelled(job: EditJob) -> None:
    document = changed(job, "edit.guidance", 7)
    document["range"]["frames"] = "1001,1003-1009:2,-8--5"
    assert job_hash(EditJob.from_json(document)) == job_hash(
        replace(job, edit=replace(job.edit, guidance=7.0))
    )


def test_a_whole_number_given_for_a_number_is_the_same_job(job: EditJob) -> None:
    whole, number = (replace(job, edit=replace(job.edit, guidance=g)) for g in (7, 7.0))
    assert job_hash(whole) == job_hash(number)


def test_the_hash_ignores_where_the_result_goes(job: EditJob) -> None:
    assert job_hash(replace(job, output=replace(job.output, path="b.#.exr"))) == job_hash(job)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("plate.path", "other.####.exr"),
        ("plate.layer", "left"),
        ("color.encoding", "log"),
        ("edit.seed", 2),
        ("edit.size", None),
        ("edit.qk_threshold", 0.4),
        ("model.dtype", "bfloat16"),
        ("matte.feather", 1.0),
        ("output.strength", 0.5),
        ("range.frames", "1001"),
    ],
)
def test_the_hash_sees_what_changes_pixels(job: EditJob, field: str, value: object) -> None:
    assert job_hash(EditJob.from_json(changed(job, field, value))) != job_hash(job)


def test_known_weights_count_by_content_and_not_by_place(job: EditJob) -> None:
    known = job.with_weights("0" * 64)
    moved = replace(known, model=Model(checkpoint="/elsewhere", sha256="0" * 64))
    assert job_hash(moved) == job_hash(known)
    assert job_hash(job.with_weights("1" * 64)) != job_hash(known)


def test_the_weights_of_a_flow_count_by_content_and_not_by_place(job: EditJob) -> None:
    first, second = (
        replace(job, deflicker=Deflicker("normal", "raft", name)) for name in ("a.st", "b.st")
    )
    assert job_hash(first) != job_hash(second)
    known = [one.with_weights("0" * 64, flow_sha256="2" * 64) for one in (first, second)]
    assert job_hash(known[0]) == job_hash(known[1])
    assert job_hash(first.with_weights("0" * 64, flow_sha256="3" * 64)) != job_hash(known[0])


@pytest.mark.parametrize("flow, weights", [("raft", None), ("auto", "raft.safetensors")])
def test_weights_and_the_flow_that_needs_them_go_together(flow: Any, weights: str | None) -> None:
    with pytest.raises(InvalidJob, match="do not go together"):
        Deflicker("normal", flow, weights)


def test_only_replace_asks_for_the_grain_back() -> None:
    assert Output("out.####.exr", "replace", regrain=True).regrain
    with pytest.raises(InvalidJob, match="output.regrain is for output.merge replace"):
        Output("out.####.exr", regrain=True)


def test_a_base_counts_by_its_hash_and_before_that_is_known_by_its_place(job: EditJob) -> None:
    first, second = (replace(job, base=Base(name)) for name in ("v1.job.json", "v2.job.json"))
    assert len({job_hash(one) for one in (job, first, second)}) == 3
    known, moved = (
        replace(one, base=Base(one.base.job, "0" * 64)) for one in (first, second) if one.base
    )
    assert job_hash(known) == job_hash(moved) != job_hash(first)


def test_a_job_file_is_read(tmp_path: Path, job: EditJob) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job.to_json()))
    assert read_job(path) == job


def test_a_missing_job_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableJob) as caught:
        read_job(tmp_path / "job.json")
    assert caught.value.exit_code == 66
    assert "job.json" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"schema": "tokenflow.job/1"} x'],
)
def test_a_job_file_that_is_not_json_is_refused_with_its_name(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "job.json"
    path.write_bytes(content)
    with pytest.raises(InvalidJob, match=r"job\.json"):
        read_job(path)


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(InvalidJob, match="names 'schema' twice"):
        parse_job('{"schema": "tokenflow.job/1", "schema": "tokenflow.job/1"}')


@given(st.integers(1, Size.LARGEST), st.integers(1, Size.LARGEST))
def test_a_size_survives_its_text(width: int, height: int) -> None:
    assert Size.parse(str(Size(width, height))) == Size(width, height)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    try:
        size = Size.parse(text)
    except InvalidJob:
        return
    assert Size.parse(str(size)) == size


def test_the_shared_language_needs_the_standard_library_alone(repository: Path) -> None:
    code = (
        "import sys; before = set(sys.modules); import tokenflow.job, tokenflow.events;"
        "tops = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(tops - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "['ocio', 'tokenflow']"
