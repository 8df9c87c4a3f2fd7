from __future__ import annotations

import json

import pytest

from tokenflow.events import (
    Event,
    Finished,
    FrameWritten,
    JobWarning,
    Loading,
    Preview,
    Progress,
    StageFinished,
    StageStarted,
)

ONE_OF_EACH = (
    StageStarted("edit", 5),
    Loading("demo"),
    Progress("invert", 3, 10, "step 3 of 10"),
    Progress("invert", 3, 10, "step 3 of 10", 0.25, 12.0),
    Preview("edit", 1003, 2, 10, "iVBORw0="),
    StageFinished("read", 1.5, reused=True),
    JobWarning("a word was never seen", "encode", 1001),
    FrameWritten(-3, "out.-003.exr"),
    Finished(5, "out.report.json", 2.0),
)


def test_an_event_becomes_one_json_object_with_its_name() -> None:
    assert Progress("invert", 3, 10).to_json() == {
        "event": "progress",
        "stage": "invert",
        "done": 3,
        "total": 10,
        "detail": "",
    }


def test_event_names_are_in_snake_case() -> None:
    assert StageStarted("edit", 5).to_json()["event"] == "stage_started"


def test_these_are_all_kinds_of_events() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(Event.__subclasses__())


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.name())
def test_every_event_comes_back_from_json_as_it_was(event: Event) -> None:
    assert Event.from_json(json.loads(json.dumps(event.to_json()))) == event


def test_an_event_of_a_newer_version_is_passed_over() -> None:
    assert Event.from_json({"event": "audio_recorded", "seconds": 3}) is None
    assert Event.from_json({}) is None


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    newer = StageStarted("edit", 5).to_json() | {"colour": "blue"}
    assert Event.from_json(newer) == StageStarted("edit", 5)
