"""What the panel relies on, of every host alike; a host's own tests may add to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest

from ocio.frame_range import FrameRange
from tests.plugin.host_cases import CASES, HostCase, missing
from tests.ui.conftest import _what_was_there_before_counts_for_nothing, nothing_is_left_behind
from ui.host import Capability

__all__ = ["_what_was_there_before_counts_for_nothing", "nothing_is_left_behind"]


@pytest.fixture(params=[name for name in CASES if not missing(name)])
def case(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: object
) -> Iterator[HostCase]:
    """Each host of this environment, with a plate selected in it."""
    monkeypatch.delenv("OCIO", raising=False)
    with CASES[request.param](tmp_path) as case:
        yield case
        case.host.close()


def needs(case: HostCase, capability: Capability) -> None:
    """Skip where a host says itself that it cannot."""
    if capability not in case.host.capabilities:
        pytest.skip(f"{case.host.info.name} has no {capability}")


def test_it_says_which_program_it_is(case: HostCase) -> None:
    info = case.host.info
    assert info.name
    assert info.version[0].isdigit()
    assert info.python.startswith("3.")
    assert info.pid > 0


def test_it_knows_only_capabilities_that_the_panel_knows(case: HostCase) -> None:
    assert case.host.capabilities <= set(get_args(Capability))


def test_what_it_cannot_do_it_does_not_and_raises_nothing(case: HostCase, tmp_path: Path) -> None:
    host, can = case.host, case.host.capabilities
    if "selection" not in can:
        assert host.plates() == ()
    if "timeline" not in can:
        assert host.timeline() is None
    if "colour" not in can:
        assert host.colour() is None
    if "place_result" not in can:
        assert host.place_result(case.result(tmp_path)) is None
    host.reload("nothing of this name")


def test_the_selected_plate_is_told_as_a_pattern_with_its_frames(case: HostCase) -> None:
    needs(case, "selection")
    (plate,) = case.host.plates()
    assert Path(plate.path).is_absolute()
    assert "\\" not in plate.path
    assert plate.path == case.plate
    assert plate.name
    assert plate.frames in (None, FrameRange.parse("1001-1005"))


def test_the_rate_is_a_rational_number(case: HostCase) -> None:
    needs(case, "timeline")
    timeline = case.host.timeline()
    assert timeline is not None
    assert timeline.fps == Fraction(24)
    assert timeline.first <= timeline.last


def test_ocio_in_the_environment_comes_before_what_a_project_says(
    case: HostCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(case, "colour")
    config = tmp_path / "show.ocio"
    config.write_text("ocio_profile_version: 2\n")
    monkeypatch.setenv("OCIO", str(config))
    colour = case.host.colour()
    assert colour is not None
    assert (colour.config, colour.chosen_by) == (str(config), "$OCIO")
    first = colour.config_sha256
    config.write_text("ocio_profile_version: 2.1\n")
    again = case.host.colour()
    assert again is not None
    assert first != again.config_sha256
    assert len(first) == 64


def test_a_result_is_placed_with_its_range(case: HostCase, tmp_path: Path) -> None:
    needs(case, "place_result")
    result = case.result(tmp_path, "1002-1004")
    assert case.host.place_result(result)
    ((path, frames, _),) = case.shown()
    assert (path, frames) == (result.path, "1002-1004")


def test_the_same_job_again_updates_what_is_there(case: HostCase, tmp_path: Path) -> None:
    needs(case, "place_result")
    first = case.host.place_result(case.result(tmp_path, "1001-1002"))
    again = case.host.place_result(case.result(tmp_path, "1001-1005"))
    assert first == again
    assert [frames for _, frames, _ in case.shown()] == ["1001-1005"]


def test_another_job_gets_a_place_of_its_own(case: HostCase, tmp_path: Path) -> None:
    needs(case, "place_result")
    case.host.place_result(case.result(tmp_path))
    case.host.place_result(case.result(tmp_path, job_id="job-2"))
    assert len(case.shown()) == 2


def test_a_result_whose_plate_is_gone_is_placed_all_the_same(
    case: HostCase, tmp_path: Path
) -> None:
    needs(case, "place_result")
    gone = case.result(tmp_path, plate_path=str(tmp_path / "gone.####.exr"))
    assert case.host.place_result(gone)
    assert len(case.shown()) == 1


def test_a_placed_result_is_no_plate_for_the_next_one(case: HostCase, tmp_path: Path) -> None:
    needs(case, "place_result")
    first = case.result(tmp_path)
    case.host.place_result(first)
    case.host.place_result(case.result(tmp_path, job_id="job-2", plate_path=first.path))
    assert [frames for _, frames, _ in case.shown()] == ["1001-1005"] * 2


def test_a_colour_space_that_the_host_has_not_is_told_and_not_set(
    case: HostCase, tmp_path: Path
) -> None:
    needs(case, "place_result")
    heard: list[str] = []
    case.host.notices.subscribe(heard.append)
    assert case.host.place_result(case.result(tmp_path, colorspace="no such space"))
    ((_, _, space),) = case.shown()
    assert space != "no such space"
    assert "no such space" in heard[0]


def test_a_result_that_is_not_on_disk_is_told_and_not_placed(
    case: HostCase, tmp_path: Path
) -> None:
    needs(case, "place_result")
    heard: list[str] = []
    case.host.notices.subscribe(heard.append)
    result = replace(case.result(tmp_path), frames=FrameRange.of([]))
    assert case.host.place_result(result) is None
    assert case.shown() == []
    assert result.path in heard[0]


def test_placing_is_one_step_to_undo(case: HostCase, tmp_path: Path) -> None:
    needs(case, "undo")
    assert case.steps is not None
    before = case.steps()
    case.host.place_result(case.result(tmp_path))
    assert case.steps() == before + 1


def test_a_placed_result_can_be_read_again(case: HostCase, tmp_path: Path) -> None:
    needs(case, "reload")
    handle = case.host.place_result(case.result(tmp_path))
    assert handle is not None
    case.host.reload(handle)
    assert len(case.shown()) == 1


def test_a_call_from_the_main_thread_is_made_at_once(case: HostCase) -> None:
    called: list[threading.Thread] = []
    case.host.call_main(lambda: called.append(threading.current_thread()))
    assert called == [threading.main_thread()]


def test_a_call_from_another_thread_is_made_in_the_main_thread_in_order(case: HostCase) -> None:
    called: list[tuple[int, threading.Thread]] = []

    def ask() -> None:
        for number in range(3):
            case.host.call_main(lambda number=number: _note(called, number))  # type: ignore[misc]

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert called == []
    case.turn()
    assert called == [(number, threading.main_thread()) for number in range(3)]


def test_a_project_that_is_opened_is_told_before_and_after(case: HostCase, tmp_path: Path) -> None:
    if case.open_project is None:
        pytest.skip(f"{case.host.info.name} has no projects")
    told: list[tuple[str, str, str]] = []
    host = case.host
    host.leaving.subscribe(lambda name: told.append(("leaving", name, host.defaults().project)))
    host.arrived.subscribe(lambda name: told.append(("arrived", name, host.defaults().project)))
    before, after = host.defaults().project, str(tmp_path / "other")
    case.open_project(after)
    assert [each[0] for each in told] == ["leaving", "arrived"]
    assert told[0][1:] == (before, before)
    assert told[1][1] == told[1][2] == host.defaults().project != before


def test_saving_under_another_name_changes_the_name_alone(case: HostCase, tmp_path: Path) -> None:
    if case.save_project is None:
        pytest.skip(f"{case.host.info.name} has no projects")
    told: list[str] = []
    case.host.leaving.subscribe(told.append)
    case.save_project(str(tmp_path / "saved"))
    assert Path(case.host.defaults().project).stem == "saved"
    assert told == []


def test_a_notice_blocks_nothing_and_is_written_down(
    case: HostCase, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    case.host.notices.subscribe(heard.append)
    case.host.notify("warning", "the disk is full", "Remove something.")
    assert heard == ["the disk is full. Remove something."]
    assert "the disk is full. Remove something." in capsys.readouterr().err


def test_its_folders_are_those_that_it_was_given(case: HostCase, tmp_path: Path) -> None:
    defaults = case.host.defaults()
    assert defaults.settings == tmp_path / "settings"
    assert defaults.output_root is None
    assert defaults.runtime.is_absolute()


def test_closing_it_twice_is_harmless(case: HostCase) -> None:
    case.host.close()
    case.host.close()


def _note(called: list[tuple[int, threading.Thread]], number: int) -> None:
    called.append((number, threading.current_thread()))
