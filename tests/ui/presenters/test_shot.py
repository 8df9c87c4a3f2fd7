"""The shot: its facts, who says them, its range, its thumbnails."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from ocio.frame_range import FrameRange
from tests.ui.presenters.desk import Desk, described, now
from tokenflow.client import Reading
from tokenflow.errors import error_json
from tokenflow.job import Range
from ui.host import HostColour, HostPlate, HostTimeline
from ui.presenters.shot_facts import ShotFacts
from ui.presenters.thumbnails import spread_over


def test_a_path_becomes_a_shot_with_its_facts(started: Desk) -> None:
    shot = started.panel.shot
    facts = shot.facts.value
    assert facts is not None
    assert (facts.name, facts.range_text, facts.size_text) == (
        "sh010_v012",
        "1001-1048",
        "2048×1080",
    )
    assert facts.missing == FrameRange.of([1009])
    assert facts.channels == ("R", "G", "B", "A")
    assert shot.condition.value == "ready"
    assert shot.rate.value == Fraction(24000, 1001)
    assert now(shot.rate_origin) == "header"


def test_an_anamorphic_plate_says_how_wide_its_pixels_are(started: Desk) -> None:
    path = str(started.folder / "scope.####.exr")
    started.knobs.plates[path] = {**described(path), "pixel_aspect": 2.0}
    started.panel.shot.open(path)
    started.runner.advance(0)
    facts = started.panel.shot.facts.value
    assert facts is not None
    assert (facts.pixel_aspect, facts.pixel_text) == (2.0, "pixels 2:1")


def test_a_path_where_nothing_lies_says_so(started: Desk) -> None:
    started.panel.shot.open("/nothing/here.####.exr")
    started.runner.advance(0)
    trouble = started.panel.shot.trouble.value
    assert started.panel.shot.condition.value == "failed"
    assert trouble is not None
    assert "/nothing/here.####.exr" in trouble.sentence
    assert started.panel.shot.facts.value is None


def test_of_two_shots_picked_in_a_row_the_second_stays(started: Desk) -> None:
    other = str(started.folder / "b" / "sh020.####.exr")
    started.knobs.plates[other] = described(other, size=[960, 540])
    seen: list[str] = []

    def see(facts: ShotFacts | None) -> None:
        if facts is not None:
            seen.append(facts.pattern)

    started.panel.shot.facts.subscribe(see)
    started.panel.shot.open(other)
    started.panel.shot.open(started.plate)
    started.runner.advance(0)
    assert seen == [started.plate]


def test_a_colour_space_says_who_says_it_and_the_artist_has_the_last_word(started: Desk) -> None:
    shot = started.panel.shot
    assert (shot.colorspace.value.text, shot.colorspace.value.origin) == ("ACEScg", "header")
    shot.pick(HostPlate(started.plate, colorspace="Linear Rec.709 (sRGB)", explicit=True))
    started.runner.advance(0)
    assert shot.colorspace.value.origin == "node"
    assert shot.color_part().colorspace == "Linear Rec.709 (sRGB)"
    shot.set_colorspace("ACES2065-1")
    assert (shot.colorspace.value.text, shot.colorspace.value.origin) == ("ACES2065-1", "you")
    assert shot.color_part().colorspace == "ACES2065-1"
    shot.set_colorspace(None)
    assert shot.colorspace.value.origin == "node"


def test_an_unknown_colour_space_is_a_problem_until_one_is_chosen(started: Desk) -> None:
    from ocio.errors import UnknownColourSpace

    error = error_json(UnknownColourSpace("nothing says which colour space it is in"))
    colour = described(started.plate)["color"] | {"colorspace": None, "error": error}
    started.knobs.plates[started.plate] = described(started.plate, color=colour)
    started.panel.shot.inspect()
    started.runner.advance(0)
    assert "nothing says" in started.panel.shot.colorspace.value.problem
    started.panel.shot.set_colorspace("ACEScg")
    assert started.panel.shot.colorspace.value.problem == ""


def test_the_selection_of_the_host_is_taken_with_name_range_and_policy(started: Desk) -> None:
    frames = FrameRange.parse("1005-1015")
    started.host.selected = (HostPlate(started.plate, "Read1", frames, "hold"),)
    started.panel.shot.pick_selection()
    started.runner.advance(0)
    shot = started.panel.shot
    assert shot.facts.value is not None
    assert shot.facts.value.name == "Read1"
    assert shot.frames.value == FrameRange.parse("1005-1008,1010-1015")
    assert shot.range_part() == Range(shot.frames.value, "hold")


def test_an_empty_selection_says_what_to_do(started: Desk) -> None:
    started.panel.shot.pick_selection()
    trouble = started.panel.shot.trouble.value
    assert trouble is not None
    assert "Select a plate" in trouble.remedy
    assert started.panel.shot.facts.value is not None  # the shot at hand stays


def test_the_hosts_config_and_view_go_into_the_job(started: Desk) -> None:
    started.host.chosen_colour = HostColour(
        "/c/config.ocio", "project", display="sRGB", view="ACES"
    )
    color = started.panel.shot.color_part()
    assert (color.ocio, color.view) == ("/c/config.ocio", "sRGB/ACES")


def test_the_rate_comes_from_the_host_where_the_header_has_none(started: Desk) -> None:
    started.host.clock = HostTimeline(1001, 1100, 1001, Fraction(25))
    started.knobs.plates[started.plate] = described(started.plate, frame_rate=None)
    started.panel.shot.inspect()
    started.runner.advance(0)
    assert started.panel.shot.rate.value == 25
    assert now(started.panel.shot.rate_origin) == "node"
    started.panel.shot.set_rate(Fraction(30))
    assert now(started.panel.shot.rate_origin) == "you"


def test_in_and_out_cut_the_range_and_holes_stay_holes(started: Desk) -> None:
    shot = started.panel.shot
    shot.set_in(1005)
    shot.set_out(1012)
    assert shot.frames.value == FrameRange.parse("1005-1008,1010-1012")
    assert not shot.whole_range
    shot.set_in(1020)  # behind the end: one frame is left
    assert shot.frames.value == FrameRange.of([1020])
    shot.reset_range()
    assert shot.whole_range


def test_fifteen_thumbnails_come_and_a_hole_has_none(started: Desk) -> None:
    thumbnails = started.panel.shot.thumbnails.value
    assert len(thumbnails) == 15
    assert thumbnails[0].frame == 1001
    assert thumbnails[-1].frame == 1048
    assert all(each.picture for each in thumbnails if not each.missing)
    missing = described(started.plate, frames="1001,1048", missing="1002-1047")
    started.knobs.plates[started.plate] = missing
    started.panel.shot.inspect()
    started.runner.advance(0)
    shown = started.panel.shot.thumbnails.value
    assert [each.picture is None for each in shown] == [each.missing for each in shown]
    assert sum(each.missing for each in shown) == 13


def test_a_shot_that_was_picked_without_a_service_is_read_when_it_comes(desk: Desk) -> None:
    desk.knobs.plates[desk.plate] = described(desk.plate)
    desk.panel.shot.open(desk.plate)
    desk.runner.advance(0)
    assert now(desk.panel.shot.condition) == "failed"
    assert desk.panel.shot.trouble.value is not None
    assert "It is read when" in desk.panel.shot.trouble.value.remedy
    desk.panel.service.connect()
    desk.runner.advance(0)
    assert now(desk.panel.shot.condition) == "ready"


def test_a_shot_that_is_picked_while_the_service_starts_waits_for_it(desk: Desk) -> None:
    desk.knobs.plates[desk.plate] = described(desk.plate)
    desk.panel.service.connect()
    desk.panel.shot.open(desk.plate)
    assert now(desk.panel.shot.condition) == "reading"
    desk.runner.advance(0)
    assert now(desk.panel.shot.condition) == "ready"


def test_frames_are_spread_with_both_ends() -> None:
    assert [*spread_over(FrameRange.parse("1-9"), 3)] == [1, 5, 9]
    assert [*spread_over(FrameRange.parse("1-2"), 5)] == [1, 2]
    assert [*spread_over(FrameRange(), 5)] == []


def test_plate_and_thumbnails_are_read_by_the_hosts_config_and_the_chosen_space(
    started: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspected: list[Reading] = []
    seen: list[tuple[Reading, str | None]] = []

    def inspect(path: str, reading: Reading) -> dict[str, Any]:
        inspected.append(reading)
        return described(path)

    def plate_frame(path: str, number: int, reading: Reading, **how: Any) -> bytes:
        seen.append((reading, how["view"]))
        return b"jpg"

    monkeypatch.setattr(started.client, "inspect", inspect)
    monkeypatch.setattr(started.client, "plate_frame", plate_frame)
    started.host.chosen_colour = HostColour("/show/config.ocio", display="sRGB", view="Film")
    shot, viewer = started.panel.shot, started.panel.viewer
    shot.inspect()
    started.runner.advance(0)
    assert inspected == [Reading(ocio="/show/config.ocio")]
    assert {*seen} == {(Reading(ocio="/show/config.ocio"), "sRGB/Film")}

    seen.clear()
    shot.set_colorspace("Linear Rec.709 (sRGB)")
    started.runner.advance(0)
    chosen = Reading(ocio="/show/config.ocio", colorspace="Linear Rec.709 (sRGB)")
    assert {*seen} == {(chosen, "sRGB/Film")}
    assert [source.reading for source in viewer.shown.value] == [chosen]
    assert chosen.colorspace == shot.color_part().colorspace
    seen.clear()
    shot.set_colorspace("Linear Rec.709 (sRGB)")
    started.runner.advance(0)
    assert seen == []
