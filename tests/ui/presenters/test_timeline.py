"""The timeline: what became of each frame, and editing a stretch again."""

from __future__ import annotations

import pytest

from ocio.errors import UnreadableFrame
from ocio.frame_range import FrameRange
from tests.ui.presenters.desk import Desk, now
from tokenflow.events import FrameWritten, Progress
from tokenflow.scripted_job import Play, Step, failing_play
from ui.presenters.timeline import TimelinePresenter, middles, neighbours


@pytest.fixture
def timeline(started: Desk) -> TimelinePresenter:
    started.panel.shot.set_missing("hold")
    started.panel.edit["prompt"].set("a red ball")
    return started.panel.timeline


def test_the_shot_with_its_hole_and_a_keyframe_per_block_is_marked(
    started: Desk, timeline: TimelinePresenter
) -> None:
    marks = timeline.marks.value
    assert (marks.first, marks.last) == (1001, 1048)
    assert marks.missing == FrameRange.of([1009])
    assert len(marks.keyframes) == 7
    started.panel.edit["keyframe_interval"].set(1)
    assert timeline.marks.value.keyframes == started.panel.shot.frames.value


def test_in_and_out_move_what_is_inside(started: Desk, timeline: TimelinePresenter) -> None:
    started.panel.shot.set_range(1010, 1020)
    assert timeline.marks.value.inside == FrameRange.parse("1010-1020")
    assert timeline.marks.value.first == 1001


def test_frames_are_marked_while_they_are_written(
    started: Desk, timeline: TimelinePresenter
) -> None:
    steps = (Step(0, FrameWritten(1001, "/a")), Step(0, FrameWritten(1002, "/b")))
    started.knobs.script = lambda job, frames: Play((*steps, Step(50, Progress("merge", 2, 47))))
    started.panel.render.render()
    started.runner.advance(3)
    marks = timeline.marks.value
    assert marks.done == FrameRange.parse("1001-1002")
    assert marks.running == FrameRange.parse("1003-1008,1010-1048")
    started.runner.advance(60)
    assert now(timeline.marks).done == started.panel.shot.frames.value
    assert now(timeline.marks).running == FrameRange()


def test_the_frame_that_a_job_failed_at_is_marked(
    started: Desk, timeline: TimelinePresenter
) -> None:
    started.knobs.script = failing_play(UnreadableFrame("cut short", frame=1017), 0.5)
    started.panel.render.render()
    started.runner.advance(5)
    assert timeline.marks.value.failed == FrameRange.of([1017])
    assert timeline.marks.value.running == FrameRange()


def test_a_stretch_knows_the_neighbours_that_stay(timeline: TimelinePresenter) -> None:
    timeline.select(1031, 1020)
    stretch = timeline.stretch.value
    assert stretch is not None
    assert (stretch.text, stretch.pins) == ("1020-1031", (1019, 1032))
    timeline.select(990, 1008)
    assert timeline.stretch.value is not None
    assert timeline.stretch.value.pins == (1010,)
    timeline.select(1009, 1009)  # a hole
    assert now(timeline.stretch) is None


def test_a_stretch_is_edited_again_into_the_next_version(
    started: Desk, timeline: TimelinePresenter
) -> None:
    started.write_frames(started.panel.output.path, 1001)
    timeline.select(1020, 1031)
    started.panel.edit["prompt"].set("a darker ball")
    timeline.re_edit()
    started.runner.advance(1)
    (record,) = started.client.jobs()
    assert record.request.frames == "1020-1031"
    assert record.job.edit.prompt == "a darker ball"
    assert record.job.output.path == str(started.output / "v002" / "sh010_v002.####.exr")
    assert record.job.range.frames == started.panel.shot.frames.value


def test_nothing_is_edited_again_without_a_stretch_or_words(
    started: Desk, timeline: TimelinePresenter
) -> None:
    timeline.re_edit()
    started.panel.edit["prompt"].set("")
    timeline.select(1001, 1004)
    timeline.re_edit()
    started.runner.advance(1)
    assert started.client.jobs() == []


def test_a_stretch_becomes_the_range_and_never_lies_outside_it(
    started: Desk, timeline: TimelinePresenter
) -> None:
    timeline.select(1020, 1031)
    started.panel.shot.set_range(1025, 1048)
    assert timeline.stretch.value is not None
    assert timeline.stretch.value.text == "1025-1031"
    timeline.use_as_range()
    assert started.panel.shot.frames.value == FrameRange.parse("1025-1031")


def test_the_middles_of_blocks_follow_absolute_numbers() -> None:
    assert [*middles(range(8, 24), 8)] == [12, 20]
    assert [*middles(range(-3, 3), 3)] == [-2, 1]
    assert [*middles(range(10, 12), 8)] == [11]


def test_neighbours_pass_over_holes_and_ends() -> None:
    frames = FrameRange.parse("1-3,5-9")
    assert neighbours(frames, 5, 6) == (3, 7)
    assert neighbours(frames, 1, 9) == ()
