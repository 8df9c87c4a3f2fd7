"""The picture cache: what is kept, what is asked for, and what is dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocio.errors import MissingFrames
from ocio.frame_range import FrameRange
from tests.ui.drawn_client import PLATE, DrawnClient, colour_of
from tokenflow.errors import ServiceMismatch
from ui.background import ManualRunner
from ui.frames import FrameCache, Wanted, decoded, prefetch_order
from ui.pictures import Source

SOURCE = Source(path=PLATE)
BYTES_AT_320 = 320 * 180 * 4


def wanted(*frames: int, width: int | None = 320) -> list[Wanted]:
    return [Wanted(SOURCE, frame, width) for frame in frames]


@pytest.fixture
def client() -> DrawnClient:
    client = DrawnClient()
    client.knobs.plates[PLATE] = {"frames": "1001-1048"}
    return client


@pytest.fixture
def runner() -> ManualRunner:
    return ManualRunner()


@pytest.fixture
def cache(runner: ManualRunner, client: DrawnClient) -> FrameCache:
    return FrameCache(runner, lambda: client)


def test_a_picture_that_was_asked_for_arrives_and_is_found(
    cache: FrameCache, runner: ManualRunner
) -> None:
    arrived: list[Wanted] = []
    cache.arrived.subscribe(arrived.append)
    (one,) = wanted(1007, width=None)
    cache.ask([one])
    assert cache.find(one) is None
    runner.run_all()
    image = cache.find(one)
    assert image is not None and image.pixelColor(9, 9) == colour_of(1007)
    assert arrived == [one]


def test_only_so_many_requests_are_on_their_way(cache: FrameCache, runner: ManualRunner) -> None:
    cache.ask(wanted(*range(1001, 1030)))
    assert cache.asked == runner.waiting == 3


def test_the_most_urgent_wish_is_asked_for_first(
    cache: FrameCache, runner: ManualRunner, client: DrawnClient
) -> None:
    cache.ask(wanted(1009, 1010, 1008, 1011, 1007))
    runner.run_all()
    assert [frame for _, frame, _ in client.asked] == [1009, 1010, 1008, 1011, 1007]


def test_what_is_kept_or_on_its_way_is_not_asked_for_again(
    cache: FrameCache, runner: ManualRunner, client: DrawnClient
) -> None:
    cache.ask(wanted(1001, 1002))
    cache.ask(wanted(1002, 1001, 1001))
    runner.run_all()
    cache.ask(wanted(1001, 1002))
    runner.run_all()
    assert len(client.asked) == 2


def test_a_wish_that_newer_ones_replaced_is_never_begun(
    cache: FrameCache, runner: ManualRunner, client: DrawnClient
) -> None:
    cache.ask(wanted(*range(1001, 1030)))
    cache.ask(wanted(1040))
    runner.run_all()
    assert [frame for _, frame, _ in client.asked] == [1001, 1002, 1003, 1040]


def test_one_askers_wishes_leave_anothers_alone(
    cache: FrameCache, runner: ManualRunner, client: DrawnClient
) -> None:
    cache.ask(wanted(*range(1001, 1006)), "x_t")
    cache.ask(wanted(1040), "viewer")
    runner.run_all()
    # The viewer overtakes all that had not been begun.
    assert [frame for _, frame, _ in client.asked] == [1001, 1002, 1003, 1040, 1004, 1005]


def test_the_pictures_looked_at_last_are_kept_within_the_limit(
    runner: ManualRunner, client: DrawnClient
) -> None:
    cache = FrameCache(runner, lambda: client, limit=3 * BYTES_AT_320)
    cache.ask(wanted(1001, 1002, 1003))
    runner.run_all()
    cache.find(wanted(1001)[0])
    cache.ask(wanted(1004))
    runner.run_all()
    kept = [frame for frame in range(1001, 1005) if cache.find(wanted(frame)[0]) is not None]
    assert kept == [1001, 1003, 1004]
    assert cache.bytes == 3 * BYTES_AT_320


def test_a_picture_larger_than_the_limit_is_still_shown(
    runner: ManualRunner, client: DrawnClient
) -> None:
    cache = FrameCache(runner, lambda: client, limit=10)
    cache.ask(wanted(1001))
    runner.run_all()
    assert cache.find(wanted(1001)[0]) is not None


def test_a_frame_that_cannot_be_had_is_said_once_and_not_asked_for_again(
    cache: FrameCache, runner: ManualRunner, client: DrawnClient
) -> None:
    failed: list[Wanted] = []
    cache.failed.subscribe(failed.append)
    client.knobs.next_error = MissingFrames("frame 1009 is not on disk", frames=[1009])
    cache.ask(wanted(1009))
    runner.run_all()
    cache.ask(wanted(1009))
    runner.run_all()
    assert failed == wanted(1009)
    assert "1009" in str(cache.error(failed[0]))
    assert client.asked == []


def test_a_frame_is_asked_for_again_after_its_error_was_forgotten(
    cache: FrameCache, runner: ManualRunner, client: DrawnClient
) -> None:
    client.knobs.next_error = MissingFrames("frame 1009 is not on disk", frames=[1009])
    cache.ask(wanted(1009))
    runner.run_all()
    cache.forget_error(SOURCE, 1009)
    cache.ask(wanted(1009))
    runner.run_all()
    assert cache.find(wanted(1009)[0]) is not None


def test_while_nobody_answers_the_rest_of_the_wishes_is_dropped_and_nothing_held_against_them(
    cache: FrameCache, runner: ManualRunner, client: DrawnClient
) -> None:
    client.knobs.unreachable = True
    cache.ask(wanted(*range(1001, 1030)))
    runner.run_all(limit=5)
    client.knobs.unreachable = False
    cache.ask(wanted(1001))
    runner.run_all()
    assert cache.find(wanted(1001)[0]) is not None


def test_without_a_client_nothing_is_asked_and_nothing_fails(runner: ManualRunner) -> None:
    cache = FrameCache(runner, lambda: None)
    cache.ask(wanted(1009))
    runner.run_all()
    assert cache.asked == 0 and cache.error(wanted(1009)[0]) is None


def test_a_forgotten_frame_is_asked_for_again_and_its_answer_on_the_way_is_dropped(
    cache: FrameCache, runner: ManualRunner, client: DrawnClient
) -> None:
    cache.ask(wanted(1001, 1002))
    runner.run_one()
    cache.forget(SOURCE, 1001)
    cache.forget(SOURCE, 1002)
    runner.run_all()
    assert [cache.find(each) for each in wanted(1001, 1002)] == [None, None]
    assert cache.bytes == 0
    cache.ask(wanted(1001))
    runner.run_all()
    assert cache.find(wanted(1001)[0]) is not None


def test_what_a_source_is_called_does_not_change_its_pictures(
    cache: FrameCache, runner: ManualRunner
) -> None:
    cache.ask(wanted(1001))
    runner.run_all()
    renamed = replace(SOURCE, name="v003", frames=FrameRange.parse("1001-1010"))
    assert cache.find(Wanted(renamed, 1001, 320)) is not None
    assert cache.find(Wanted(replace(SOURCE, revision=1), 1001, 320)) is None


def test_a_closed_cache_wants_no_answers(cache: FrameCache, runner: ManualRunner) -> None:
    cache.ask(wanted(1001, 1002, 1003, 1004))
    cache.close()
    runner.run_all()
    assert cache.bytes == 0 and runner.waiting == 0


def test_what_is_no_picture_is_an_error() -> None:
    with pytest.raises(ServiceMismatch):
        decoded(b"no picture at all")


def test_frames_ahead_in_the_playing_direction_come_first() -> None:
    frames = range(1001, 1049)
    order = prefetch_order(frames, 1010, 1, ahead=8, behind=2)
    assert order == [1010, 1011, 1012, 1013, 1014, 1009, 1015, 1016, 1017, 1018, 1008]
    assert prefetch_order(frames, 1010, -1, ahead=2, behind=0) == [1010, 1009, 1008]


def test_past_the_end_the_shot_begins_again() -> None:
    assert prefetch_order(range(1001, 1005), 1004, 1, ahead=2, behind=0) == [1004, 1001, 1002]


def test_a_playhead_on_a_hole_begins_at_its_neighbour() -> None:
    assert prefetch_order([1001, 1002, 1005], 1004, 1, ahead=1, behind=0) == [1005, 1001]
    assert prefetch_order([], 1004) == []
