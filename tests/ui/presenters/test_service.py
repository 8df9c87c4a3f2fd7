"""The connection: what is shown of it, and how it is kept."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.ui.presenters.desk import Desk, now
from tokenflow.client import PROTOCOL
from tokenflow.errors import NoPermission, ServiceBusy, ServiceUnreachable
from tokenflow.job import Edit, EditJob, Output, Plate


def test_connecting_is_told_until_the_service_answers(desk: Desk) -> None:
    states = []
    desk.panel.service.state.subscribe(lambda state: states.append(state.condition))
    desk.panel.service.connect()
    assert states == ["starting"]
    desk.runner.advance(0)
    assert states == ["starting", "ready"]


def test_device_memory_and_checkpoints_are_told(started: Desk) -> None:
    device = started.panel.service.device.value
    assert device is not None
    assert device.text == "A5000 · 14.2 GB free"
    assert [model.name for model in started.panel.service.models.value] == [
        "demo",
        "sd15",
        "zeroscope",
    ]


def test_a_running_job_makes_the_service_busy(started: Desk) -> None:
    job = EditJob(plate=Plate("/p/a.#.exr"), edit=Edit(prompt="x"), output=Output("/o/a.#.exr"))
    started.client.submit(job)
    started.runner.advance(2.1)
    assert now(started.panel.service.state).condition == "ready"  # it was done in half a second
    started.knobs.status = "busy"
    started.runner.advance(2.1)
    assert now(started.panel.service.state).condition == "busy"


def test_a_lost_service_is_tried_again_ever_more_slowly(started: Desk) -> None:
    started.knobs.unreachable = True
    started.runner.advance(2.1)
    assert started.panel.service.state.value.condition == "gone"
    assert started.panel.service.client.value is None
    before = started.connections
    tries = []
    for _ in range(62):
        started.runner.advance(1)
        tries.append(started.connections - before)
    times = [second for second, (a, b) in enumerate(pairwise([0, *tries])) if b > a]
    pauses = [b - a for a, b in pairwise(times)]
    assert pauses[:3] == [2, 4, 8]
    assert set(pauses[3:]) == {15}


def test_a_service_that_comes_back_is_found_and_the_shot_stays(started: Desk) -> None:
    started.knobs.unreachable = True
    started.runner.advance(2.1)
    started.knobs.unreachable = False
    started.runner.advance(16)
    assert started.panel.service.state.value.condition == "ready"
    assert started.panel.shot.facts.value is not None


def test_trying_now_does_not_wait(started: Desk) -> None:
    started.knobs.unreachable = True
    started.runner.advance(40)
    started.knobs.unreachable = False
    assert started.panel.service.action is not None
    started.panel.service.action.run()
    started.runner.advance(0)
    assert started.panel.service.state.value.condition == "ready"


@pytest.mark.parametrize(
    ("protocol", "says"), [(PROTOCOL + 1, "Update this program"), (PROTOCOL - 1, "serve stop")]
)
def test_another_version_says_which_side_to_update(desk: Desk, protocol: int, says: str) -> None:
    desk.knobs.protocol = protocol
    desk.panel.service.connect()
    desk.runner.advance(0)
    state = desk.panel.service.state.value
    assert state.condition == "wrong_version"
    assert says in state.sentence
    before = desk.connections
    desk.runner.advance(60)
    assert desk.connections == before  # no use until somebody has updated it


def test_a_service_that_was_updated_under_our_feet_is_noticed(started: Desk) -> None:
    started.knobs.protocol = PROTOCOL + 1
    started.runner.advance(2.1)
    assert started.panel.service.state.value.condition == "wrong_version"


def test_a_token_that_is_no_longer_known_makes_the_panel_connect_anew(started: Desk) -> None:
    before = started.connections
    started.knobs.next_error = NoPermission("the token is another's")
    started.panel.service.refresh_facts()
    started.runner.advance(1.5)
    assert started.connections == before + 1
    assert started.panel.service.state.value.condition == "ready"


def test_a_disk_that_does_not_answer_is_the_shots_trouble_and_no_lost_service(
    started: Desk,
) -> None:
    before = started.connections
    started.knobs.next_error = ServiceBusy("the frame could not be read within 45 seconds")
    started.panel.shot.inspect()
    started.runner.run_all()
    trouble = started.panel.shot.trouble.value
    assert trouble is not None and "45 seconds" in trouble.sentence
    assert started.panel.service.state.value.condition == "ready"
    assert started.connections == before


def test_a_call_without_a_service_fails_and_says_so(desk: Desk) -> None:
    failed: list[Exception] = []
    desk.panel.service.ask(lambda client: client.health(), lambda _: None, failed.append)
    desk.runner.advance(0)
    assert isinstance(failed[0], ServiceUnreachable)


def test_an_ending_service_counts_as_gone(started: Desk) -> None:
    started.knobs.status = "draining"
    started.runner.advance(2.1)
    assert started.panel.service.state.value.condition == "gone"


def test_after_closing_nothing_is_asked(started: Desk) -> None:
    started.panel.close()
    before = started.connections
    started.runner.advance(60)
    assert started.connections == before
    assert started.runner.waiting == 0
