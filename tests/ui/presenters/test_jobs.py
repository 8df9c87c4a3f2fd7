"""The queue: what it shows, and what can be done in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocio.errors import UnreadableFrame
from tests.ui.presenters.desk import Desk, now
from tokenflow.events import Event, FrameWritten, JobWarning, Preview, Progress
from tokenflow.job import Edit, EditJob, Output, Plate
from tokenflow.scripted_job import Play, Step, failing_play, usual_play
from tokenflow.states import JobRecord, RunRequest
from ui.background import ManualRunner, Ticket
from ui.presenters.jobs import JobsPresenter


def a_job(name: str = "a") -> EditJob:
    return EditJob(
        plate=Plate("/p/plate.####.exr"),
        edit=Edit(prompt=f"make it {name}"),
        output=Output(f"/o/v001/{name}.####.exr"),
    )


@pytest.fixture
def jobs(started: Desk) -> JobsPresenter:
    started.knobs.script = usual_play(10)
    return started.panel.jobs


def play(desk: Desk, *events: Event) -> None:
    """Let the next jobs tell this at once and then take long."""
    steps = [*(Step(0, event) for event in events), Step(100, Progress("edit", 1, 1))]
    desk.knobs.script = lambda job, frames: Play(tuple(steps))


def test_a_job_that_is_queued_here_appears_and_is_looked_at(
    started: Desk, jobs: JobsPresenter
) -> None:
    submitted: list[JobRecord] = []
    jobs.submitted.subscribe(submitted.append)
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(0.2)
    (row,) = jobs.rows.value
    assert (row.name, row.prompt, row.state) == ("a", "make it a", "running")
    assert jobs.chosen.value == row.id
    assert [record.id for record in submitted] == [row.id]
    assert jobs.active == 1


def test_a_job_that_somebody_else_queued_appears_too(started: Desk, jobs: JobsPresenter) -> None:
    job_id = started.client.submit(a_job())
    started.runner.advance(2.5)
    assert [row.id for row in jobs.rows.value] == [job_id]
    assert jobs.chosen.value == ""


def test_progress_stage_and_time_left_are_followed(started: Desk, jobs: JobsPresenter) -> None:
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(5)
    (row,) = jobs.rows.value
    assert row.fraction is not None
    assert 0 < row.fraction < 1
    assert row.seconds_left is not None
    assert row.stage.split()[0] in ("inverting", "denoising")
    started.runner.advance(10)
    (row,) = jobs.rows.value
    assert (row.state, row.fraction, row.stage) == ("done", 1.0, "")


def test_the_end_of_a_job_is_told_once(started: Desk, jobs: JobsPresenter) -> None:
    ended = []
    jobs.ended.subscribe(lambda record: ended.append(record.state))
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(30)
    assert ended == ["done"]


def test_a_job_that_had_ended_before_the_panel_came_is_no_news(desk: Desk) -> None:
    desk.client.submit(a_job())
    desk.runner.time += 5
    ended: list[object] = []
    desk.panel.jobs.ended.subscribe(ended.append)
    desk.start()
    desk.runner.advance(5)
    assert [row.state for row in desk.panel.jobs.rows.value] == ["done"]
    assert ended == []


def test_a_preview_and_what_is_written_are_heard(started: Desk, jobs: JobsPresenter) -> None:
    play(
        started,
        Preview("edit", 1003, 2, 50, "iVBORw=="),
        FrameWritten(1002, "/o/a.1002.exr"),
        FrameWritten(1001, "/o/a.1001.exr"),
        JobWarning("the prompt is cut"),
        JobWarning("the prompt is cut"),
        Preview("edit", 1003, 3, 50, "no base64!"),
    )
    heard: list[str] = []
    jobs.heard.subscribe(heard.append)
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(3)
    (row,) = jobs.rows.value
    live = jobs.live(row.id)
    assert row.preview is not None
    assert (row.preview.frame, row.preview.png) == (1003, b"\x89PNG")
    assert str(live.written) == "1001-1002"
    assert row.warnings == ("the prompt is cut",)
    assert row.id in heard


def test_events_are_heard_once_though_the_stream_is_opened_again(
    started: Desk, jobs: JobsPresenter
) -> None:
    play(started, FrameWritten(1001, "/o/a.1001.exr"))
    asked: list[int] = []
    events = started.client.events

    def counted(job_id: str, after: int = 0, **others: Any) -> object:
        asked.append(after)
        return events(job_id, after, **others)

    started.client.events = counted  # type: ignore[method-assign, assignment]
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(7)
    assert len(asked) > 1
    assert asked[0] == 0
    assert asked[1] > 0


class HoldingRunner(ManualRunner):
    """Opens streams that never give anything, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Ticket] = []

    def stream(self, *_: object) -> Ticket:
        self.held.append(Ticket())
        return self.held[-1]


def test_only_four_streams_are_open_at_a_time_and_none_after_closing(tmp_path: Path) -> None:
    runner = HoldingRunner()
    desk = Desk(tmp_path, runner)
    desk.knobs.script = usual_play(1e6)
    for number in range(6):
        desk.client.submit(a_job(str(number)))
    for part in desk.client._parts.values():  # as with six devices
        part.record, part.due = replace(part.record, state="running"), 1e9
    desk.start()
    runner.advance(20)
    assert len(desk.panel.jobs.rows.value) == 6
    assert len(runner.held) == 4
    desk.panel.close()
    assert all(ticket.cancelled for ticket in runner.held)


def test_a_failed_job_says_why_to_which_frame_and_what_to_do(
    started: Desk, jobs: JobsPresenter
) -> None:
    error = UnreadableFrame("the file is cut short", hint="Render it again.", frame=1017)
    started.knobs.script = failing_play(error, 1)
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(5)
    (row,) = jobs.rows.value
    assert row.state == "failed"
    assert row.trouble is not None
    assert "1017" in row.trouble.sentence
    assert row.trouble.remedy == "Render it again."
    assert "unreadable_frame" in row.trouble.details
    assert row.can_retry
    assert not row.can_load


def test_a_job_is_cancelled_and_tried_again(started: Desk, jobs: JobsPresenter) -> None:
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(1)
    (row,) = jobs.rows.value
    assert row.can_cancel
    jobs.cancel(row.id)
    started.runner.advance(0.2)
    (row,) = jobs.rows.value
    assert row.state == "cancelled"
    jobs.retry(row.id)
    started.runner.advance(0.2)
    assert jobs.rows.value[0].state == "running"
    started.runner.advance(20)
    assert now(jobs.rows)[0].state == "done"


def test_deleting_asks_first(started: Desk, jobs: JobsPresenter) -> None:
    started.knobs.script = usual_play(0.1)
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(3)
    job_id = jobs.rows.value[0].id
    jobs.delete(job_id)
    question = jobs.question.value
    assert question is not None
    started.runner.advance(1)
    assert len(jobs.rows.value) == 1
    question.yes()
    started.runner.advance(1)
    assert now(jobs.rows) == ()
    assert started.client.jobs() == []
    assert jobs.chosen.value == ""


def test_what_the_service_refuses_is_told_in_a_sentence(started: Desk, jobs: JobsPresenter) -> None:
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(1)
    jobs.retry(jobs.rows.value[0].id)  # it has not ended
    started.runner.advance(0.2)
    assert jobs.trouble.value is not None
    assert "running" in jobs.trouble.value.sentence
    assert jobs.trouble.value.code == "job_busy"


def test_waiting_jobs_stand_in_the_order_in_which_they_will_run(
    started: Desk, jobs: JobsPresenter
) -> None:
    for name in "abcd":
        jobs.submit(a_job(name), RunRequest())
    started.runner.advance(1)
    assert [row.name for row in jobs.rows.value] == ["a", "b", "c", "d"]
    jobs.move(jobs.rows.value[3].id, -1)
    started.runner.advance(0.5)
    assert [row.name for row in jobs.rows.value] == ["a", "b", "d", "c"]
    jobs.move(jobs.rows.value[1].id, 5)
    started.runner.advance(0.5)
    assert [row.name for row in jobs.rows.value] == ["a", "d", "c", "b"]
    order = []
    jobs.ended.subscribe(lambda record: order.append(record.job.output.path[8]))
    started.runner.advance(60)
    assert order == ["a", "d", "c", "b"]


def test_a_result_is_placed_in_the_host_and_a_second_time_reloaded(
    started: Desk, jobs: JobsPresenter
) -> None:
    started.knobs.script = usual_play(0.1)
    job = replace(a_job(), output=Output(str(started.output / "v001" / "a.####.exr")))
    started.write_frames(job.output.path, 1001, 1002)
    jobs.submit(job, RunRequest())
    started.runner.advance(3)
    job_id = jobs.rows.value[0].id
    assert jobs.rows.value[0].can_load
    jobs.load(job_id)
    started.runner.advance(0)
    (placed,) = started.host.placed
    assert (placed.job_id, str(placed.frames)) == (job_id, "1001-1002")
    assert placed.plate_path == "/p/plate.####.exr"
    jobs.reload(job_id)
    assert started.host.reloaded == [f"Read_{job_id}"]


def test_a_host_that_cannot_place_results_is_not_asked(started: Desk, jobs: JobsPresenter) -> None:
    started.host.able = frozenset()
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(20)
    jobs.load(jobs.rows.value[0].id)
    started.runner.advance(0)
    assert not jobs.can_load
    assert started.host.placed == []


def test_the_report_is_opened_as_a_page_where_there_is_one(
    started: Desk, jobs: JobsPresenter
) -> None:
    opened, revealed = list[str](), list[str]()
    jobs.opened.subscribe(opened.append)
    jobs.revealed.subscribe(revealed.append)
    folder = started.output / "v001"
    folder.mkdir(parents=True)
    jobs.submit(replace(a_job(), output=Output(str(folder / "a.####.exr"))), RunRequest())
    started.runner.advance(1)
    job_id = jobs.rows.value[0].id
    jobs.open_report(job_id)
    started.runner.advance(0)
    (folder / "a.report.html").touch()
    jobs.open_report(job_id)
    started.runner.advance(0)
    assert opened == [str(folder / "a.report.json"), str(folder / "a.report.html")]
    jobs.reveal(job_id)
    assert revealed == [str(folder / "a.####.exr")]


def test_five_hundred_jobs_are_read_in_pages_and_an_unchanged_row_stays_the_same(
    started: Desk, jobs: JobsPresenter
) -> None:
    started.fill(*(a_job(str(number)) for number in range(500)))
    jobs.refresh()
    started.runner.advance(0.2)
    assert len(jobs.rows.value) == 500
    before = {row.id: row for row in jobs.rows.value if row.state == "queued"}
    running = jobs.rows.value[0]
    started.runner.advance(5)
    after = {row.id: row for row in jobs.rows.value if row.state == "queued"}
    assert jobs.rows.value[0].fraction != running.fraction
    assert all(after[job_id] is before[job_id] for job_id in after)


def test_jobs_that_others_delete_go_away_in_time(started: Desk, jobs: JobsPresenter) -> None:
    started.knobs.script = usual_play(0.1)
    job_id = started.client.submit(a_job())
    started.runner.advance(3)
    assert len(jobs.rows.value) == 1
    started.client.delete(job_id)
    started.runner.advance(31)
    assert now(jobs.rows) == ()


def test_a_lost_service_leaves_the_rows_and_its_return_brings_them_up_to_date(
    started: Desk, jobs: JobsPresenter
) -> None:
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(1)
    started.knobs.unreachable = True
    started.runner.advance(5)
    assert [row.state for row in jobs.rows.value] == ["running"]
    started.knobs.unreachable = False
    started.runner.advance(20)
    assert [row.state for row in now(jobs.rows)] == ["done"]


def test_a_panel_that_comes_back_finds_its_running_job(started: Desk, jobs: JobsPresenter) -> None:
    started.knobs.script = usual_play(1000)
    jobs.submit(a_job(), RunRequest())
    started.runner.advance(1)
    job_id = jobs.rows.value[0].id
    other = started.other_panel()
    other.start()
    started.runner.advance(400)
    (row,) = other.jobs.rows.value
    assert (row.id, row.state) == (job_id, "running")
    assert row.fraction is not None
    assert row.fraction > 0.3
    other.jobs.close()
