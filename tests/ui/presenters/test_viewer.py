"""The viewer: sources, comparison, play-head."""

from __future__ import annotations

import pytest

from ocio.frame_range import FrameRange
from tests.ui.presenters.desk import Desk, now
from ui.pictures import Source, width_for
from ui.presenters.viewer import Line, ViewerPresenter, nearest_index

EDIT = Source(job_id="abc", what="edit", frames=FrameRange.parse("1001-1048"), name="edit")


@pytest.fixture
def viewer(started: Desk) -> ViewerPresenter:
    return started.panel.viewer


def names(viewer: ViewerPresenter) -> list[str]:
    return [source.name for source in viewer.shown.value]


def test_a_new_shot_shows_its_plate(started: Desk, viewer: ViewerPresenter) -> None:
    assert names(viewer) == ["plate"]
    assert viewer.shown.value[0].path == started.plate
    assert viewer.frame.value == 1001
    assert viewer.message.value == ""


def test_without_a_shot_there_is_nothing_but_a_word(desk: Desk) -> None:
    assert desk.panel.viewer.shown.value == ()
    assert desk.panel.viewer.message.value


def test_an_edit_is_shown_when_it_comes_and_the_plate_on_demand(viewer: ViewerPresenter) -> None:
    viewer.show_edit(EDIT)
    assert names(viewer) == ["edit"]
    viewer.show_what("plate")
    assert names(viewer) == ["plate"]
    viewer.show_what("difference")
    assert [source.what for source in viewer.shown.value] == ["difference"]
    assert viewer.choices() == ("plate", "edit", "difference", "matte")


def test_what_does_not_exist_cannot_be_chosen(viewer: ViewerPresenter) -> None:
    viewer.show_what("matte")
    assert viewer.what.value == "plate"
    viewer.show_edit(Source(path="/o/v003.####.exr", name="v003"))
    viewer.show_what("difference")
    assert now(viewer.what) == "edit"
    viewer.show_edit(None)
    assert now(viewer.what) == "plate"


def test_a_wipe_shows_both_and_ends_where_it_began(viewer: ViewerPresenter) -> None:
    viewer.toggle_wipe()
    assert names(viewer) == ["plate"]  # nothing to compare with
    viewer.show_edit(EDIT)
    assert names(viewer) == ["plate", "edit"]
    viewer.set_wipe(1.7)
    assert viewer.wipe.value == 1.0
    viewer.toggle_wipe()
    assert names(viewer) == ["edit"]


def test_a_held_key_shows_the_other_side(viewer: ViewerPresenter) -> None:
    viewer.show_edit(EDIT)
    viewer.hold_toggle(True)
    assert names(viewer) == ["plate"]
    viewer.hold_toggle(False)
    assert names(viewer) == ["edit"]
    viewer.set_compare("side")
    viewer.hold_toggle(True)
    assert names(viewer) == ["edit", "plate"]


def test_two_versions_are_compared_and_the_plate_comes_back(viewer: ViewerPresenter) -> None:
    viewer.set_compare("wipe")
    one, two = Source(path="/o/v001", name="v001"), Source(path="/o/v002", name="v002")
    viewer.show_edit(two, compare_with=one)
    assert names(viewer) == ["v001", "v002"]
    viewer.show_edit(two)
    assert names(viewer) == ["plate", "v002"]


def test_the_play_head_passes_over_holes_and_stops_at_the_ends(viewer: ViewerPresenter) -> None:
    viewer.go_to(1008)
    viewer.step(1)
    assert viewer.frame.value == 1010
    viewer.step(-100)
    assert now(viewer.frame) == 1001
    viewer.last()
    assert now(viewer.frame) == 1048
    viewer.go_to(1009)
    assert now(viewer.frame) == 1008


def test_playing_goes_round_and_a_second_press_is_faster(viewer: ViewerPresenter) -> None:
    viewer.last()
    viewer.play()
    assert viewer.tick_seconds == pytest.approx(1001 / 24000)
    viewer.advance()
    assert viewer.frame.value == 1001
    viewer.play()
    assert viewer.playing.value == 2
    assert viewer.tick_seconds == pytest.approx(1001 / 48000)
    viewer.play(-1)
    assert now(viewer.playing) == -1
    viewer.advance()
    assert now(viewer.frame) == 1048
    viewer.step(-1)
    assert now(viewer.playing) == 0


def test_a_single_frame_does_not_play(started: Desk, viewer: ViewerPresenter) -> None:
    started.panel.shot.set_range(1004, 1004)
    viewer.toggle_play()
    assert viewer.playing.value == 0


def test_in_and_out_are_set_at_the_play_head(started: Desk, viewer: ViewerPresenter) -> None:
    viewer.go_to(1012)
    viewer.set_in()
    viewer.go_to(1020)
    viewer.set_out()
    assert started.panel.shot.frames.value == FrameRange.parse("1012-1020")
    viewer.first()
    assert viewer.frame.value == 1012


def test_a_play_head_outside_a_new_range_comes_in(started: Desk, viewer: ViewerPresenter) -> None:
    viewer.go_to(1040)
    started.panel.shot.set_range(1001, 1010)
    assert viewer.frame.value == 1010


def test_display_settings_have_ends_and_a_way_back(viewer: ViewerPresenter) -> None:
    viewer.set_exposure(99)
    viewer.set_gamma(0)
    viewer.set_gain(1000)
    assert (viewer.exposure.value, viewer.gamma.value, viewer.gain.value) == (8.0, 0.2, 64.0)
    viewer.reset_display()
    assert (now(viewer.exposure), now(viewer.gamma)) == (0.0, 1.0)
    viewer.zoom_to(1, (0.2, 0.3))
    assert (viewer.zoom.value, viewer.scale.value) == ("free", 1)
    viewer.fit()
    assert (now(viewer.zoom), viewer.centre.value) == ("fit", (0.5, 0.5))


def test_another_shot_ends_slice_playing_and_edit(started: Desk, viewer: ViewerPresenter) -> None:
    viewer.show_edit(EDIT)
    viewer.set_slice(Line(0, 0.5, 1, 0.5))
    viewer.play()
    started.panel.shot.open("/somewhere/else")
    assert viewer.slice_line.value is None
    assert viewer.playing.value == 0
    assert viewer.shown.value == ()


def test_the_nearest_frame_of_a_range_with_a_hole() -> None:
    frames = FrameRange.parse("1-3,10")
    assert [nearest_index(frames, frame) for frame in (-5, 2, 5, 7, 99)] == [0, 1, 2, 3, 3]


def test_pictures_are_asked_for_at_few_widths() -> None:
    assert [width_for(pixels) for pixels in (1, 320, 321, 960, 1200, 5000)] == [
        *(320, 320, 640, 960, 1920, 1920)
    ]


def test_a_source_is_fetched_from_the_plate_or_the_job(started: Desk) -> None:
    plate = Source(path=started.plate, name="plate")
    assert plate.fetch(started.client, 1001, 320).startswith(b"\x89PNG")
    with pytest.raises(Exception, match="abc"):
        EDIT.fetch(started.client, 1001, 320)
