"""What a record means to the artist."""

from __future__ import annotations

import itertools

import pytest

from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.states import JobRecord, RunRequest
from ui.presenters.job_rows import (
    about_text,
    in_order,
    kind_of,
    priorities_for,
    seconds_text,
    stage_text,
)


def record(number: int, priority: int = 0, output: str = "/o/a.#.exr") -> JobRecord:
    job = EditJob(plate=Plate("/p/a.#.exr"), edit=Edit(prompt="x"), output=Output(output))
    return JobRecord(str(number), job, RunRequest(priority), "queued", float(number))


def test_a_new_order_of_the_queue_is_reached_whatever_was_before() -> None:
    for priorities in itertools.product((-1, 0, 2), repeat=4):
        records = [record(number, priority) for number, priority in enumerate(priorities)]
        for wanted in itertools.permutations(records):
            changes = priorities_for(wanted)
            done = [
                record(int(each.id), changes.get(each.id, each.request.priority))
                for each in records
            ]
            assert [each.id for each in in_order(done)] == [each.id for each in wanted]


def test_an_order_that_stands_changes_no_priority() -> None:
    assert priorities_for([record(1, 5), record(2, 0), record(3, 0)]) == {}


def test_a_try_is_told_by_its_folder_and_a_stretch_by_its_frames() -> None:
    assert kind_of(record(1, output="/shots/edit/tries/004/a.####.exr")) == "try"
    assert kind_of(record(1, output="/tries/sh010/edit/v001/a.####.exr")) == "render"
    job = record(1).job
    assert kind_of(JobRecord("1", job, RunRequest(frames="1-3"), "queued", 0.0)) == "re-edit"


def test_a_stage_is_said_in_the_artists_words() -> None:
    assert stage_text({"stage": "edit", "detail": "step 31 of 50"}) == "denoising 31 of 50"
    assert stage_text({"stage": "", "detail": "loading sd15"}) == "loading sd15"
    assert stage_text({}) == "starting"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (70, "1:10"), (7500, "2:05:00"), (59.6, "1:00")]
)
def test_a_time_left_is_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "≈ 5 s"), (42, "≈ 40 s"), (180, "≈ 3 min"), (7200, "≈ 2.0 h")]
)
def test_an_estimate_is_no_more_exact_than_it_is(seconds: float, text: str) -> None:
    assert about_text(seconds) == text
